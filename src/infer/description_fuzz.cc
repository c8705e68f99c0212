#include <cstdlib>

#include "infer/model_package.h"

using namespace selvedge;

// What is read can be written, and what is written is read as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = infer::read_description(base::as_text({data, size}));
  if (!read) return 0;
  const std::string text = infer::write_description(*read);
  const auto again = infer::read_description(text);
  if (!again || infer::write_description(*again) != text) std::abort();
  return 0;
}
