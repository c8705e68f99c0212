#include "codec/tflite/labels.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace selvedge::codec::tflite {
namespace {

using base::Bytes;

constexpr std::size_t most = 1 << 20;

void put(Bytes& to, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i, value >>= 8) to.push_back(static_cast<std::uint8_t>(value));
}

struct Member { std::string name, text; bool deflated = false; };

Bytes deflated(const std::string& text) {
  Bytes packed(text.size() + 64);
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = packed.data();
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

// A ZIP archive behind `file`; offsets count from `origin`.
Bytes with_archive(Bytes file, const std::vector<Member>& members, std::size_t origin) {
  Bytes directory;
  for (const Member& member : members) {
    const Bytes packed = member.deflated ? deflated(member.text) : base::to_bytes(member.text);
    const auto checksum = crc32(0, reinterpret_cast<const Bytef*>(member.text.data()), static_cast<uInt>(member.text.size()));
    const std::size_t offset = file.size() - origin, method = member.deflated ? 8 : 0;
    put(file, 0x04034B50, 4);
    put(file, 20, 4);
    put(file, method, 2);
    put(file, 0, 4);
    for (const std::uint64_t value : {std::uint64_t{checksum}, std::uint64_t{packed.size()}, std::uint64_t{member.text.size()}}) put(file, value, 4);
    put(file, member.name.size(), 4);
    base::append(file, base::as_bytes(member.name));
    base::append(file, packed);
    put(directory, 0x02014B50, 4);
    put(directory, 20 | 20 << 16, 6);
    put(directory, method, 2);
    put(directory, 0, 4);
    for (const std::uint64_t value : {std::uint64_t{checksum}, std::uint64_t{packed.size()}, std::uint64_t{member.text.size()}}) put(directory, value, 4);
    put(directory, member.name.size(), 2);
    put(directory, 0, 12);
    put(directory, offset, 4);
    base::append(directory, base::as_bytes(member.name));
  }
  const std::size_t start = file.size() - origin;
  base::append(file, directory);
  put(file, 0x06054B50, 4);
  put(file, 0, 4);
  put(file, members.size(), 2);
  put(file, members.size(), 2);
  put(file, directory.size(), 4);
  put(file, start, 4);
  put(file, 0, 2);
  return file;
}

const Bytes model(100, 7);
const std::vector<std::string> animals{"cat", "dog", "", "owl"};

TEST(Labels, AreFoundStoredAndPacked) {
  for (const bool packed : {false, true}) {
    for (const std::size_t origin : {std::size_t{0}, model.size()}) {
      const auto labels = read_labels(with_archive(model, {{"labels.txt", "cat\ndog\r\n\nowl\n", packed}}, origin), most);
      ASSERT_TRUE(labels) << labels.error().message;
      EXPECT_EQ(*labels, animals);
    }
  }
}

TEST(Labels, ComeFromTheMemberThatIsCalledSo) {
  const Bytes file = with_archive(model, {{"read_me.txt", "no"}, {"vocabulary.bin", "no"}, {"my_labels.txt", "cat"}, {"z.txt", "no"}}, 0);
  EXPECT_EQ(*read_labels(file, most), std::vector<std::string>{"cat"});
}

TEST(Labels, AreNoneWithoutAnArchiveOrTextInIt) {
  EXPECT_TRUE(read_labels(model, most)->empty());
  EXPECT_TRUE(read_labels({}, most)->empty());
  EXPECT_TRUE(read_labels(with_archive(model, {{"picture.png", "no"}}, 0), most)->empty());
}

TEST(Labels, LargerThanAllowedAreRefused) {
  EXPECT_EQ(read_labels(with_archive(model, {{"labels.txt", "cat\ndog"}}, 0), 6).error().code, base::Code::exhausted);
}

TEST(Labels, DamageIsRefusedOrGivesNone) {
  Bytes file = with_archive(model, {{"labels.txt", "cat\ndog\r\n\nowl\n", true}}, 0);
  for (std::size_t i = model.size(); i < file.size(); ++i) {
    for (const std::uint8_t flip : std::initializer_list<std::uint8_t>{0x01, 0x80, 0xFF}) {
      file[i] ^= flip;
      const auto labels = read_labels(file, most);
      if (labels && !labels->empty()) {
        EXPECT_EQ(*labels, animals) << i;
      }
      file[i] ^= flip;
    }
  }
}

}  // namespace
}  // namespace selvedge::codec::tflite
