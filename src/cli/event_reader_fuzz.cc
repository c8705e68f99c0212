#include "cli/event_reader.h"

// However the bytes are cut, the same events come out.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace selvedge;
  const base::BytesView bytes(data, size);
  std::string whole, pieces;
  const auto keep = [](std::string& into) {
    return [&into](const cli::ServerEvent& e) { into += e.name + "\1" + e.data + "\1" + e.id + "\2"; };
  };
  cli::EventReader at_once(1 << 12), bit_by_bit(1 << 12);
  const bool good = at_once.read(bytes, keep(whole)).has_value();
  bool also_good = true;
  for (std::size_t at = 0; at < size && also_good; ++at)
    also_good = bit_by_bit.read(bytes.subspan(at, 1), keep(pieces)).has_value();
  CHECK(good == also_good && whole == pieces);
  return 0;
}
