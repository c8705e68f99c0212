#include "codec/container/oci.h"

#include <cstdlib>

#include "base/bytes.h"

using namespace selvedge;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = base::as_text(base::BytesView(data, size));
  if (const auto choice = codec::choose_manifest(text, "amd64"); choice && choice->blob.digest.size() != 64) std::abort();
  if (const auto image = codec::read_manifest(text); image && image->layers.size() > codec::OciLimits::layers) std::abort();
  if (const auto config = codec::read_config(text); config && config->environment.size() > codec::OciLimits::variables) std::abort();
  return 0;
}
