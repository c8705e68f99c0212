#include "codec/numbers/patches.h"

#include <algorithm>
#include <bit>

#include "codec/numbers/rice.h"

namespace selvedge::codec {

namespace {

template <typename Patch>
double mean_gap(const std::vector<Patch>& list) {
  const double places = list.back().place + 1.0;
  return (places - static_cast<double>(list.size())) / static_cast<double>(list.size());
}

// by is not 0: 1, -1, 2, -2, ... become 0, 1, 2, 3, ...
std::uint64_t folded(std::int32_t by) {
  return by > 0 ? 2 * static_cast<std::uint64_t>(by) - 2 : 2 * static_cast<std::uint64_t>(-std::int64_t{by}) - 1;
}

double mean_folded(const std::vector<Patches::Small>& list) {
  double sum = 0;
  for (const auto& patch : list) sum += static_cast<double>(folded(patch.by));
  return sum / static_cast<double>(list.size());
}

void put_small(base::Writer& out, const std::vector<Patches::Small>& list) {
  const unsigned gap_bits = rice_bits(mean_gap(list));
  const unsigned by_bits = rice_bits(mean_folded(list));
  out.varint(list.size());
  out.u8(static_cast<std::uint8_t>(gap_bits));
  out.u8(static_cast<std::uint8_t>(by_bits));
  RiceWriter rice(out);
  std::uint32_t next = 0;
  for (const auto& patch : list) {
    rice.put(patch.place - next, gap_bits);
    rice.put(folded(patch.by), by_bits);
    next = patch.place + 1;
  }
  rice.finish();
}

bool take_small(base::Reader& in, std::size_t count, std::vector<Patches::Small>& into) {
  const std::uint64_t listed = in.varint();
  const unsigned gap_bits = in.u8(), by_bits = in.u8();
  // Each takes two bits at least.
  if (!in.ok() || listed == 0 || listed > count || listed > in.remaining() * 4 || gap_bits > 57 || by_bits > 57)
    return false;
  into.reserve(listed);
  RiceReader rice(in);
  std::uint64_t next = 0;
  for (std::uint64_t i = 0; i < listed; ++i) {
    const std::uint64_t gap = rice.take(gap_bits);
    const std::uint64_t code = rice.take(by_bits);
    if (!in.ok() || gap >= count - next || code >= (1ull << 32) - 2) return false;
    const std::int64_t size = static_cast<std::int64_t>(code / 2) + 1;
    into.push_back({static_cast<std::uint32_t>(next + gap), static_cast<std::int32_t>(code & 1 ? -size : size)});
    next += gap + 1;
  }
  return true;
}

void put_exact(base::Writer& out, const std::vector<Patches::Exact>& list) {
  const unsigned gap_bits = rice_bits(mean_gap(list));
  out.varint(list.size());
  out.u8(static_cast<std::uint8_t>(gap_bits));
  RiceWriter rice(out);
  std::uint32_t next = 0;
  for (const auto& patch : list) {
    rice.put(patch.place - next, gap_bits);
    next = patch.place + 1;
  }
  rice.finish();
  for (const auto& patch : list) out.u64(patch.bits);
}

bool take_exact(base::Reader& in, std::size_t count, std::vector<Patches::Exact>& into) {
  const std::uint64_t listed = in.varint();
  const unsigned gap_bits = in.u8();
  if (!in.ok() || listed == 0 || listed > count || listed > in.remaining() / 8 || gap_bits > 57) return false;
  into.reserve(listed);
  RiceReader rice(in);
  std::uint64_t next = 0;
  for (std::uint64_t i = 0; i < listed; ++i) {
    const std::uint64_t gap = rice.take(gap_bits);
    if (!in.ok() || gap >= count - next) return false;
    into.push_back({static_cast<std::uint32_t>(next + gap), 0});
    next += gap + 1;
  }
  for (auto& patch : into) patch.bits = in.u64();
  return in.ok();
}

double small_bits(const std::vector<Patches::Small>& list) {
  if (list.empty()) return 0;
  return 32 + static_cast<double>(list.size()) * (rice_cost(mean_gap(list)) + rice_cost(mean_folded(list)));
}

}  // namespace

PatchKinds kinds(const Patches& patches) {
  return static_cast<PatchKinds>((patches.fractions.empty() ? 0 : 1) | (patches.last_places.empty() ? 0 : 2) |
                                 (patches.exact.empty() ? 0 : 4));
}

void put_patches(base::Writer& out, const Patches& patches) {
  if (!patches.fractions.empty()) put_small(out, patches.fractions);
  if (!patches.last_places.empty()) put_small(out, patches.last_places);
  if (!patches.exact.empty()) put_exact(out, patches.exact);
}

bool take_patches(base::Reader& in, PatchKinds which, std::size_t count, Patches& into) {
  into.clear();
  const auto has = [which](PatchKinds kind) {
    return (static_cast<unsigned>(which) & static_cast<unsigned>(kind)) != 0;
  };
  return (!has(PatchKinds::fractions) || take_small(in, count, into.fractions)) &&
         (!has(PatchKinds::last_places) || take_small(in, count, into.last_places)) &&
         (!has(PatchKinds::exact) || take_exact(in, count, into.exact));
}

double patch_bits(const Patches& patches, std::size_t) {
  double bits = small_bits(patches.fractions) + small_bits(patches.last_places);
  if (!patches.exact.empty())
    bits += 24 + static_cast<double>(patches.exact.size()) * (64 + rice_cost(mean_gap(patches.exact)));
  return bits;
}

}  // namespace selvedge::codec
