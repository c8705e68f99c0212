// Archives that come in pieces.

#include "codec/package/tar_stream.h"

#include <gmock/gmock.h>
#include <zlib.h>

#include "codec/package/archive.h"
#include "codec/package/tar.h"
#include "codec/package/unpack.h"

namespace selvedge::codec {
namespace {

using base::Bytes;
using base::Result;
using testing::ElementsAre;
using testing::HasSubstr;

struct Told final : TarSink {
  std::vector<std::string> all;
  Result<void> entry(const TarEntry& entry) override {
    all.push_back(std::string(name_of(entry.kind)) + " " + entry.name + (entry.target.empty() ? "" : " -> " + entry.target) + "=");
    return {};
  }
  Result<void> content(base::BytesView bytes) override {
    all.back() += base::as_text(bytes);
    return {};
  }
  Result<void> end_entry() override {
    all.back() += ".";
    return {};
  }
};

void put(Bytes& header, std::size_t at, std::string_view text) { std::ranges::copy(text, header.begin() + static_cast<std::ptrdiff_t>(at)); }

Bytes entry(char type, std::string_view name, std::string_view target, std::string_view content) {
  Bytes header(512);
  put(header, 0, name);
  put(header, 100, "0000755");
  char size[16];
  std::snprintf(size, sizeof size, "%011zo", content.size());
  put(header, 124, size);
  header[156] = static_cast<std::uint8_t>(type);
  put(header, 157, target);
  put(header, 257, std::string_view("ustar\00000", 8));
  put(header, 148, "        ");
  unsigned sum = 0;
  for (const std::uint8_t byte : header) sum += byte;
  char text[16];
  std::snprintf(text, sizeof text, "%06o", sum);
  put(header, 148, std::string_view(text, 7));
  base::append(header, base::as_bytes(content));
  header.resize((header.size() + 511) / 512 * 512);
  return header;
}

Bytes archive(const std::vector<Bytes>& entries) {
  Bytes whole;
  for (const Bytes& one : entries) base::append(whole, one);
  whole.resize(whole.size() + 1024);
  return whole;
}

Result<void> read(base::BytesView bytes, Told& told, std::size_t step = 100, TarLimits limits = {}) {
  TarStream tar(told, limits);
  for (std::size_t at = 0; at < bytes.size(); at += step) TRY(tar.feed(bytes.subspan(at, std::min(step, bytes.size() - at))));
  return tar.end();
}

TEST(TarStream, TellsEveryKindOfEntryInWhateverPiecesItComes) {
  const Bytes bytes = archive({entry('5', "bin/", "", ""), entry('0', "bin/sh", "", std::string(700, 'x')), entry('2', "lib", "usr/lib", ""),
                               entry('1', "bin/ash", "bin/sh", ""), entry('3', "dev/null", "", ""), entry('6', "pipe", "", "")});
  for (const std::size_t step : {std::size_t{1}, std::size_t{511}, std::size_t{512}, std::size_t{4096}, bytes.size()}) {
    Told told;
    ASSERT_TRUE(read(bytes, told, step));
    EXPECT_THAT(told.all, ElementsAre("a folder bin/=.", "a file bin/sh=" + std::string(700, 'x') + ".", "a symbolic link lib -> usr/lib=.",
                                      "a hard link bin/ash -> bin/sh=.", "a device dev/null=.", "a pipe pipe=."));
  }
}

TEST(TarStream, WhatIsNotWantedIsSkipped) {
  const Bytes bytes = archive({entry('0', "a", "", std::string(1000, 'x')), entry('0', "b", "", "2")});
  Told told;
  TarStream tar(told, {});
  std::uint64_t at = 0;
  while (at < bytes.size()) {
    ASSERT_TRUE(tar.feed(base::BytesView(bytes).subspan(at, 512)));
    at += 512 + tar.skip().value();
  }
  ASSERT_TRUE(tar.end());
  EXPECT_THAT(told.all, ElementsAre("a file a=.", "a file b=."));
}

TEST(TarStream, TakesLongNamesOfBothKinds) {
  const std::string name(300, 'n'), target(200, 't');
  const std::string pax = "309 path=" + name + "\n";
  ASSERT_EQ(pax.size(), 310u);
  Told told;
  ASSERT_TRUE(read(archive({entry('x', "pax", "", "310 path=" + name + "\n"), entry('0', "short", "", "1"),
                            entry('K', "././@LongLink", "", target + std::string(1, '\0')), entry('2', "link", "short", ""),
                            entry('g', "global", "", "12 path=all\n"), entry('0', "next", "", "")}),
                   told));
  EXPECT_THAT(told.all, ElementsAre("a file " + name + "=1.", "a symbolic link link -> " + target + "=.", "a file next=."));
}

TEST(TarStream, SaysWhatIsWrong) {
  const auto why = [](Bytes bytes, TarLimits limits = {}) {
    Told told;
    const auto done = read(bytes, told, 512, limits);
    return done ? std::string("nothing") : done.error().message;
  };
  const Bytes good = archive({entry('0', "a", "", "1")});
  Bytes bad = good;
  bad[3] = 'x';
  EXPECT_THAT(why(bad), HasSubstr("wrong sum"));
  EXPECT_THAT(why(Bytes(good.begin(), good.begin() + 700)), HasSubstr("ends before its end mark"));
  EXPECT_THAT(why(archive({entry('0', "a", "", ""), entry('0', "b", "", "")}), {.entries = 1}), HasSubstr("more than 1 members"));
  EXPECT_THAT(why(archive({entry('x', "p", "", "99 path=a\n")})), HasSubstr("extended header"));
  EXPECT_THAT(why(archive({entry('L', "p", "", std::string(5000, 'a'))})), HasSubstr("a header of 5000 bytes"));
  EXPECT_THAT(why(archive({entry('Z', "p", "", "")})), HasSubstr("of unknown kind"));
  Bytes after = good;
  after.push_back(1);
  EXPECT_THAT(why(after), HasSubstr("after its end mark"));
}

Bytes gzipped(base::BytesView plain) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  Bytes packed(plain.size() + 1000);
  stream.next_in = const_cast<Bytef*>(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

Result<std::string> plain_of(base::BytesView packed, std::size_t step) {
  std::string plain;
  Unpack unpack(packed_as(packed), [&](base::BytesView more) -> Result<void> {
    plain += base::as_text(more);
    return plain.size() > 1 << 20 ? base::fail(base::Code::exhausted, "enough") : Result<void>();
  });
  for (std::size_t at = 0; at < packed.size(); at += step) TRY(unpack.feed(packed.subspan(at, std::min(step, packed.size() - at))));
  TRY(unpack.end());
  return plain;
}

TEST(UnpackInPieces, GivesBackWhatWasPacked) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += std::to_string(i * 7919) + " ";
  Bytes twice = gzipped(base::as_bytes(text));
  base::append(twice, gzipped(base::as_bytes("and more")));
  const Bytes zstd = write_archive({{"a", base::to_bytes(text)}}).value();
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}, std::size_t{1} << 20}) {
    EXPECT_EQ(plain_of(gzipped(base::as_bytes(text)), step).value(), text);
    EXPECT_EQ(plain_of(twice, step).value(), text + "and more");
    EXPECT_THAT(plain_of(zstd, step).value(), HasSubstr(text));
    EXPECT_EQ(plain_of(base::as_bytes("plain"), step).value(), "plain");
  }
}

TEST(UnpackInPieces, WhatIsDamagedOrTooLongIsSaidSo) {
  Bytes packed = gzipped(Bytes(100'000, 'x'));
  EXPECT_EQ(plain_of(base::BytesView(packed).first(packed.size() - 1), 64).error().code, base::Code::corrupt);
  packed[packed.size() - 6] ^= 1;
  EXPECT_EQ(plain_of(packed, 64).error().code, base::Code::corrupt);
  const Bytes zeros = gzipped(Bytes(8 << 20, 0));
  EXPECT_LT(zeros.size(), 20'000u);
  EXPECT_EQ(plain_of(zeros, 4096).error().code, base::Code::exhausted);
}

}  // namespace
}  // namespace selvedge::codec
