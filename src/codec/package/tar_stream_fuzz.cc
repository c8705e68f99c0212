#include <cstdlib>

#include "codec/package/tar_stream.h"
#include "codec/package/unpack.h"

using namespace selvedge;

namespace {

struct Counted final : codec::TarSink {
  bool open = false;
  std::uint64_t left = 0, entries = 0, sum = 0;
  base::Result<void> entry(const codec::TarEntry& entry) override {
    if (open || entry.name.size() > codec::TarStream::most_name + 300) std::abort();
    open = true;
    left = entry.size;
    sum = sum * 31 + entry.name.size() + entry.target.size() * 7 + entry.size;
    ++entries;
    return {};
  }
  base::Result<void> content(base::BytesView bytes) override {
    if (!open || bytes.empty() || bytes.size() > left) std::abort();
    left -= bytes.size();
    return {};
  }
  base::Result<void> end_entry() override {
    if (!open || left != 0) std::abort();
    open = false;
    return {};
  }
};

bool read(base::BytesView bytes, std::size_t step, Counted& into) {
  codec::TarStream tar(into, {.entries = 64});
  for (std::size_t at = 0; at < bytes.size(); at += step)
    if (!tar.feed(bytes.subspan(at, std::min(step, bytes.size() - at)))) return false;
  return tar.end().has_value();
}

}  // namespace

// In whatever pieces it comes, the same is told. The same bytes as something packed must not take more than is allowed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const base::BytesView bytes(data, size);
  Counted whole, pieces;
  const bool good = read(bytes, size + 1, whole);
  if (read(bytes, 1 + (size > 0 ? data[0] : 0), pieces) != good) std::abort();
  if (good && (whole.entries != pieces.entries || whole.sum != pieces.sum)) std::abort();
  std::size_t plain = 0;
  codec::Unpack unpack(codec::packed_as(bytes), [&](base::BytesView more) -> base::Result<void> {
    if ((plain += more.size()) > std::size_t{1} << 22) return base::fail(base::Code::exhausted, "enough");
    return {};
  });
  if (unpack.feed(bytes)) base::ignore(unpack.end(), "only whether it stands it");
  return 0;
}
