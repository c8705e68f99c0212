#include "store/chunk.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/result.h"

namespace selvedge::store {
namespace {

static_assert(std::endian::native == std::endian::little);  // short times are the low bytes of long ones

// Calls `with` with the unit in ns and the bytes of a time as constants, so that divisions are cheap.
template <typename With>
auto by_coding(TimeCoding coding, const With& with) {
  const auto call = [&]<std::int64_t unit, unsigned width>() {
    return with(std::integral_constant<std::int64_t, unit>(), std::integral_constant<unsigned, width>());
  };
  switch (coding) {
    case TimeCoding::s4: return call.template operator()<1'000'000'000, 4>();
    case TimeCoding::ms4: return call.template operator()<1'000'000, 4>();
    case TimeCoding::us4: return call.template operator()<1'000, 4>();
    case TimeCoding::ns4: return call.template operator()<1, 4>();
    case TimeCoding::us5: return call.template operator()<1'000, 5>();
    case TimeCoding::ns5: return call.template operator()<1, 5>();
    case TimeCoding::ns6: return call.template operator()<1, 6>();
    case TimeCoding::ns8: break;
  }
  return call.template operator()<1, 8>();
}

// Modulo 2^64: what is too far apart wraps, and wraps back when it is added again.
std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

template <unsigned width>
std::int64_t read(const std::uint8_t* at) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, at, width);
  constexpr unsigned spare = 64 - 8 * width;
  return static_cast<std::int64_t>(bits << spare) >> spare;
}

// In units; false if it does not fit.
template <std::int64_t unit, unsigned width>
bool shorten(std::int64_t offset, std::int64_t& units) {
  constexpr unsigned spare = 64 - 8 * width;
  units = offset / unit;
  return units * unit == offset &&
         static_cast<std::int64_t>(static_cast<std::uint64_t>(units) << spare) >> spare == units;
}

bool fits(TimeCoding coding, std::int64_t offset) {
  return by_coding(coding, [&](auto unit, auto width) {
    std::int64_t units;
    return shorten<unit, width>(offset, units);
  });
}

}  // namespace

bool Chunk::add(std::int64_t time, std::uint64_t value) {
  if (count_ == 0) base_ = time;
  enum class Outcome : std::uint8_t { added, full, too_wide };
  const Outcome outcome = by_coding(coding_, [&](auto unit, auto width) {
    std::int64_t units;
    if (!shorten<unit, width>(minus(time, base_), units)) return Outcome::too_wide;
    if ((count_ + 1) * (8 + width) > payload()) return Outcome::full;
    std::memcpy(end() - width * (count_ + 1), &units, width);
    return Outcome::added;
  });
  if (outcome == Outcome::too_wide) [[unlikely]] return widen(time) && add(time, value);
  if (outcome == Outcome::full) return false;
  std::memcpy(reinterpret_cast<std::uint8_t*>(this + 1) + 8 * count_, &value, sizeof value);
  ++count_;
  return true;
}

// Rewrites the times so that `time` fits beside them. False, and nothing changed, without room for that.
bool Chunk::widen(std::int64_t time) {
  std::int64_t times[most_readings];
  copy_times(times);
  auto coding = coding_;
  const auto holds_all = [&] {
    return fits(coding, minus(time, base_)) &&
           std::all_of(times, times + count_, [&](std::int64_t t) { return fits(coding, minus(t, base_)); });
  };
  while (!holds_all()) coding = static_cast<TimeCoding>(static_cast<unsigned>(coding) + 1);
  return by_coding(coding, [&](auto unit, auto width) {
    if ((count_ + 1) * (8 + width) > payload()) return false;
    coding_ = coding;
    for (std::uint32_t i = 0; i < count_; ++i) {
      std::int64_t units;
      CHECK((shorten<unit, width>(minus(times[i], base_), units)));
      std::memcpy(end() - width * (i + 1), &units, width);
    }
    return true;
  });
}

std::int64_t Chunk::time(std::uint32_t i) const {
  return by_coding(coding_, [&](auto unit, auto width) {
    const auto offset = static_cast<std::uint64_t>(read<width>(end() - width * (i + 1))) * unit;
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(base_) + offset);
  });
}

void Chunk::copy_times(std::int64_t* into) const {
  by_coding(coding_, [&](auto unit, auto width) {
    const std::uint8_t* at = end();
    for (std::uint32_t i = 0; i < count_; ++i) {
      at -= width;
      const auto offset = static_cast<std::uint64_t>(read<width>(at)) * unit;
      into[i] = static_cast<std::int64_t>(static_cast<std::uint64_t>(base_) + offset);
    }
  });
}

ChunkPool::~ChunkPool() {
  for (Chunk*& list : free_) release(list);
}

void ChunkPool::release(Chunk*& list) {
  while (list != nullptr) {
    Chunk* const next = list->next;
    idle_ -= Chunk::bytes(list->size());
    ::operator delete(list);
    list = next;
  }
}

Chunk* ChunkPool::take(Chunk::Size size, TimeCoding coding) {
  const std::uint64_t bytes = Chunk::bytes(size);
  Chunk*& list = free_of(size);
  in_use_ += bytes;
  if (list != nullptr) {
    Chunk* const chunk = list;
    list = chunk->next;
    idle_ -= bytes;
    return new (chunk) Chunk(size, coding);
  }
  if (in_use_ + idle_ > limit_)
    for (Chunk*& other : free_) release(other);
  return new (::operator new(bytes)) Chunk(size, coding);
}

void ChunkPool::give_back(Chunk* first) {
  while (first != nullptr) {
    Chunk* const next = first->next;
    Chunk*& list = free_of(first->size());
    const std::uint64_t bytes = Chunk::bytes(first->size());
    in_use_ -= bytes;
    idle_ += bytes;
    first->next = list;
    list = first;
    first = next;
  }
}

}  // namespace selvedge::store
