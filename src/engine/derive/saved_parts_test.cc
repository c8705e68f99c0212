#include "engine/derive/saved_parts.h"

#include <gtest/gtest.h>

namespace selvedge::engine {
namespace {

base::Result<std::string> records(PartsReader& reader) {
  std::string all;
  TRY(reader.read([&](SavedKind kind, base::Reader& in) {
    all += std::to_string(static_cast<int>(kind)) + ":" + std::to_string(in.varint()) + " ";
    return in.ok();
  }));
  return all;
}

TEST(SavedParts, AreTheBytesThatOlderNodesWrote) {
  PartsWriter writer;
  writer.add(SavedKind::output, [](base::Writer& out) { out.varint(300); });
  writer.add(SavedKind::series, [](base::Writer& out) { out.u8(7); });
  EXPECT_EQ(std::move(writer).finish(), std::vector<base::Bytes>({{1, 3, 3, 1, 0xAC, 0x02, 2, 2, 7}}));
  EXPECT_EQ(PartsWriter().finish(), std::vector<base::Bytes>({{1, 3}})) << "of nothing";
}

TEST(SavedParts, ComeBackInOrderFromManyParts) {
  PartsWriter writer;
  std::string wanted;
  for (std::uint64_t i = 0; i < 8; ++i) {
    writer.add(SavedKind::series, [i](base::Writer& out) {
      out.varint(i);
      for (int n = 0; n < 100'000; ++n) out.u8(0);
    });
    wanted += "2:" + std::to_string(i) + " ";
  }
  const auto parts = std::move(writer).finish();
  ASSERT_EQ(parts.size(), 4u);
  PartsReader reader;
  EXPECT_EQ(reader.add(parts[1]), false) << "its beginning is gone";
  EXPECT_EQ(reader.add(parts[3]), false);
  EXPECT_EQ(reader.add(parts[0]), false);
  for (std::size_t i = 0; i < parts.size(); ++i) EXPECT_EQ(reader.add(parts[i]), i == 3);
  EXPECT_EQ(records(reader), wanted);
  EXPECT_EQ(reader.add(parts[3]), false) << "what was read is forgotten";
}

TEST(SavedParts, DamageIsSeen) {
  PartsReader reader;
  EXPECT_FALSE(reader.add(base::Bytes{1}));
  EXPECT_FALSE(reader.add(base::Bytes{2, 3}));
  for (const base::Bytes& part : {base::Bytes{1, 3, 1, 3}, base::Bytes{1, 3, 5, 1, 0}, base::Bytes{1, 3, 0}}) {
    EXPECT_EQ(reader.add(part), true);
    EXPECT_FALSE(records(reader));
  }
}

}  // namespace
}  // namespace selvedge::engine
