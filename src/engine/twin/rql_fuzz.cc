// Parses arbitrary text as RQL and asks it of a twin.

#include "engine/twin/twin.h"

using namespace selvedge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const engine::Twin twin = [] {
    engine::Twin made;
    const engine::TwinLimits limits;
    base::ignore(made.edit({engine::TwinEdit::Kind::put, "",
                            R"({"attributes":{"n":5,"s":"text","o":{"l":[1]}},"features":{"F":{"properties":{"t":21.5}}}})"},
                           {1, 1}, limits),
                 "a fixed text");
    return made;
  }();
  const auto filter = engine::TwinFilter::parse(base::as_text({data, size}));
  if (!filter) return 0;
  (void)filter->matches("n:d", twin);
  (void)filter->matches("n:e", engine::Twin());
  (void)filter->required();
  return 0;
}
