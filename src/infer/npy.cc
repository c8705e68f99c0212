#include "infer/npy.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace selvedge::infer {

using base::Code;
using base::fail;
using base::Result;

namespace {

// What follows 'key': in the header, a dictionary as Python writes it, up to `end`.
Result<std::string_view> field(std::string_view header, std::string_view key, char end) {
  const std::size_t at = header.find("'" + std::string(key) + "'");
  if (at == std::string_view::npos) return fail(Code::invalid_input, "its header has no '" + std::string(key) + "'");
  std::string_view rest = header.substr(at + key.size() + 2);
  rest.remove_prefix(std::min(rest.find_first_not_of(" :"), rest.size()));
  const std::size_t stop = rest.find(end);
  if (stop == std::string_view::npos) return fail(Code::invalid_input, "its header breaks off");
  return rest.substr(0, stop);
}

Result<ElementType> type_of(std::string_view text) {
  struct Known { std::string_view text; ElementType type; };
  static constexpr std::array<Known, 8> known{{{"<f4", ElementType::float32}, {"<f8", ElementType::float64},
                                               {"|u1", ElementType::uint8}, {"|i1", ElementType::int8},
                                               {"<i4", ElementType::int32}, {"<i8", ElementType::int64},
                                               {"<f2", ElementType::float16}, {"|b1", ElementType::boolean}}};
  const auto found = std::ranges::find(known, text, &Known::text);
  if (found == known.end())
    return fail(Code::invalid_input, "its numbers are '" + base::printable(text, 16) + "'; '<f4' and the like are taken");
  return found->type;
}

Result<Shape> shape_of(std::string_view text) {
  Shape shape;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(" ,"), text.size()));
    if (text.empty()) return shape;
    const std::size_t end = std::min(text.find_first_of(" ,"), text.size());
    const auto size = base::parse_int(text.substr(0, end));
    if (!size || *size < 0 || shape.size() == 16) return fail(Code::invalid_input, "its shape is none");
    shape.push_back(*size);
    text.remove_prefix(end);
  }
}

}  // namespace

Result<Tensor> read_npy(base::BytesView file) {
  constexpr std::array<std::uint8_t, 6> magic{0x93, 'N', 'U', 'M', 'P', 'Y'};
  if (file.size() < 12 || !std::equal(magic.begin(), magic.end(), file.begin()))
    return fail(Code::invalid_input, "not an .npy file");
  const bool wide = file[6] != 1;
  if (file[6] < 1 || file[6] > 3) return fail(Code::invalid_input, "an .npy file of version " + std::to_string(file[6]));
  std::size_t length = std::size_t{file[8]} | std::size_t{file[9]} << 8;
  if (wide) length |= std::size_t{file[10]} << 16 | std::size_t{file[11]} << 24;
  const std::size_t start = wide ? 12 : 10;
  if (length > file.size() - start) return fail(Code::invalid_input, "an .npy file whose header is longer than it");
  const std::string_view header = base::as_text(file.subspan(start, length));

  const std::string_view descr = TRY(field(header, "descr", ','));
  if (descr.size() < 2 || descr.front() != '\'' || descr.back() != '\'') return fail(Code::invalid_input, "its numbers are a record");
  Tensor tensor;
  tensor.type = TRY(type_of(descr.substr(1, descr.size() - 2)));
  if (!TRY(field(header, "fortran_order", ',')).starts_with("False"))
    return fail(Code::invalid_input, "it is kept column by column (fortran_order)");
  std::string_view sizes = TRY(field(header, "shape", ')'));
  if (!sizes.starts_with('(')) return fail(Code::invalid_input, "its shape is none");
  tensor.shape = TRY(shape_of(sizes.substr(1)));
  const std::size_t elements = TRY(codec::onnx::elements_of(tensor.shape));
  const base::BytesView data = file.subspan(start + length);
  if (elements * codec::onnx::bytes_of(tensor.type) != data.size())
    return fail(Code::invalid_input, "it has " + std::to_string(data.size()) + " bytes of numbers, its shape asks for " +
                                         std::to_string(elements * codec::onnx::bytes_of(tensor.type)));
  tensor.data.assign(data.begin(), data.end());
  return tensor;
}

}  // namespace selvedge::infer
