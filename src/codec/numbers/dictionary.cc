#include "codec/numbers/dictionary.h"

#include <algorithm>
#include <bit>

#include "codec/numbers/choice.h"
#include "codec/numbers/forms.h"
#include "codec/numbers/number_model.h"
#include "codec/numbers/small_codes.h"

namespace selvedge::codec {

namespace {

// Ascending doubles have ascending integers in every form.
std::vector<std::uint64_t> gaps_of(const std::vector<std::int64_t>& k) {
  std::vector<std::uint64_t> gaps;
  gaps.reserve(k.size());
  for (std::size_t i = 1; i < k.size(); ++i)
    gaps.push_back(static_cast<std::uint64_t>(k[i]) - static_cast<std::uint64_t>(k[i - 1]));
  return gaps;
}

void put_as(base::Writer& out, const Numbers& numbers) {
  const std::vector<std::uint64_t> gaps = gaps_of(numbers.integers);
  const SmallCode code = best_code(gaps).code;
  out.varint(numbers.integers.size());
  put_numbers(out, numbers);
  out.svarint(numbers.integers.front());
  out.u8(code.byte);
  SmallWriter codes(out);
  for (const std::uint64_t gap : gaps) codes.put(code, gap);
  codes.finish();
}

}  // namespace

void put_entries(base::Writer& out, const std::vector<double>& entries, std::span<const NumberModel> hints) {
  static thread_local Numbers numbers;
  base::Bytes best, trial;
  realise_ordered(entries, numbers);
  base::Writer first(best);
  put_as(first, numbers);
  for (const NumberModel& hint : hints) {
    if (!realise(entries, hint, numbers)) continue;
    trial.clear();
    base::Writer writer(trial);
    put_as(writer, numbers);
    if (trial.size() < best.size()) std::swap(best, trial);
  }
  out.raw(best);
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
  const SmallCode code{in.u8()};
  if (!in.ok() || !code.valid()) return false;
  SmallReader codes(in);
  for (std::size_t i = 1; i < listed; ++i)
    k[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(k[i - 1]) + codes.take(code));
  into.resize(listed);
  return in.ok() && to_doubles(model, k, into) && apply(model, patches, into);
}

namespace {

// Open addressing; a rank per value once the entries are sorted.
struct Table {
  std::vector<std::uint64_t> keys;
  std::vector<std::uint32_t> ranks;  // 0: free
  std::vector<std::uint32_t> slots;  // of the entries in order of their first sight
  std::size_t mask = 0;

  void clear(std::size_t entries) {
    const std::size_t size = std::bit_ceil(entries * 2 + 2);
    keys.resize(size);
    ranks.assign(size, 0);
    slots.clear();
    mask = size - 1;
  }
  std::size_t slot(std::uint64_t bits) const {
    std::size_t at = static_cast<std::size_t>((bits * 0x9E3779B97F4A7C15) >> 32) & mask;
    while (ranks[at] != 0 && keys[at] != bits) at = (at + 1) & mask;
    return at;
  }
};

}  // namespace

bool realise_dictionary(std::span<const double> values, std::size_t most, std::span<const NumberModel> hints, Numbers& into) {
  static thread_local Table table;
  table.clear(most);
  into.model = NumberModel{};
  into.model.form = NumberForm::dictionary;
  into.patches.clear();
  into.integers.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::uint64_t bits = std::bit_cast<std::uint64_t>(values[i]);
    const std::size_t at = table.slot(bits);
    into.integers[i] = static_cast<std::int64_t>(at);
    if (table.ranks[at] != 0) continue;
    if (table.slots.size() == most) return false;
    table.keys[at] = bits;
    table.ranks[at] = 1;
    table.slots.push_back(static_cast<std::uint32_t>(at));
  }
  std::sort(table.slots.begin(), table.slots.end(), [&](std::uint32_t a, std::uint32_t b) {
    return to_ordered(std::bit_cast<double>(table.keys[a])) < to_ordered(std::bit_cast<double>(table.keys[b]));
  });
  for (std::size_t rank = 0; rank < table.slots.size(); ++rank) {
    table.ranks[table.slots[rank]] = static_cast<std::uint32_t>(rank);
    into.model.entries.push_back(std::bit_cast<double>(table.keys[table.slots[rank]]));
  }
  base::Writer packed(into.model.packed_entries);
  put_entries(packed, into.model.entries, hints);
  for (std::int64_t& k : into.integers) k = table.ranks[static_cast<std::size_t>(k)];
  return true;
}

}  // namespace selvedge::codec
