// Decodes arbitrary bytes as both versions, whole and in cuts taken from the input. Both must give
// the same, and whatever decodes must encode to something that decodes and encodes to itself.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "codec/mqtt/packet.h"
#include "codec/mqtt/samples.h"

namespace {

using namespace selvedge;
using namespace selvedge::codec::mqtt;

struct Outcome {
  base::Bytes encoded;
  std::optional<Reason> error;
  Version version{};

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Decodes `bytes` in pieces of `cut` bytes, growing by one each time.
Outcome decode(base::BytesView bytes, Version version, std::size_t cut) {
  Outcome outcome;
  Decoder decoder(4'096);
  decoder.set_version(version);
  base::Bytes again;
  while (!bytes.empty() && !outcome.error) {
    const std::size_t count = bytes.size() < cut ? bytes.size() : cut++;
    const base::Bytes piece(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
    bytes = bytes.subspan(count);
    decoder.feed(piece);
    for (;;) {
      const auto packet = decoder.next();
      if (!packet) outcome.error = packet.error().reason;
      if (!packet || !*packet) break;
      again.clear();
      samples::encode_any(**packet, decoder.version(), again);
      Decoder second(1 << 20);
      second.set_version(decoder.version());
      second.feed(again);
      const auto same = second.next();
      CHECK(same && *same);
      CHECK((*same)->index() == (*packet)->index());
      base::Bytes thrice;
      samples::encode_any(**same, second.version(), thrice);
      CHECK(thrice == again);
      base::append(outcome.encoded, again);
    }
  }
  outcome.version = decoder.version();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const base::BytesView bytes(data + 1, size - 1);
  for (const Version version : {Version::v311, Version::v5}) {
    const Outcome whole = decode(bytes, version, bytes.size());
    CHECK(decode(bytes, version, std::size_t{1} + data[0]) == whole);
  }
  std::string_view text = base::as_text(bytes);
  const std::string_view topic = text.substr(0, data[0]);
  text.remove_prefix(topic.size());
  if (is_topic_name(topic) && is_topic_filter(text)) (void)matches(text, topic);
  if (is_topic_name(topic)) CHECK(matches(topic, topic));
  (void)split_shared(text);
  return 0;
}
