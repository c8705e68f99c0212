#include "engine/twin/entries.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#include "base/result.h"

namespace selvedge::engine::twin {
namespace {

int rank(char c) { return c == '/' ? 0 : static_cast<unsigned char>(c); }

// A value may grow to this without moving, so that numbers and booleans change in place.
std::size_t room(std::size_t value_bytes) { return (value_bytes + 7) & ~std::size_t{7}; }

// Of two values with the same stamp the removal wins, then the larger text.
int compare_values(std::string_view a, std::string_view b) {
  if (a.empty() != b.empty()) return a.empty() ? 1 : -1;
  return a.compare(b);
}

}  // namespace

int compare(std::string_view a, std::string_view b) {
  const std::size_t common = std::min(a.size(), b.size());
  std::size_t i = 0;
  for (; i + 8 <= common; i += 8) {
    std::uint64_t x, y;
    std::memcpy(&x, a.data() + i, 8);
    std::memcpy(&y, b.data() + i, 8);
    if (x != y) break;
  }
  while (i < common && a[i] == b[i]) ++i;
  if (i < common) return rank(a[i]) - rank(b[i]);
  return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

int compare(Key a, Key b) {
  if (a.part != b.part) return a.part < b.part ? -1 : 1;
  return compare(a.path, b.path);
}

bool is_beneath(std::string_view path, std::string_view above) {
  return path.size() > above.size() && path[above.size()] == '/' && path.starts_with(above);
}

struct Entries::Slot {
  std::uint64_t time;
  std::uint64_t changed : 56;
  std::uint64_t part : 2;
  std::uint64_t joined : 1;
  std::uint32_t origin;
  std::uint32_t path_at, value_at;   // in the text
  std::uint16_t path_bytes, value_bytes;

  model::Stamp stamp() const { return {time, origin}; }
};

// Followed by the slots and then the text.
struct Entries::Block {
  std::uint64_t revision = 0;
  std::uint64_t newest = 0;
  std::uint32_t count = 0, slots = 0;
  std::uint32_t text_used = 0, text_room = 0;
  std::uint32_t bytes = 0;           // of paths and values
};

Entries& Entries::operator=(Entries&& other) noexcept {
  std::swap(block_, other.block_);
  return *this;
}

Entries::~Entries() { std::free(block_); }

Entries Entries::copy() const {
  Entries made;
  if (block_ == nullptr) return made;
  const std::size_t size = memory_bytes();
  made.block_ = static_cast<Block*>(std::malloc(size));
  if (made.block_ == nullptr) throw std::bad_alloc();
  std::memcpy(static_cast<void*>(made.block_), block_, size);
  return made;
}

Entries::Slot* Entries::slots() const { return reinterpret_cast<Slot*>(block_ + 1); }
char* Entries::text() const { return reinterpret_cast<char*>(slots() + block_->slots); }

std::string_view Entries::path_of(const Slot& slot) const {
  return {text() + slot.path_at, slot.path_bytes};
}

std::string_view Entries::value_of(const Slot& slot) const {
  return {text() + slot.value_at, slot.value_bytes};
}

std::size_t Entries::size() const { return block_ == nullptr ? 0 : block_->count; }
std::uint64_t Entries::revision() const { return block_ == nullptr ? 0 : block_->revision; }
std::uint64_t Entries::newest() const { return block_ == nullptr ? 0 : block_->newest; }
std::size_t Entries::bytes() const { return block_ == nullptr ? 0 : block_->bytes; }

std::size_t Entries::memory_bytes() const {
  if (block_ == nullptr) return 0;
  return sizeof(Block) + block_->slots * sizeof(Slot) + block_->text_room;
}

void Entries::set_revision(std::uint64_t revision) {
  need(0, 0);
  block_->revision = revision;
}

void Entries::set_newest(std::uint64_t time) {
  need(0, 0);
  block_->newest = std::max(block_->newest, time);
}

Entries::View Entries::at(std::size_t i) const {
  const Slot& slot = slots()[i];
  return {{static_cast<model::TwinPart>(slot.part), path_of(slot)}, value_of(slot), slot.stamp(),
          slot.changed, slot.joined != 0};
}

std::size_t Entries::lower_bound(Key key) const {
  std::size_t low = 0, high = size();
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    const Slot& slot = slots()[middle];
    if (compare(Key{static_cast<model::TwinPart>(slot.part), path_of(slot)}, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

std::size_t Entries::find(Key key) const {
  const std::size_t i = lower_bound(key);
  if (i == size()) return none;
  const Slot& slot = slots()[i];
  const bool same = slot.part == static_cast<std::uint64_t>(key.part) && path_of(slot) == key.path;
  return same ? i : none;
}

std::size_t Entries::end_beneath(std::size_t from, Key key) const {
  const auto beneath = [&](std::size_t i) {
    const Slot& slot = slots()[i];
    return slot.part == static_cast<std::uint64_t>(key.part) && is_beneath(path_of(slot), key.path);
  };
  std::size_t step = 1, low = from, high = from;
  while (high < size() && beneath(high)) {
    low = high + 1;
    high += step;
    step *= 2;
  }
  high = std::min(high, size());
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (beneath(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}

void Entries::rebuild(std::size_t slot_count, std::size_t text_bytes) {
  const std::size_t size = sizeof(Block) + slot_count * sizeof(Slot) + text_bytes;
  Entries made;
  made.block_ = static_cast<Block*>(std::malloc(size));
  if (made.block_ == nullptr) throw std::bad_alloc();
  Block& block = *new (made.block_) Block;
  block.slots = static_cast<std::uint32_t>(slot_count);
  block.text_room = static_cast<std::uint32_t>(text_bytes);
  if (block_ != nullptr) {
    block.revision = block_->revision;
    block.newest = block_->newest;
    block.bytes = block_->bytes;
    block.count = block_->count;
  }
  std::uint32_t used = 0;
  for (std::size_t i = 0; i < this->size(); ++i) {
    const Slot& from = slots()[i];
    Slot& to = made.slots()[i];
    to = from;
    to.path_at = used;
    if (from.path_bytes > 0) std::memcpy(made.text() + used, text() + from.path_at, from.path_bytes);
    used += from.path_bytes;
    to.value_at = used;
    if (from.value_bytes > 0) std::memcpy(made.text() + used, text() + from.value_at, from.value_bytes);
    used += static_cast<std::uint32_t>(room(from.value_bytes));
  }
  block.text_used = used;
  std::swap(block_, made.block_);
}

void Entries::reserve(std::size_t entries, std::size_t text_bytes) {
  if (block_ == nullptr) rebuild(entries, text_bytes);
}

void Entries::fit() {
  if (block_ == nullptr) return;
  std::size_t live = 0;
  for (std::size_t i = 0; i < block_->count; ++i)
    live += slots()[i].path_bytes + room(slots()[i].value_bytes);
  if (live < block_->text_room || block_->count < block_->slots) rebuild(block_->count, live);
}

// Room for more: the text is compacted when it is moved.
void Entries::need(std::size_t more_slots, std::size_t more_text) {
  if (block_ == nullptr) return rebuild(more_slots, more_text);
  const std::size_t slot_count = block_->count + more_slots;
  if (slot_count <= block_->slots && block_->text_used + more_text <= block_->text_room) return;
  std::size_t live = more_text;
  for (std::size_t i = 0; i < block_->count; ++i)
    live += slots()[i].path_bytes + room(slots()[i].value_bytes);
  const std::size_t spare = more_slots > 0 && slot_count > block_->slots ? slot_count / 8 : 0;
  rebuild(std::max<std::size_t>(block_->slots, slot_count + spare), live + live / 8 + 16);
}

void Entries::write_value(Slot& slot, std::string_view value) {
  if (room(value.size()) > room(slot.value_bytes)) {
    const std::ptrdiff_t i = &slot - slots();
    slot.value_at = 0;
    block_->bytes -= slot.value_bytes;
    slot.value_bytes = 0;
    need(0, room(value.size()));
    Slot& moved = slots()[i];
    moved.value_at = block_->text_used;
    block_->text_used += static_cast<std::uint32_t>(room(value.size()));
    std::memcpy(text() + moved.value_at, value.data(), value.size());
    moved.value_bytes = static_cast<std::uint16_t>(value.size());
    block_->bytes += moved.value_bytes;
    return;
  }
  block_->bytes += static_cast<std::uint32_t>(value.size());
  block_->bytes -= slot.value_bytes;
  if (!value.empty()) std::memcpy(text() + slot.value_at, value.data(), value.size());
  slot.value_bytes = static_cast<std::uint16_t>(value.size());
}

void Entries::drop_value(Slot& slot) {
  block_->bytes -= slot.value_bytes;
  slot.value_bytes = 0;
}

void Entries::replace(std::size_t i, std::string_view value, model::Stamp stamp,
                      std::uint64_t changed, bool joined) {
  write_value(slots()[i], value);
  Slot& slot = slots()[i];
  slot.time = stamp.time;
  slot.origin = stamp.origin;
  slot.changed = changed & ((1ULL << 56) - 1);
  slot.joined = joined ? 1 : 0;
  set_newest(stamp.time);
}

void Entries::insert(std::size_t i, const View& entry) {
  CHECK(entry.key.path.size() <= UINT16_MAX && entry.value.size() <= UINT16_MAX);
  need(1, entry.key.path.size() + room(entry.value.size()));
  Slot* const at = slots() + i;
  std::memmove(static_cast<void*>(at + 1), at, (block_->count - i) * sizeof(Slot));
  ++block_->count;
  *at = Slot{};
  at->part = static_cast<std::uint64_t>(entry.key.part) & 3;
  at->path_at = block_->text_used;
  at->path_bytes = static_cast<std::uint16_t>(entry.key.path.size());
  if (!entry.key.path.empty())
    std::memcpy(text() + at->path_at, entry.key.path.data(), entry.key.path.size());
  at->value_at = at->path_at + at->path_bytes;
  block_->text_used += static_cast<std::uint32_t>(at->path_bytes + room(entry.value.size()));
  at->value_bytes = static_cast<std::uint16_t>(entry.value.size());
  if (!entry.value.empty()) std::memcpy(text() + at->value_at, entry.value.data(), entry.value.size());
  block_->bytes += static_cast<std::uint32_t>(at->path_bytes) + at->value_bytes;
  at->time = entry.stamp.time;
  at->origin = entry.stamp.origin;
  at->changed = entry.changed & ((1ULL << 56) - 1);
  at->joined = entry.joined ? 1 : 0;
  set_newest(entry.stamp.time);
}

void Entries::append(const View& entry) { insert(size(), entry); }

void Entries::erase(std::size_t from, std::size_t to) {
  if (from == to) return;
  for (std::size_t i = from; i < to; ++i)
    block_->bytes -= static_cast<std::uint32_t>(slots()[i].path_bytes) + slots()[i].value_bytes;
  std::memmove(static_cast<void*>(slots() + from), slots() + to, (block_->count - to) * sizeof(Slot));
  block_->count -= static_cast<std::uint32_t>(to - from);
}

bool Entries::loses(const View& entry, std::size_t at, bool exists) const {
  if (exists) {
    const Slot& slot = slots()[at];
    if (entry.stamp != slot.stamp()) return entry.stamp < slot.stamp();
    return compare_values(entry.value, value_of(slot)) <= 0;
  }
  return each_above(entry.key.path, [&](std::string_view path) {
    const std::size_t above = find({entry.key.part, path});
    return above != none && slots()[above].stamp() > entry.stamp;
  });
}

bool Entries::put(const View& entry) {
  need(0, 0);
  const std::size_t i = lower_bound(entry.key);
  const bool exists = i < size() && compare(at(i).key, entry.key) == 0;
  if (loses(entry, i, exists)) return false;
  // What is beneath goes if it is older. Something newer that stays hides this entry.
  const std::size_t first = exists ? i + 1 : i;
  const std::size_t last = end_beneath(first, entry.key);
  std::size_t keep = first;
  for (std::size_t k = first; k < last; ++k)
    if (!(slots()[k].stamp() < entry.stamp)) std::swap(slots()[keep++], slots()[k]);
  erase(keep, last);
  const std::string_view value = keep > first ? std::string_view() : entry.value;
  if (exists) {
    replace(i, value, entry.stamp, entry.changed, entry.joined);
    return true;
  }
  each_above(entry.key.path, [&](std::string_view path) {
    const std::size_t above = find({entry.key.part, path});
    if (above != none) drop_value(slots()[above]);
    return false;
  });
  View shown = entry;
  shown.value = value;
  insert(i, shown);
  return true;
}

}  // namespace selvedge::engine::twin
