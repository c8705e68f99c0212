// ClientConnection: one stream to a server, which carries one request after the other.

#pragma once

#include <memory>
#include <optional>

#include "net/http/pool.h"

namespace selvedge::net::http {

class ClientConnection final : public os::StreamEvents,
                               public std::enable_shared_from_this<ClientConnection> {
 public:
  ClientConnection(std::shared_ptr<Pool> pool, Host& host) : pool_(std::move(pool)), host_(&host) {}

  void open(std::shared_ptr<Job> job);  // for its first job
  void take(std::shared_ptr<Job> job);  // for a further one
  // Ends at once, without events and without a word to its job.
  void abandon();
  void pause();   // for its job
  void resume();

  Host& host() { return *host_; }
  base::Instant idle_since() const { return idle_since_; }
  const std::shared_ptr<Job>& job() const { return job_; }

  void on_open(os::Stream&) override;
  void on_bytes(os::Stream&, base::BytesView bytes) override;
  void on_close(os::Stream&, const base::Error& why) override;

 private:
  void send();
  bool parse(base::BytesView& bytes);
  bool hand_over();
  void complete(bool clean);
  void fail(base::Error error);
  void begin_response();
  std::string step() const;

  std::shared_ptr<Pool> pool_;
  Host* host_;
  std::unique_ptr<os::Stream> stream_;
  std::shared_ptr<Job> job_;  // null while idle
  std::optional<Parser> parser_;
  base::Bytes input_;         // of a head or chunk line that is not whole
  std::uint32_t served_ = 0;  // requests answered before the present one
  bool any_bytes_ = false;    // of the present response
  bool opened_ = false;
  bool head_told_ = false;    // to a job that streams
  base::Instant idle_since_{};
};

}  // namespace selvedge::net::http
