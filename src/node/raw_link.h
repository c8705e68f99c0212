// RawLink: answers the cloud's questions for raw readings that stayed on this node, on the uplink's
// connection.
//
// One question is answered by one message: as many frames as fit into max_answer_bytes, and whether there
// are more; the cloud then asks for those. Nothing is kept between questions. Belongs to the loop thread.

#pragma once

#include <string>

#include "base/metrics.h"
#include "codec/uplink/uplink.h"
#include "node/uplink.h"
#include "store/reading_store.h"

namespace selvedge::node {

class RawLink {
 public:
  // A frame may be larger; it then goes alone.
  static constexpr std::size_t max_answer_bytes = 512 << 10;

  // Before the uplink starts; lives as long as it.
  RawLink(store::ReadingStore& store, Uplink& uplink, std::string node, base::Registry& metrics);

 private:
  void received(base::BytesView payload);
  // The frames of an answer, in `frames`; true if there are more.
  base::Result<bool> collect(const codec::uplink::RawRequest& request, std::vector<base::Bytes>& frames) const;

  store::ReadingStore& store_;
  Uplink& uplink_;
  std::string node_;
  base::Counter& answered_;
  base::Counter& unreadable_;
};

}  // namespace selvedge::node
