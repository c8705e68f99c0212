#include "codec/numbers/dictionary.h"

#include "codec/numbers/choice.h"
#include "codec/numbers/number_model.h"
#include "codec/numbers/rice.h"

namespace selvedge::codec {

void put_entries(base::Writer& out, const std::vector<double>& entries) {
  Numbers numbers;
  fit_entries(entries, numbers);
  const std::vector<std::int64_t>& k = numbers.integers;
  // Ascending doubles have ascending integers in every form; a patched one may be anything.
  const auto gap = [&k](std::size_t i) {
    return base::zigzag(static_cast<std::int64_t>(static_cast<std::uint64_t>(k[i]) - static_cast<std::uint64_t>(k[i - 1])));
  };
  double sum = 0;
  for (std::size_t i = 1; i < k.size(); ++i) sum += static_cast<double>(gap(i) >> 1);
  const unsigned bits = k.size() < 2 ? 0 : rice_bits(sum / static_cast<double>(k.size() - 1));
  out.varint(k.size());
  put_numbers(out, numbers);
  out.svarint(k.front());
  out.u8(static_cast<std::uint8_t>(bits));
  RiceWriter rice(out);
  for (std::size_t i = 1; i < k.size(); ++i)
    rice.put(static_cast<std::uint64_t>(k[i]) - static_cast<std::uint64_t>(k[i - 1]), bits);
  rice.finish();
}

bool take_entries(base::Reader& in, std::size_t count, std::vector<double>& into) {
  const std::uint64_t listed = in.varint();
  // Each after the first takes a bit at least.
  if (!in.ok() || listed == 0 || listed > count || listed / 8 > in.remaining()) return false;
  NumberModel model;
  Patches patches;
  // A dictionary of dictionaries would be a way down without end.
  base::Reader ahead = in;
  if (ahead.u8() / 32 == static_cast<unsigned>(NumberForm::dictionary) + 1) return false;
  if (!take_numbers(in, listed, model, patches)) return false;
  std::vector<std::int64_t> k(listed);
  k[0] = in.svarint();
  const unsigned bits = in.u8();
  if (!in.ok() || bits > 57) return false;
  RiceReader rice(in);
  for (std::size_t i = 1; i < listed; ++i)
    k[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(k[i - 1]) + rice.take(bits));
  into.resize(listed);
  return in.ok() && to_doubles(model, k, into) && apply(model, patches, into);
}

}  // namespace selvedge::codec
