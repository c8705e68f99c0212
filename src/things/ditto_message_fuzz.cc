#include "things/ditto_message.h"

// What can be read can be written, and reads the same again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace selvedge;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::string correlation;
  if (const auto message = things::parse_ditto(text, correlation)) {
    std::string again_correlation;
    const std::string written = things::to_json(*message);
    const auto again = things::parse_ditto(written, again_correlation);
    CHECK(again.has_value());
    CHECK(again->id() == message->id() && again->path == message->path);
    CHECK(again->value == message->value && again->action == message->action);
  }
  const things::PatchPlace place = things::place_of(text);
  CHECK(place.value.size() <= text.size());
  return 0;
}
