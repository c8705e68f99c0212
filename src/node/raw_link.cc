#include "node/raw_link.h"

#include <utility>

#include "base/log.h"
#include "base/text.h"

namespace selvedge::node {

using base::Code;
using base::Result;
namespace uplink = codec::uplink;

RawLink::RawLink(os::World& world, store::ReadingStore& store, Uplink& up, std::string node, Seal seal,
                 base::Registry& metrics)
    : world_(world),
      store_(store),
      uplink_(up),
      node_(std::move(node)),
      seal_(std::move(seal)),
      answered_(metrics.counter("selvedge_raw_questions_total", "Questions of the cloud for raw readings.")),
      unreadable_(metrics.counter("selvedge_raw_unreadable_total",
                                  "Questions for raw readings that could not be read.")) {
  up.add({uplink::raw_request_topic(node_), [] {}, [this](base::BytesView payload) { received(payload); },
          [] {}});
}

// As a block of these readings would be.
Result<base::Bytes> RawLink::open_frame(std::string_view series, const codec::Columns& open) const {
  base::Bytes frame;
  TRY(codec::encode_frame(open, frame));
  if (!seal_) return frame;
  return seal_(series, frame, world_.loop().wall_now());
}

Result<bool> RawLink::collect(const uplink::RawRequest& request, std::vector<base::Bytes>& frames) const {
  const model::SeriesDef* const def = store_.find(request.series);
  if (def == nullptr)
    return base::fail(Code::not_found, "series '" + base::printable(request.series) + "' is unknown on the node");
  std::uint64_t skip = request.skip;
  std::size_t bytes = 0;
  bool more = false;
  Result<void> coded;
  const auto take = [&](base::BytesView frame) {
    if (skip > 0) {
      --skip;
      return true;
    }
    more = !frames.empty() && bytes + frame.size() > max_answer_bytes;
    if (more) return false;
    bytes += frame.size();
    frames.emplace_back(frame.begin(), frame.end());
    return true;
  };
  TRY(store_.visit(
      def->id, request.from, request.to,
      [&](const model::BlockSummary&, base::BytesView frame) { return take(frame); },
      [&](const codec::Columns& open) {
        const auto frame = open_frame(def->name, open);
        if (frame) take(*frame);
        else coded = std::unexpected(frame.error());
        return true;
      }));
  TRY(std::move(coded));
  return more;
}

void RawLink::received(base::BytesView payload) {
  const auto request = uplink::decode_raw_request(payload);
  if (!request) {
    unreadable_.add();
    base::log::warn("raw", "unreadable question from the cloud", {{"why", request.error()}});
    return;
  }
  answered_.add();
  std::vector<base::Bytes> frames;
  const auto more = collect(*request, frames);
  uplink::RawAnswer answer;
  answer.request = request->request;
  if (more) {
    answer.more = *more;
    answer.frames.assign(frames.begin(), frames.end());
  } else {
    answer.refused = more.error().code;
    answer.why = std::string_view(more.error().message).substr(0, 1024);
  }
  base::Bytes bytes;
  uplink::encode(answer, bytes);
  base::ignore(uplink_.send(uplink::raw_answer_topic(node_), bytes), "without a connection nobody waits for it");
}

}  // namespace selvedge::node
