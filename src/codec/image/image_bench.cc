// Decoding, in microseconds of processor time: the best of several rounds. Photographs of
// ../shared/data/vision if they are there, and made pictures. Build it in release: ninja -C build/release
// codec_image_bench, and run it in the checkout.

#include <cstdio>

#include "base/best_of.h"
#include "codec/image/pictures_for_test.h"

namespace selvedge::codec {
namespace {

void time_decode(const std::string& name, const base::Bytes& file, int least) {
  Decoded decoded;
  const double best = base::best_of(25, [&] {
    base::ignore(decode_into(file, {.least_width = least, .least_height = least}, decoded), "looked at below");
  });
  std::printf("decode %-28s %8zu bytes to %4d x %4d %8.0f us\n", name.c_str(), file.size(), decoded.image.width,
              decoded.image.height, best);
}

void run() {
  for (const char* name : {"images/cat_720p.jpg", "images/cat_1080p.jpg", "images/pets.jpg", "images/grace_hopper.bmp"}) {
    const base::Bytes file = test_picture(name);
    if (file.empty()) {
      std::printf("%s is not there\n", name);
      continue;
    }
    time_decode(name, file, 0);
    time_decode(name, file, 300);
  }
  const Image image = gradient(1280, 720);
  const base::Bytes jpeg = encode_jpeg(image).value(), png = encode_png(image).value();
  time_decode("made JPEG", jpeg, 0);
  time_decode("made PNG", png, 0);
  const base::Bytes photograph = test_picture("images/cat_720p.jpg");
  const Image shown = photograph.empty() ? image : decode(photograph).value().image;
  base::Bytes file;
  std::printf("encode 720p as JPEG %.0f us, ", base::best_of(8, [&] { file = encode_jpeg(shown).value(); }));
  std::printf("%zu bytes; as PNG ", file.size());
  std::printf("%.0f us, ", base::best_of(4, [&] { file = encode_png(shown).value(); }));
  std::printf("%zu bytes\n", file.size());
}

}  // namespace
}  // namespace selvedge::codec

int main() { selvedge::codec::run(); }
