#include <selvedge/block.h>

#include <cstdint>
#include <memory>
#include <vector>

int main() {
  std::vector<std::int64_t> times(5000), counts(5000), back(5000);
  for (std::size_t i = 0; i < times.size(); ++i) times[i] = static_cast<std::int64_t>(i) * 1'000'000, counts[i] = static_cast<std::int64_t>(i % 7);
  const std::unique_ptr<selvedge_writer, decltype(&selvedge_writer_free)> writer(selvedge_writer_new(), selvedge_writer_free);
  if (selvedge_writer_add_int64(writer.get(), "line/count", times.data(), counts.data(), times.size(), SELVEDGE_FAST) != SELVEDGE_OK) return 1;
  std::size_t size = 0;
  const void* const bytes = selvedge_writer_bytes(writer.get(), &size);
  const std::unique_ptr<selvedge_blocks, decltype(&selvedge_blocks_close)> blocks(selvedge_blocks_open(bytes, size), selvedge_blocks_close);
  if (selvedge_blocks_read_int64(blocks.get(), 0, nullptr, back.data(), back.size()) != SELVEDGE_OK) return 1;
  return back == counts ? 0 : 1;
}
