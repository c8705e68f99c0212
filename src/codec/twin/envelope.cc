#include "codec/twin/envelope.h"

#include "codec/envelope/envelope.h"
#include "codec/twin/twin.h"

namespace selvedge::codec::twin {
namespace {

constexpr Envelope envelope{{'S', 'T'}, version, max_message_bytes, "twin message"};
constexpr std::string_view step = "read twin message";

}  // namespace

std::size_t begin_message(Kind kind, base::Bytes& out) {
  return envelope.begin(static_cast<std::uint8_t>(kind), out);
}

void end_message(std::size_t start, base::Bytes& out) { Envelope::end(start, out); }

std::unexpected<base::Error> refuse(base::Code code, std::string_view why) {
  return base::fail(code, std::string(step) + ": " + std::string(why));
}

base::Result<Opened> open_message(base::BytesView payload) {
  const auto opened = TRY(base::while_doing(step, envelope.open(payload)));
  if (opened.kind < static_cast<std::uint8_t>(Kind::hello) ||
      opened.kind > static_cast<std::uint8_t>(Kind::answer))
    return refuse(base::Code::invalid_input, "kind " + std::to_string(opened.kind) + " is not known here");
  return Opened{static_cast<Kind>(opened.kind), opened.body};
}

}  // namespace selvedge::codec::twin
