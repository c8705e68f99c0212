#include "engine/placement/demand.h"

#include <algorithm>

namespace selvedge::engine {

void Demand::add(const Ask& ask) {
  ++asks_;
  const double share = 1.0 / static_cast<double>(std::min<std::uint64_t>(asks_, 256));
  mean_cpu_ += (static_cast<double>(ask.amounts.cpu) - mean_cpu_) * share;
  mean_memory_ += (static_cast<double>(ask.amounts.memory) - mean_memory_) * share;
  mean_disk_ += (static_cast<double>(ask.amounts.disk) - mean_disk_) * share;

  Ask shape = ask;
  shape.salt = 0;
  DemandShape* place = nullptr;
  for (std::size_t i = 0; i < size_ && place == nullptr; ++i) {
    if (shapes_[i].ask == shape) place = &shapes_[i];
  }
  if (place == nullptr && size_ < most_shapes) {
    place = &shapes_[size_++];
    *place = {shape, 0, 0};
  }
  if (place == nullptr) {
    place = &*std::min_element(shapes_.begin(), shapes_.end(), [](const DemandShape& a, const DemandShape& b) {
      return a.weight != b.weight ? a.weight < b.weight : a.seen < b.seen;
    });
    weight_ -= static_cast<double>(place->weight);
    *place = {shape, 0, 0};
  }
  place->weight += 1;
  place->seen = asks_;
  weight_ += 1;
  if (asks_ % fading == 0) fade();
}

void Demand::fade() {
  weight_ = 0;
  for (DemandShape& shape : std::span(shapes_).first(size_)) {
    shape.weight /= 2;
    weight_ += static_cast<double>(shape.weight);
  }
}

}  // namespace selvedge::engine
