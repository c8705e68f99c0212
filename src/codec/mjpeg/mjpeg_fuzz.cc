// A stream of pictures, split at places that the first byte chooses: the pictures may not depend on
// where. The second byte chooses the kind of stream.

#include <cstdio>
#include <cstdlib>

#include "codec/mjpeg/splitter.h"

namespace {

namespace mjpeg = selvedge::codec::mjpeg;
using selvedge::base::Bytes;
using selvedge::base::BytesView;

constexpr std::size_t most_bytes = 2'000;

std::vector<Bytes> split(std::uint8_t kind, BytesView stream, std::size_t piece) {
  mjpeg::Splitter splitter = kind % 3 == 0   ? mjpeg::Splitter::raw(most_bytes)
                             : kind % 3 == 1 ? mjpeg::Splitter::multipart("--frame", most_bytes)
                                             : mjpeg::Splitter::multipart("", most_bytes);
  std::vector<Bytes> pictures;
  while (!stream.empty()) {
    BytesView some = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(some.size());
    while (const auto picture = splitter.next(some)) pictures.emplace_back(picture->begin(), picture->end());
    if (!some.empty()) std::abort();
  }
  return pictures;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const BytesView stream(data + 2, size - 2);
  const std::vector<Bytes> pictures = split(data[1], stream, size);
  for (const Bytes& picture : pictures)
    if (picture.size() > most_bytes || picture.size() < 2 || picture[0] != 0xFF || picture[1] != 0xD8) std::abort();
  if (pictures != split(data[1], stream, std::size_t{data[0]} % 50 + 1)) std::abort();
  selvedge::base::ignore(mjpeg::boundary_of(selvedge::base::as_text(stream)), "any text may come");
  return 0;
}
