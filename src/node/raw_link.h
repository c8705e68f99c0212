// RawLink: answers the cloud's questions for raw readings that stayed on this node, on the uplink's
// connection.
//
// One question is answered by one message: as many frames as fit into max_answer_bytes, and whether there
// are more; the cloud then asks for those. Nothing is kept between questions, so each page reads what came
// before it again. Belongs to the loop thread.

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "codec/uplink/uplink.h"
#include "node/uplink.h"
#include "os/world.h"
#include "store/reading_store.h"

namespace selvedge::node {

class RawLink {
 public:
  // A frame may be larger; it then goes alone.
  static constexpr std::size_t max_answer_bytes = 512 << 10;

  // Before the uplink starts; lives as long as it.
  // `seal`: how the store makes blocks unreadable for others, if it does; then open readings go so, too.
  using Seal = std::function<base::Result<base::Bytes>(std::string_view series, base::BytesView frame, base::Time now)>;
  RawLink(os::World& world, store::ReadingStore& store, Uplink& uplink, std::string node, Seal seal,
          base::Registry& metrics);

 private:
  void received(base::BytesView payload);
  base::Result<base::Bytes> open_frame(std::string_view series, const codec::Columns& open) const;
  // The frames of an answer, in `frames`; true if there are more.
  base::Result<bool> collect(const codec::uplink::RawRequest& request, std::vector<base::Bytes>& frames) const;

  os::World& world_;
  store::ReadingStore& store_;
  Uplink& uplink_;
  std::string node_;
  Seal seal_;
  base::Counter& answered_;
  base::Counter& unreadable_;
};

}  // namespace selvedge::node
