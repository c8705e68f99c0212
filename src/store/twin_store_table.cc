#include "store/twin_store_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <new>

#include "base/text.h"

namespace selvedge::store {
namespace {

std::uint32_t hash_of(std::string_view id) {
  const std::size_t hash = std::hash<std::string_view>{}(id);
  return static_cast<std::uint32_t>(hash ^ hash >> 32);
}

// The same for values that eq takes as the same.
std::uint64_t value_hash(std::string_view value) {
  if (!value.empty() && (value[0] == '-' || (value[0] >= '0' && value[0] <= '9')))
    if (const auto number = base::parse_double(value)) {
      const double d = *number == 0 ? 0 : *number;
      return std::bit_cast<std::uint64_t>(d) * 0x9E3779B97F4A7C15u;
    }
  return std::hash<std::string_view>{}(value);
}

void destroy(TwinRecord* record) {
  record->~TwinRecord();
  ::operator delete(record);
}

}  // namespace

void TwinLinks::unlink() {
  if (next == nullptr) return;
  previous->next = next;
  next->previous = previous;
  previous = next = nullptr;
}

TwinTable::~TwinTable() {
  for (TwinRecord* const record : slots_)
    if (record != nullptr) destroy(record);
}

std::size_t TwinTable::record_bytes(std::string_view id) { return sizeof(TwinRecord) + id.size() + 40; }

std::size_t TwinTable::slot_of(std::string_view id, std::uint32_t hash) const {
  std::size_t i = hash & (slots_.size() - 1);
  while (slots_[i] != nullptr && (slots_[i]->hash != hash || slots_[i]->id() != id))
    i = (i + 1) & (slots_.size() - 1);
  return i;
}

TwinRecord* TwinTable::find(std::string_view id) const {
  return slots_.empty() ? nullptr : slots_[slot_of(id, hash_of(id))];
}

void TwinTable::grow() {
  std::vector<TwinRecord*> old(std::max<std::size_t>(64, slots_.size() * 2));
  std::swap(old, slots_);
  for (TwinRecord* const record : old)
    if (record != nullptr) {
      std::size_t i = record->hash & (slots_.size() - 1);
      while (slots_[i] != nullptr) i = (i + 1) & (slots_.size() - 1);
      slots_[i] = record;
    }
}

TwinRecord& TwinTable::insert(std::string_view id) {
  if ((size() + 1) * 4 > slots_.size() * 3) grow();
  void* const memory = ::operator new(sizeof(TwinRecord) + id.size());
  auto* const record = new (memory) TwinRecord;
  record->id_bytes = static_cast<std::uint16_t>(id.size());
  record->hash = hash_of(id);
  std::memcpy(static_cast<void*>(record + 1), id.data(), id.size());
  slots_[slot_of(id, record->hash)] = record;
  order_.insert(record);
  return *record;
}

void TwinTable::erase(TwinRecord& record) {
  order_.erase(&record);
  record.unlink();
  const std::size_t mask = slots_.size() - 1;
  std::size_t hole = slot_of(record.id(), record.hash);
  slots_[hole] = nullptr;
  // Whoever was pushed past the hole moves up.
  for (std::size_t i = (hole + 1) & mask; slots_[i] != nullptr; i = (i + 1) & mask) {
    const std::size_t home = slots_[i]->hash & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    slots_[hole] = slots_[i];
    slots_[i] = nullptr;
    hole = i;
  }
  destroy(&record);
}

TwinTable::ByIdOrder::Place TwinTable::bound(std::string_view id, From from) const {
  auto place = order_.lower_bound(id);
  const auto* const record = order_.get(place);
  if (from == From::after && record != nullptr && (*record)->id() == id) place = order_.next(place);
  return place;
}

TwinRecord* TwinTable::first(std::string_view id, From from) const {
  const auto* const record = order_.get(bound(id, from));
  return record == nullptr ? nullptr : *record;
}

void TwinIndex::build(const TwinTable& table) {
  std::vector<Entry> entries;
  table.each({}, TwinTable::From::at, [&](TwinRecord& record) {
    const std::string_view value = record.twin.leaf(part_, path_);
    if (!value.empty()) entries.push_back({value_hash(value), &record});
    return true;
  });
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.hash < b.hash; });
  entries_.assign(entries);
}

void TwinIndex::changed(TwinRecord& record, const engine::Twin* before, const engine::Twin* after) {
  const std::string_view was = before == nullptr ? std::string_view() : before->leaf(part_, path_);
  const std::string_view is = after == nullptr ? std::string_view() : after->leaf(part_, path_);
  if (was == is) return;
  if (!was.empty()) entries_.erase({value_hash(was), &record});
  if (!is.empty()) entries_.insert({value_hash(is), &record});
}

void TwinIndex::each(std::string_view value, std::string_view from,
                     const std::function<bool(TwinRecord&)>& visit) const {
  const Key key{value_hash(value), from};
  for (auto place = entries_.lower_bound(key); const Entry* entry = entries_.get(place);
       place = entries_.next(place)) {
    if (entry->hash != key.hash || !visit(*entry->record)) return;
  }
}

}  // namespace selvedge::store
