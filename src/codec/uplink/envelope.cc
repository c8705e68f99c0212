#include "codec/uplink/envelope.h"

#include "codec/envelope/envelope.h"
#include "codec/uplink/uplink.h"

namespace selvedge::codec::uplink {
namespace {

constexpr Envelope envelope{{'S', 'U'}, version, max_batch_bytes, "uplink message"};

std::string_view step_of(MessageKind kind) {
  switch (kind) {
    case MessageKind::batch: return "read batch";
    case MessageKind::ack: return "read acknowledgement";
    case MessageKind::raw_request: return "read a question for raw readings";
    case MessageKind::raw_answer: break;
  }
  return "read an answer with raw readings";
}

}  // namespace

std::size_t begin_message(MessageKind kind, base::Bytes& out) {
  return envelope.begin(static_cast<std::uint8_t>(kind), out);
}

void end_message(std::size_t start, base::Bytes& out) { Envelope::end(start, out); }

std::unexpected<base::Error> refuse(MessageKind kind, base::Code code, std::string_view why) {
  return base::fail(code, std::string(step_of(kind)) + ": " + std::string(why));
}

base::Result<base::BytesView> open_message(MessageKind kind, base::BytesView payload) {
  const auto opened = TRY(base::while_doing(step_of(kind), envelope.open(payload)));
  if (opened.kind != static_cast<std::uint8_t>(kind))
    return refuse(kind, base::Code::invalid_input,
                  "it is a message of kind " + std::to_string(opened.kind));
  return opened.body;
}

}  // namespace selvedge::codec::uplink
