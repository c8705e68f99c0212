#include "things/http_path.h"

#include "things/http_json.h"
#include "base/json_pointer.h"

// Whatever a path says is what a twin may have; what is selected of JSON is JSON members again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace selvedge;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto path = things::parse_twin_path(text)) {
    CHECK(model::is_twin_id(path->id));
    if (path->kind == things::TwinPath::Kind::part) CHECK(things::check_pointer(path->pointer));
    (void)things::history_of(path->pointer);
  }
  CHECK(base::pointer_name(base::pointer_token(text)) == text);
  if (const auto members = things::json_members(text))
    for (const auto& member : *members) CHECK(!member.value.empty());
  const std::size_t half = size / 2;
  if (const auto selector = things::FieldSelector::parse(text.substr(0, half)))
    (void)selector->select(text.substr(half));
  return 0;
}
