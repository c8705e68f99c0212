#include "base/checksummed.h"

#include <string>

#include "base/crc32c.h"

namespace selvedge::base {

void append_checksum(Bytes& out, std::size_t begin) {
  Writer(out).u32(crc32c(BytesView(out).subspan(begin)));
}

Result<Reader> read_checksummed(BytesView bytes, std::uint32_t magic, std::string_view what) {
  const auto corrupt = [what](const char* why) { return fail(Code::corrupt, std::string(what) + ": " + why); };
  if (bytes.size() < 8) return corrupt("too short");
  const BytesView body = bytes.first(bytes.size() - 4);
  Reader checksum(bytes.subspan(body.size()));
  if (checksum.u32() != crc32c(body)) return corrupt("wrong checksum");
  Reader contents(body);
  if (contents.u32() != magic) return corrupt("of another version");
  return contents;
}

}  // namespace selvedge::base
