#include <gtest/gtest.h>

#include "codec/image/image.h"
#include "codec/image/pictures_for_test.h"
#include "codec/mjpeg/splitter.h"
#include "codec/mjpeg/stream_writer.h"

namespace selvedge::codec::mjpeg {
namespace {

base::Bytes picture(int width) { return encode_jpeg(gradient(width, 16)).value(); }

struct Outcome {
  std::vector<base::Bytes> pictures;
  std::uint64_t dropped = 0;
  bool ended = false;
};

Outcome split(Splitter splitter, base::BytesView stream, std::size_t piece) {
  Outcome outcome;
  while (!stream.empty()) {
    base::BytesView some = stream.first(std::min(piece, stream.size()));
    stream = stream.subspan(some.size());
    while (const auto found = splitter.next(some)) outcome.pictures.emplace_back(found->begin(), found->end());
    EXPECT_TRUE(some.empty());
  }
  return {std::move(outcome.pictures), splitter.dropped(), splitter.ended()};
}

// However the stream is cut into pieces.
std::vector<base::Bytes> split_anyhow(const Splitter& splitter, const std::string& stream) {
  const Outcome whole = split(splitter, base::as_bytes(stream), stream.size());
  for (const std::size_t piece : {1, 2, 3, 7, 64, 1000})
    EXPECT_EQ(split(splitter, base::as_bytes(stream), piece).pictures, whole.pictures) << piece;
  return whole.pictures;
}

std::string text(const base::Bytes& bytes) { return std::string(base::as_text(bytes)); }

TEST(Mjpeg, WhatIsWrittenIsReadBack) {
  base::Bytes stream;
  for (int i = 0; i < 5; ++i) append_part(stream, picture(16 + i));
  base::append(stream, base::as_bytes(stream_end()));
  const Outcome outcome = split(Splitter::multipart(boundary_of(stream_content_type).value()), stream, 100);
  ASSERT_EQ(outcome.pictures.size(), 5U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(outcome.pictures[std::size_t(i)], picture(16 + i));
  EXPECT_TRUE(outcome.ended);
  EXPECT_EQ(outcome.dropped, 0U);
}

TEST(Mjpeg, CamerasMayGetTheDelimiterWrong) {
  const std::string a = text(picture(20)), b = text(picture(24));
  for (const auto& [announced, delimiter] :
       {std::pair{"frame", "--frame"}, {"--frame", "--frame"}, {"--frame", "----frame"}, {"frame", "frame"},
        {"--frame", "frame"}, {"", "--whatever"}, {"\"quoted\"", "--\"quoted\""}})
    for (const char* line_end : {"\r\n", "\n"}) {
      const std::string part = std::string(delimiter) + line_end + "Content-Type: image/jpeg" + line_end + line_end;
      const auto pictures = split_anyhow(Splitter::multipart(announced), part + a + line_end + part + b + line_end);
      ASSERT_EQ(pictures.size(), 2U) << announced << " " << delimiter;
      EXPECT_TRUE(text(pictures[0]) == a);
      EXPECT_TRUE(text(pictures[1]) == b);
    }
}

TEST(Mjpeg, ADelimiterMayFollowAPictureDirectly) {
  const std::string a = text(picture(20)), part = "--frame\r\nContent-Type: image/jpeg\r\n\r\n";
  EXPECT_EQ(split_anyhow(Splitter::multipart("frame"), part + a + part + a).size(), 2U);
}

TEST(Mjpeg, AWrongLengthCostsNoPicture) {
  const std::string a = text(picture(20)), b = text(picture(24));
  for (const int wrong : {-500, -3, -1, 0, 1, 2, 90, 5000}) {
    const auto part = [&](const std::string& jpeg) {
      return "--frame\r\nContent-Length: " + std::to_string(int(jpeg.size()) + wrong) + "\r\n\r\n" + jpeg + "\r\n";
    };
    const auto pictures = split_anyhow(Splitter::multipart("frame"), part(a) + part(b) + part(a));
    ASSERT_EQ(pictures.size(), 3U) << wrong;
    EXPECT_TRUE(text(pictures[1]) == b) << wrong;
  }
}

TEST(Mjpeg, TheLengthEndsAPictureWithoutEndMarker) {
  std::string a = text(picture(20));
  a.resize(a.size() - 2);
  const std::string part = "--frame\r\ncontent-length:" + std::to_string(a.size()) + "\r\n\r\n" + a + "\r\n";
  const auto pictures = split_anyhow(Splitter::multipart("frame"), part + part);
  ASSERT_EQ(pictures.size(), 2U);
  EXPECT_TRUE(text(pictures[0]) == a);
  EXPECT_TRUE(decode(pictures[0]));
}

TEST(Mjpeg, APictureThatIsCutOffIsDroppedAndTheNextIsFound) {
  const std::string a = text(picture(20)), b = text(picture(24)), part = "--frame\r\n\r\n";
  const std::string stream = part + a.substr(0, a.size() - 60) + "\r\n" + part + b + "\r\n" + part + a;
  const Outcome outcome = split(Splitter::multipart("frame"), base::as_bytes(stream), 33);
  ASSERT_EQ(outcome.pictures.size(), 2U);
  EXPECT_TRUE(text(outcome.pictures[0]) == b);
  EXPECT_EQ(outcome.dropped, 1U);
}

TEST(Mjpeg, PartsThatAreNoPicturesAreSkipped) {
  const std::string a = text(picture(20));
  const std::string stream = "hello\r\n--frame\r\nContent-Type: text/plain\r\n\r\nall is well\r\n--frame\r\n\r\n\r\n" + a +
                             "\r\n--frame\r\n\r\n\xFFnone\r\n--frame\r\n\r\n" + a + "\r\n--frame--\r\n" + a;
  EXPECT_EQ(split_anyhow(Splitter::multipart("frame"), stream).size(), 2U);
}

TEST(Mjpeg, NothingGrowsWithoutBound) {
  const std::string a = text(picture(20));
  const std::size_t most = a.size();
  const std::string large = a.substr(0, a.size() - 2) + std::string(3 * most, 'x') + "\xFF\xD9";
  const std::string part = "--frame\r\n\r\n";
  const Outcome outcome = split(Splitter::multipart("frame", most), base::as_bytes(part + large + "\r\n" + part + a), 50);
  ASSERT_EQ(outcome.pictures.size(), 1U);
  EXPECT_EQ(outcome.dropped, 1U);
  EXPECT_EQ(split_anyhow(Splitter::multipart("frame", most), part + large + "\r\n" + part + a).size(), 1U);
  EXPECT_EQ(split_anyhow(Splitter::raw(most), large + a + a).size(), 2U);
  const std::string headers = "--frame\r\n" + std::string(100'000, 'h') + "\r\n";
  EXPECT_EQ(split(Splitter::multipart("frame"), base::as_bytes(headers + part + a), 999).pictures.size(), 1U);
}

TEST(Mjpeg, RawStreamsAreFoundByTheirMarkers) {
  // A thumbnail with an end of its own, and an FF before the start.
  std::string thumbnail = text(picture(8)), outer = text(picture(40));
  outer.insert(2, std::string("\xFF\xE1") + static_cast<char>((thumbnail.size() + 2) >> 8) +
                      static_cast<char>((thumbnail.size() + 2) & 0xFF) + thumbnail);
  const std::string a = text(picture(20));
  const auto pictures = split_anyhow(Splitter::raw(), "noise\xFF" + outer + "\xFF\xFFnoise" + a + a.substr(0, a.size() - 60) + outer);
  ASSERT_EQ(pictures.size(), 3U);
  EXPECT_TRUE(text(pictures[0]) == outer);
  EXPECT_TRUE(text(pictures[1]) == a);
  EXPECT_TRUE(text(pictures[2]) == outer);
  EXPECT_EQ(decode(pictures[0]).value().image.width, 40);
}

TEST(Mjpeg, BoundariesAreReadFromContentTypes) {
  EXPECT_EQ(boundary_of("multipart/x-mixed-replace; boundary=--myboundary").value(), "--myboundary");
  EXPECT_EQ(boundary_of("Multipart/X-Mixed-Replace;charset=x; Boundary = \"a b\" ; q").value(), "a b");
  EXPECT_EQ(boundary_of("multipart/x-mixed-replace").value(), "");
  EXPECT_EQ(boundary_of("image/jpeg").error().code, base::Code::invalid_input);
  EXPECT_EQ(boundary_of("").error().code, base::Code::invalid_input);
}

}  // namespace
}  // namespace selvedge::codec::mjpeg
