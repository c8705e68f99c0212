// Arbitrary text as Content-Range and Retry-After, and arbitrary announced lengths.

#include <cstdlib>
#include <cstring>

#include "engine/fetch/fetch_answer.h"

namespace engine = selvedge::engine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto range = engine::parse_content_range(text);
      range && (range->first > range->last || range->last >= range->size))
    std::abort();
  std::uint64_t number = size;
  if (size >= sizeof number) std::memcpy(&number, data, sizeof number);
  for (const int status : {200, 206, 416, 429, 503, static_cast<int>(number % 1000)}) {
    const engine::FetchAnswer answer{status, text, text, number};
    const auto verdict = engine::judge(answer, 10, 19, 100);
    using Is = engine::FetchVerdict::Is;
    if (verdict.is == Is::good && (status != 206 || number != 10)) std::abort();
    if (verdict.at_least > std::chrono::hours(1)) std::abort();
  }
  return 0;
}
