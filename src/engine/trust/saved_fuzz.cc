// What is left on a disk, with its checksum made right so that the search gets past it.

#include "base/crc32c.h"
#include "base/wire.h"
#include "engine/trust/trust.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace selvedge;
  base::Bytes saved;
  base::Writer out(saved);
  out.u32(base::crc32c(base::BytesView(data, size)));
  out.raw(base::BytesView(data, size));
  const auto trust = engine::Trust::restore(saved);
  if (trust) {
    CHECK(engine::Trust::restore(trust->save()).has_value());
    base::ignore(trust->check(base::as_text(base::BytesView(data, size)), {}, {}, {}), "any answer will do");
  }
  return 0;
}
