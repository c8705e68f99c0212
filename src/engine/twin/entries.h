// Entries: the leaves of one twin, sorted, in one allocation, and the rule by which they merge.
//
// An entry that is not visible has no value: it is a tombstone, or lost against something beneath it.
// The set is kept canonical: no entry lies beneath a newer one, and an entry with others beneath it has
// no value. So what is visible is what has a value. docs/spec/twin.md says why this is all that
// replicas need to keep. Private to engine/twin.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "model/twin.h"

namespace selvedge::engine::twin {

inline constexpr std::size_t none = static_cast<std::size_t>(-1);

struct Key {
  model::TwinPart part{};
  std::string_view path;
};

// The order of entries: '/' comes before everything else, so that what is beneath a path follows it.
int compare(std::string_view a, std::string_view b);
int compare(Key a, Key b);
bool is_beneath(std::string_view path, std::string_view above);  // and not the same

// Calls `visit` with every proper prefix of a path, the longest first, until it returns true.
template <typename Visit>
bool each_above(std::string_view path, const Visit& visit) {
  while (!path.empty()) {
    path = path.substr(0, path.rfind('/'));
    if (visit(path)) return true;
  }
  return false;
}

class Entries {
 public:
  struct View {
    Key key;
    std::string_view value;      // empty: not visible
    model::Stamp stamp;
    std::uint64_t changed = 0;   // the revision that brought it
    bool joined = false;         // it came from another replica
  };

  Entries() = default;
  Entries(Entries&& other) noexcept : block_(other.block_) { other.block_ = nullptr; }
  Entries& operator=(Entries&& other) noexcept;
  ~Entries();
  Entries copy() const;

  std::size_t size() const;
  View at(std::size_t i) const;
  std::size_t lower_bound(Key key) const;          // the first that is not before it
  std::size_t find(Key key) const;                 // or none
  std::size_t end_beneath(std::size_t from, Key key) const;  // behind all that are beneath `key`

  // Takes up one entry; false if what is there already knows better. `value` and the key may not lie
  // in these entries.
  bool put(const View& entry);
  // Replaces the value of a visible entry by a newer one.
  void replace(std::size_t i, std::string_view value, model::Stamp stamp, std::uint64_t changed,
               bool joined);
  // Puts an entry at the end, as when loading; the caller keeps order and canonical form.
  void append(const View& entry);
  void erase(std::size_t from, std::size_t to);
  void reserve(std::size_t entries, std::size_t text_bytes);  // of what is still empty
  void fit();                                      // gives back what is not used

  std::uint64_t revision() const;
  void set_revision(std::uint64_t revision);
  std::uint64_t newest() const;                    // the largest Stamp::time ever taken up
  void set_newest(std::uint64_t time);
  std::size_t bytes() const;                       // of paths and values
  std::size_t memory_bytes() const;

 private:
  struct Slot;
  struct Block;

  Slot* slots() const;
  char* text() const;
  std::string_view path_of(const Slot& slot) const;
  std::string_view value_of(const Slot& slot) const;
  void rebuild(std::size_t slots, std::size_t text_bytes);
  void need(std::size_t slots, std::size_t text_bytes);
  void insert(std::size_t i, const View& entry);
  void write_value(Slot& slot, std::string_view value);
  void drop_value(Slot& slot);
  bool loses(const View& entry, std::size_t at, bool exists) const;

  Block* block_ = nullptr;
};

}  // namespace selvedge::engine::twin
