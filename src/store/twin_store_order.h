// Order: a sorted set in chunks: little more than the bytes of its elements, and no step that moves more
// than a chunk. Private to the twin store.

#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace selvedge::store {

// `Less` compares elements with each other and with what is looked for.
template <typename T, typename Less>
class Order {
 public:
  struct Place {
    std::size_t chunk = 0, at = 0;
  };

  explicit Order(Less less = {}) : less_(less) {}

  std::size_t size() const { return size_; }

  // The first element that is not before `key`.
  template <typename Key>
  Place lower_bound(const Key& key) const {
    const auto chunk = std::partition_point(
        chunks_.begin(), chunks_.end(), [&](const Chunk& c) { return less_(c.back(), key); });
    if (chunk == chunks_.end()) return {chunks_.size(), 0};
    const auto at = std::partition_point(chunk->begin(), chunk->end(),
                                         [&](const T& element) { return less_(element, key); });
    return {static_cast<std::size_t>(chunk - chunks_.begin()),
            static_cast<std::size_t>(at - chunk->begin())};
  }

  const T* get(Place place) const {
    return place.chunk < chunks_.size() ? &chunks_[place.chunk][place.at] : nullptr;
  }
  Place next(Place place) const {
    if (++place.at < chunks_[place.chunk].size()) return place;
    return {place.chunk + 1, 0};
  }

  void insert(const T& element) {
    ++size_;
    if (chunks_.empty()) {
      chunks_.push_back({element});
      return;
    }
    Place place = lower_bound(element);
    if (place.chunk == chunks_.size()) place = {chunks_.size() - 1, chunks_.back().size()};
    Chunk& chunk = chunks_[place.chunk];
    chunk.insert(chunk.begin() + static_cast<std::ptrdiff_t>(place.at), element);
    if (chunk.size() > chunk_most) split(place);
  }

  void erase(const T& element) {
    const Place place = lower_bound(element);
    const T* const found = get(place);
    if (found == nullptr || less_(element, *found)) return;
    --size_;
    Chunk& chunk = chunks_[place.chunk];
    chunk.erase(chunk.begin() + static_cast<std::ptrdiff_t>(place.at));
    if (chunk.empty()) chunks_.erase(chunks_.begin() + static_cast<std::ptrdiff_t>(place.chunk));
  }

  // Takes the place of all there was; `sorted` is.
  void assign(const std::vector<T>& sorted) {
    chunks_.clear();
    size_ = sorted.size();
    constexpr std::size_t fill = chunk_most * 3 / 4;
    for (std::size_t i = 0; i < sorted.size(); i += fill) {
      const auto begin = sorted.begin() + static_cast<std::ptrdiff_t>(i);
      chunks_.emplace_back(begin, begin + static_cast<std::ptrdiff_t>(std::min(fill, sorted.size() - i)));
    }
  }

 private:
  using Chunk = std::vector<T>;
  static constexpr std::size_t chunk_most = 512;

  void split(Place place) {
    Chunk& chunk = chunks_[place.chunk];
    // Elements that come in order fill their chunks.
    const bool appended = place.chunk + 1 == chunks_.size() && place.at + 1 == chunk.size();
    const std::size_t keep = appended ? chunk_most : chunk.size() / 2;
    Chunk rest(chunk.begin() + static_cast<std::ptrdiff_t>(keep), chunk.end());
    chunk.erase(chunk.begin() + static_cast<std::ptrdiff_t>(keep), chunk.end());
    chunks_.insert(chunks_.begin() + static_cast<std::ptrdiff_t>(place.chunk) + 1, std::move(rest));
  }

  Less less_;
  std::vector<Chunk> chunks_;      // none is empty but the first of an empty set
  std::size_t size_ = 0;
};

}  // namespace selvedge::store
