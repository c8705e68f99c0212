#include "codec/envelope/envelope.h"

#include "base/crc32c.h"
#include "base/wire.h"

namespace selvedge::codec {
namespace {

using base::Code;
using base::fail;

constexpr std::size_t checksum_at = 4;

std::uint32_t checksum(base::BytesView message) {
  return base::crc32c(message.subspan(envelope_bytes),
                      base::crc32c(message.subspan(0, checksum_at)));
}

}  // namespace

std::size_t Envelope::begin(std::uint8_t kind, base::Bytes& out) const {
  const std::size_t start = out.size();
  base::Writer writer(out);
  writer.raw(letters);
  writer.u8(version);
  writer.u8(kind);
  writer.u32(0);
  return start;
}

void Envelope::end(std::size_t start, base::Bytes& out) {
  base::Writer(out).patch_u32(start + checksum_at, checksum(base::BytesView(out).subspan(start)));
}

base::Result<Envelope::Opened> Envelope::open(base::BytesView message) const {
  if (message.size() > most_bytes)
    return fail(Code::invalid_input, std::to_string(message.size()) + " bytes are more than the " +
                                         std::to_string(most_bytes) + " allowed");
  if (message.size() < envelope_bytes || message[0] != letters[0] || message[1] != letters[1])
    return fail(Code::corrupt, "it is no " + std::string(name));
  if (message[2] != version)
    return fail(Code::invalid_input, "version " + std::to_string(message[2]) +
                                         " is not known here, only " + std::to_string(version));
  base::Reader reader(message.subspan(checksum_at));
  if (reader.u32() != checksum(message)) return fail(Code::corrupt, "its checksum does not match");
  return Opened{message[3], message.subspan(envelope_bytes)};
}

}  // namespace selvedge::codec
