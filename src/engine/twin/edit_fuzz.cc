// Edits a twin as arbitrary bytes say: a kind, a pointer and JSON, several times over. What comes of it must
// be a twin that another replica joins to the same document, and that comes back from its bytes.

#include <cstdlib>

#include "engine/twin/twin.h"

using namespace selvedge;
using engine::Twin;
using engine::TwinEdit;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

std::string text(const Twin& twin) { return twin.json("n:d", "").value_or(""); }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // "kind pointer\njson\n" each.
  std::string_view rest = base::as_text({data, size});
  engine::TwinLimits limits;
  Twin twin, other;
  std::int64_t now = 1000;
  for (int i = 0; i < 64 && !rest.empty(); ++i) {
    const auto line = [&] {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view taken = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      return taken;
    };
    std::string_view pointer = line();
    const std::string_view json = line();
    TwinEdit edit;
    if (!pointer.empty()) {
      edit.kind = static_cast<TwinEdit::Kind>(static_cast<unsigned>(pointer[0]) % 4);
      pointer.remove_prefix(1);
    }
    edit.pointer = pointer;
    edit.json = json;
    const std::string before = text(twin);
    const std::uint64_t revision = twin.revision();
    const auto change = twin.edit(edit, {++now, 1}, limits);
    if (!change) require(text(twin) == before && twin.revision() == revision);
    else if (change->changed) require(twin.revision() == revision + 1);
    // The pieces that an answer is made of.
    base::ignore(twin.json("n:d", pointer, json.substr(0, std::min<std::size_t>(json.size(), 200))), "any answer will do");
    (void)twin.delta();
    std::vector<model::TwinLeaf> leaves;
    twin.changed_after(revision, leaves);
    std::uint32_t refused = 0;
    other.join(leaves, limits, &refused);
    require(refused == 0);
  }
  require(text(other) == text(twin));
  require(other.delta() == twin.delta());
  base::Bytes bytes;
  twin.save(bytes);
  const auto loaded = Twin::load(bytes);
  require(loaded.has_value() && text(*loaded) == text(twin));
  return 0;
}
