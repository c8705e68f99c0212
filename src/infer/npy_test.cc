#include "infer/npy.h"

#include <gtest/gtest.h>

namespace selvedge::infer {
namespace {

base::Bytes npy(const std::string& header, std::size_t numbers, std::uint8_t version = 1) {
  base::Bytes file{0x93, 'N', 'U', 'M', 'P', 'Y', version, 0};
  file.push_back(static_cast<std::uint8_t>(header.size()));
  file.push_back(static_cast<std::uint8_t>(header.size() >> 8));
  if (version > 1) file.insert(file.end(), 2, 0);
  base::append(file, base::as_bytes(header));
  for (std::size_t i = 0; i < numbers; ++i) file.push_back(static_cast<std::uint8_t>(i));
  return file;
}

TEST(Npy, IsReadAsNumPyWritesIt) {
  const auto tensor = read_npy(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }          \n", 24));
  ASSERT_TRUE(tensor) << tensor.error().message;
  EXPECT_EQ(tensor->type, ElementType::float32);
  EXPECT_EQ(tensor->shape, (Shape{2, 3}));
  EXPECT_EQ(tensor->data.size(), 24U);
}

TEST(Npy, MayHaveOneDimensionOrNone) {
  EXPECT_EQ(read_npy(npy("{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }", 5, 2))->shape, Shape{5});
  EXPECT_EQ(read_npy(npy("{'descr': '<i8', 'fortran_order': False, 'shape': (), }", 8))->shape, Shape{});
}

TEST(Npy, IsRefusedInOtherForms) {
  const auto refusal = [](const std::string& header, std::size_t numbers) { return read_npy(npy(header, numbers)).error().message; };
  EXPECT_EQ(refusal("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", 4), "its numbers are '>f4'; '<f4' and the like are taken");
  EXPECT_EQ(refusal("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", 4), "it is kept column by column (fortran_order)");
  EXPECT_EQ(refusal("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", 4), "its numbers are a record");
  EXPECT_EQ(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4), "its shape is none");
  EXPECT_EQ(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", 4), "it has 4 bytes of numbers, its shape asks for 8");
  EXPECT_EQ(refusal("{'descr': '<f4', 'fortran_order': False, }", 4), "its header has no 'shape'");
}

TEST(Npy, ClaimsNoMoreThanItHas) {
  EXPECT_FALSE(read_npy(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999, 99999999), }", 4)));
  const base::Bytes file = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", 4);
  for (std::size_t size = 0; size < file.size(); ++size) EXPECT_FALSE(read_npy(base::BytesView(file).first(size))) << size;
}

}  // namespace
}  // namespace selvedge::infer
