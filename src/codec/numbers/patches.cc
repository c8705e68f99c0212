#include "codec/numbers/patches.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "codec/numbers/small_codes.h"

namespace selvedge::codec {

namespace {

constexpr unsigned most_kinds = 31;  // different sizes of patches that are listed once

// 1, -1, 2, -2, ... become 0, 1, 2, 3, ...; 0 does not occur.
std::uint64_t folded(std::int32_t by) {
  return by > 0 ? 2 * static_cast<std::uint64_t>(by) - 2 : 2 * static_cast<std::uint64_t>(-std::int64_t{by}) - 1;
}
std::int32_t unfolded(std::uint64_t code) {
  const std::int64_t size = static_cast<std::int64_t>(code / 2) + 1;
  return static_cast<std::int32_t>(code & 1 ? -size : size);
}
constexpr std::uint64_t folded_end = (1ull << 32) - 2;

template <typename Patch>
std::vector<std::uint64_t> gaps(const std::vector<Patch>& list) {
  std::vector<std::uint64_t> out;
  out.reserve(list.size());
  std::uint32_t next = 0;
  for (const Patch& patch : list) {
    out.push_back(patch.place - next);
    next = patch.place + 1;
  }
  return out;
}

struct SmallPlan {
  CodeChoice places, sizes;
  std::vector<std::uint64_t> gaps, codes;
  std::vector<std::uint64_t> listed;  // folded sizes by frequency, if codes are ranks among them
};

SmallPlan plan(const std::vector<Patches::Small>& list) {
  SmallPlan plan;
  plan.gaps = gaps(list);
  plan.places = best_code(plan.gaps);
  for (const auto& patch : list) plan.codes.push_back(folded(patch.by));
  plan.sizes = best_code(plan.codes);
  // Sizes that come again and again may be listed, most frequent first.
  std::vector<std::uint64_t> sorted = plan.codes;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::pair<std::size_t, std::uint64_t>> kinds;
  for (std::size_t i = 0; i < sorted.size() && kinds.size() <= most_kinds;) {
    const std::size_t end = static_cast<std::size_t>(std::upper_bound(sorted.begin(), sorted.end(), sorted[i]) - sorted.begin());
    kinds.emplace_back(end - i, sorted[i]);
    i = end;
  }
  if (kinds.size() > most_kinds) return plan;
  std::sort(kinds.begin(), kinds.end(), [](const auto& a, const auto& b) { return a.first != b.first ? a.first > b.first : a.second < b.second; });
  std::vector<std::uint64_t> ranks;
  double header = 8;
  for (const auto& kind : kinds) header += kind.second < 128 ? 8 : kind.second < 16384 ? 16 : 40;
  for (const std::uint64_t code : plan.codes) {
    std::uint64_t rank = 0;
    while (kinds[rank].second != code) ++rank;
    ranks.push_back(rank);
  }
  const CodeChoice ranked = best_code(ranks);
  if (ranked.bits + header >= plan.sizes.bits) return plan;
  plan.codes = std::move(ranks);
  plan.sizes = {ranked.code, ranked.bits + header};
  for (const auto& kind : kinds) plan.listed.push_back(kind.second);
  return plan;
}

void put_small(base::Writer& out, const std::vector<Patches::Small>& list) {
  const SmallPlan p = plan(list);
  out.varint(list.size());
  out.u8(p.places.code.byte);
  out.u8(static_cast<std::uint8_t>(p.sizes.code.byte | (p.listed.empty() ? 0 : 128)));
  if (!p.listed.empty()) {
    out.u8(static_cast<std::uint8_t>(p.listed.size()));
    for (const std::uint64_t code : p.listed) out.varint(code);
  }
  SmallWriter codes(out);
  for (std::size_t i = 0; i < list.size(); ++i) {
    codes.put(p.places.code, p.gaps[i]);
    codes.put(p.sizes.code, p.codes[i]);
  }
  codes.finish();
}

bool take_small(base::Reader& in, std::size_t count, std::vector<Patches::Small>& into) {
  const std::uint64_t size = in.varint();
  const SmallCode places{in.u8()};
  const unsigned second = in.u8();
  const SmallCode sizes{static_cast<std::uint8_t>(second & 127)};
  std::uint64_t listed[most_kinds] = {};
  unsigned kinds = 0;
  if (second & 128) {
    kinds = in.u8();
    if (kinds == 0 || kinds > most_kinds) return false;
    for (unsigned i = 0; i < kinds; ++i) listed[i] = in.varint();
  }
  // Each takes two bits at least.
  if (!in.ok() || size == 0 || size > count || size > in.remaining() * 4 || !places.valid() || !sizes.valid())
    return false;
  into.reserve(size);
  SmallReader codes(in);
  std::uint64_t next = 0;
  for (std::uint64_t i = 0; i < size; ++i) {
    const std::uint64_t gap = codes.take(places);
    std::uint64_t code = codes.take(sizes);
    if (kinds != 0) {
      if (code >= kinds) return false;
      code = listed[code];
    }
    if (!in.ok() || gap >= count - next || code >= folded_end) return false;
    into.push_back({static_cast<std::uint32_t>(next + gap), unfolded(code)});
    next += gap + 1;
  }
  return true;
}

void put_exact(base::Writer& out, const std::vector<Patches::Exact>& list) {
  const std::vector<std::uint64_t> between = gaps(list);
  const SmallCode code = best_code(between).code;
  out.varint(list.size());
  out.u8(code.byte);
  SmallWriter codes(out);
  for (const std::uint64_t gap : between) codes.put(code, gap);
  codes.finish();
  for (const auto& patch : list) out.u64(patch.bits);
}

bool take_exact(base::Reader& in, std::size_t count, std::vector<Patches::Exact>& into) {
  const std::uint64_t size = in.varint();
  const SmallCode code{in.u8()};
  if (!in.ok() || size == 0 || size > count || size > in.remaining() / 8 || !code.valid()) return false;
  into.reserve(size);
  SmallReader codes(in);
  std::uint64_t next = 0;
  for (std::uint64_t i = 0; i < size; ++i) {
    const std::uint64_t gap = codes.take(code);
    if (!in.ok() || gap >= count - next) return false;
    into.push_back({static_cast<std::uint32_t>(next + gap), 0});
    next += gap + 1;
  }
  for (auto& patch : into) patch.bits = in.u64();
  return in.ok();
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

}  // namespace selvedge::codec
