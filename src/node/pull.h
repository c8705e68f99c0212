// Pull: HTTP sources: every period all URLs of a source are fetched at once and their answers
// become readings. A source that is slow or down holds up no other. Belongs to the loop thread.

#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/metrics.h"
#include "net/http/http.h"
#include "node/config.h"
#include "node/ingest.h"
#include "os/world.h"

namespace selvedge::node {

class Pull {
 public:
  // `commit` is called after readings were added.
  Pull(os::World& world, Ingest& ingest, base::Registry& metrics, const PullConfig& config,
       std::shared_ptr<os::Tls> tls, std::function<void()> commit);
  ~Pull();

  void start();

 private:
  void poll();
  void answered(std::size_t index, base::Result<net::http::Fetched> fetched);
  base::Result<std::size_t> take(std::size_t index, const net::http::Fetched& fetched);
  base::Result<std::size_t> take_pointers(const std::string& prefix, const net::http::Fetched& fetched);

  struct Wanted {
    std::string series, pointer;
  };

  os::World& world_;
  Ingest& ingest_;
  PullConfig config_;
  std::function<void()> commit_;
  net::http::Client client_;
  codec::payload::Options options_;
  std::vector<Wanted> wanted_;
  std::vector<std::string> prefixes_;  // of each URL's series
  os::TimerId timer_{};
  std::size_t outstanding_ = 0;
  base::Counter& fetches_;
  base::Counter& failures_;
  base::Counter& skipped_;
};

}  // namespace selvedge::node
