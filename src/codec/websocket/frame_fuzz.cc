// Arbitrary bytes through a Decoder, whole and one by one: both ways must tell the same story, and
// every piece must stay within the bound. The first byte picks the role.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "codec/websocket/frame.h"

namespace {

namespace websocket = selvedge::codec::websocket;
using selvedge::base::BytesView;

constexpr std::uint64_t limit = 1 << 16;

// Messages as text, pieces joined, and how it ended.
struct Story {
  std::string text;

  bool feed(websocket::Decoder& decoder, BytesView in) {
    for (;;) {
      const auto event = decoder.next(in);
      if (!event) {
        text += "!" + std::to_string(static_cast<int>(decoder.close_code()));
        return false;
      }
      if (!*event) return true;
      const websocket::Event& e = **event;
      text += static_cast<char>('a' + static_cast<int>(e.kind));
      text += selvedge::base::as_text(e.payload);
      // How data is cut into pieces follows the input, so only ends are compared.
      const bool data = e.kind == websocket::Opcode::text || e.kind == websocket::Opcode::binary;
      if (data) text.erase(text.size() - e.payload.size() - 1, 1);
      if (e.last) text += "|" + std::to_string(static_cast<int>(e.code));
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto role = data[0] & 1 ? websocket::Role::client : websocket::Role::server;
  const BytesView in(data + 1, size - 1);

  websocket::Decoder whole(role, limit), split(role, limit);
  Story first, second;
  first.feed(whole, in);
  for (std::size_t i = 0; i < in.size(); ++i) {
    if (!second.feed(split, in.subspan(i, 1))) break;
  }
  if (first.text != second.text) std::abort();
  return 0;
}
