// Reads arbitrary bytes as a saved twin and as changes to one. What is read is used, saved and read again.

#include <cstdlib>

#include "engine/twin/twin.h"

using namespace selvedge;
using engine::Twin;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void use(Twin& twin) {
  const std::string document = twin.json("n:d", "").value_or("");
  (void)twin.delta();
  (void)twin.metadata_json("");
  base::Bytes bytes;
  twin.save(bytes);
  const auto again = Twin::load(bytes);
  require(again.has_value());
  require(again->json("n:d", "").value_or("") == document);
  const engine::TwinLimits limits;
  base::ignore(twin.edit({engine::TwinEdit::Kind::merge, "", R"({"attributes":{"a":{"b":1}}})"}, {1, 1}, limits),
               "it may be too large");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::BytesView bytes(data, size);
  if (auto twin = Twin::load(bytes)) use(*twin);
  Twin changed;
  if (changed.load_changes(bytes)) {
    if (auto twin = Twin::load(bytes)) base::ignore(twin->load_changes(bytes), "any answer will do");
    (void)changed.json("n:d", "");
  }
  return 0;
}
