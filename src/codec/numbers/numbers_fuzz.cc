// Any bytes: a model and patches are read, applied to integers, and what was read is written and
// read again.

#include <cstdlib>
#include <vector>

#include "codec/numbers/number_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace selvedge;
  base::Reader reader(base::BytesView(data, size));
  const std::size_t count = reader.u8() * 4u + 1;
  codec::Numbers numbers;
  if (!codec::take_numbers(reader, count, numbers.model, numbers.patches)) return 0;
  numbers.integers.resize(count);
  for (std::int64_t& k : numbers.integers)
    k = numbers.model.form == codec::NumberForm::dictionary
            ? static_cast<std::int64_t>(reader.u8() % numbers.model.entries.size())
            : reader.svarint();
  std::vector<double> values(count);
  if (!codec::to_doubles(numbers.model, numbers.integers, values)) return 0;
  if (!codec::apply(numbers.model, numbers.patches, values)) std::abort();

  base::Bytes bytes;
  base::Writer writer(bytes);
  codec::put_numbers(writer, numbers);
  base::Reader again(bytes);
  codec::NumberModel model;
  codec::Patches patches;
  if (!codec::take_numbers(again, count, model, patches) || !(model == numbers.model) || !(patches == numbers.patches)) std::abort();
  return 0;
}
