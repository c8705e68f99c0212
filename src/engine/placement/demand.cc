#include "engine/placement/demand.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace selvedge::engine {
namespace {

// Found by trying 5 to 60 and 0.04 to 1 on lists, planted packings, half-node probes and loss systems: results are
// flat around these. Nodes are offered this many times what fills them; a greater tightness packs tighter when tasks
// end, a lesser one keeps more shapes of space.
constexpr double offers_per_task = 20;
constexpr double tightness_per_task = 0.15;
// Tighter while little is known: what a table of a few tasks says is not worth much.
constexpr double tightness_of_ignorance = 0.5;
constexpr double known = 16;
// Tighter too once more was asked for than the fleet holds: then tasks end, and space comes back in any shape.
constexpr double tightness_of_turnover = 0.35;
constexpr std::size_t imagined = 32;

// Tasks from 1/64 to 1/2 of a mean node and up to eight times as long in one resource as in the other, spread evenly
// (Roberts' sequence in two dimensions).
SpaceShape imagine(std::size_t number) {
  const double a = static_cast<double>(number) * 0.7548776662466927, b = static_cast<double>(number) * 0.5698402909980532;
  const double size = std::exp2(-6 + 5 * (a - std::floor(a)));
  const double lean = std::exp2(1.5 * (2 * (b - std::floor(b)) - 1));
  return {static_cast<float>(std::min(1.0, size * lean)), static_cast<float>(std::min(1.0, size / lean)), 1};
}

}  // namespace

void Demand::add(const Ask& ask) {
  ++asks_;
  asked_cpu_ += static_cast<double>(ask.amounts.cpu);
  asked_memory_ += static_cast<double>(ask.amounts.memory);

  const std::uint8_t mark = mark_of(ask);
  std::size_t place = find(ask, mark);
  if (place == most_shapes) {
    if (size_ < most_shapes) {
      place = size_++;
    } else {
      place = 0;
      for (std::size_t i = 1; i < most_shapes; ++i) place = ranks_[i] < ranks_[place] ? i : place;
      weight_ -= static_cast<double>(shapes_[place].weight);
    }
    shapes_[place] = {ask, 0, 0};
    shapes_[place].ask.salt = 0;
    marks_[place] = mark;
  }
  shapes_[place].weight += 1;
  shapes_[place].seen = asks_;
  weigh(place);
  weight_ += 1;
  if (asks_ % fading == 0) fade();
  if (asks_ >= learn_at_ || nodes_differ()) learn();
}

std::uint8_t Demand::mark_of(const Ask& ask) {
  const auto mix = [](std::uint64_t so_far, std::uint64_t more) { return (std::rotl(so_far, 23) ^ more) * 0x9E3779B97F4A7C15U; };
  std::uint64_t mark = mix(static_cast<std::uint64_t>(ask.amounts.cpu), static_cast<std::uint64_t>(ask.amounts.memory));
  mark = mix(mark, static_cast<std::uint64_t>(ask.amounts.disk));
  mark = mix(mark, std::uint64_t{ask.devices} << 32 | ask.thousandths);
  return static_cast<std::uint8_t>(mix(mark, ask.models) >> 56);
}

// most_shapes: it is not there. Eight marks at a time: which bytes of a word are zero (Warren, Hacker's Delight, 6-1).
std::size_t Demand::find(const Ask& ask, std::uint8_t mark) const {
  constexpr std::uint64_t ones = 0x0101010101010101U;
  for (std::size_t i = 0; i < size_; i += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, marks_.data() + i, 8);
    word ^= mark * ones;
    if (((word - ones) & ~word & ones << 7) == 0) continue;
    for (std::size_t place = i; place < std::min(i + 8, size_); ++place) {
      const Ask& known = shapes_[place].ask;
      if (marks_[place] == mark && known.amounts == ask.amounts && known.devices == ask.devices && known.thousandths == ask.thousandths &&
          known.models == ask.models)
        return place;
    }
  }
  return most_shapes;
}

// Weights are not below 0, so their bits are in their order.
void Demand::weigh(std::size_t place) {
  ranks_[place] = std::uint64_t{std::bit_cast<std::uint32_t>(shapes_[place].weight)} << 32 | (shapes_[place].seen & 0xFFFFFFFF);
}

void Demand::add_node(const model::Resources& capacity, std::size_t devices) {
  const double cpu = static_cast<double>(capacity.cpu), memory = static_cast<double>(capacity.memory);
  const bool first = most_cpu_ <= 0;
  nodes_ += 1;
  nodes_cpu_ += cpu;
  nodes_memory_ += memory;
  nodes_devices_ += static_cast<double>(devices);
  least_cpu_ = first ? cpu : std::min(least_cpu_, cpu);
  least_memory_ = first ? memory : std::min(least_memory_, memory);
  most_cpu_ = std::max(most_cpu_, cpu);
  most_memory_ = std::max(most_memory_, memory);
}

void Demand::remove_node(const model::Resources& capacity, std::size_t devices) {
  nodes_ -= 1;
  nodes_cpu_ -= static_cast<double>(capacity.cpu);
  nodes_memory_ -= static_cast<double>(capacity.memory);
  nodes_devices_ -= static_cast<double>(devices);
}

bool Demand::nodes_differ() const {
  if (nodes_ < 1 || nodes_cpu_ <= 0 || nodes_memory_ <= 0) return false;
  const double cpu = nodes_cpu_ / nodes_ * per_cpu_, memory = nodes_memory_ / nodes_ * per_memory_;
  const double most = std::max(most_cpu_ * per_cpu_, most_memory_ * per_memory_);
  return cpu < 0.875 || cpu > 1.125 || memory < 0.875 || memory > 1.125 || most > reach_ * 1.001;
}

void Demand::learn() {
  if (asks_ >= learn_at_) learn_at_ = asks_ + std::min<std::uint64_t>(asks_, learning);
  if (nodes_ < 1 || nodes_cpu_ <= 0 || nodes_memory_ <= 0) return;
  per_cpu_ = nodes_ / nodes_cpu_;
  per_memory_ = nodes_ / nodes_memory_;
  per_device_ = nodes_devices_ > 0 ? nodes_ / nodes_devices_ : 0;
  reach_ = std::max(most_cpu_ * per_cpu_, most_memory_ * per_memory_);

  std::array<SpaceShape, most_shapes + imagined> samples;
  std::size_t count = 0;
  double cpu = 0, memory = 0, weight = 0;
  const auto take = [&](const SpaceShape& shape) {
    samples[count++] = shape;
    cpu += static_cast<double>(shape.weight) * static_cast<double>(shape.cpu);
    memory += static_cast<double>(shape.weight) * static_cast<double>(shape.memory);
    weight += static_cast<double>(shape.weight);
  };
  for (const DemandShape& shape : shapes()) {
    take({static_cast<float>(static_cast<double>(shape.ask.amounts.cpu) * per_cpu_),
          static_cast<float>(static_cast<double>(shape.ask.amounts.memory) * per_memory_), shape.weight});
  }
  for (std::size_t i = asks_; i < imagined; ++i) take(imagine(i));
  const double tasks_of_node = std::clamp(weight / std::max({cpu, memory, 1e-9}), 1.0, 1e4);
  tasks_of_node_ = tasks_of_node;

  first_class_ = class_of((least_cpu_ * per_cpu_ + least_memory_ * per_memory_) / 2);
  last_class_ = class_of((most_cpu_ * per_cpu_ + most_memory_ * per_memory_) / 2);
  for (int i = first_class_; i <= last_class_; ++i) {
    // Twice the class's size: nodes may have much of one resource.
    const double size = std::exp2(i);
    const double reach = std::min(2.0 * size, reach_);
    values_[static_cast<std::size_t>(i + 4)].build(std::span(samples).first(count), static_cast<float>(reach),
                                                  static_cast<float>(1 + offers_per_task * tasks_of_node * size));
  }
}

double Demand::tightness() const {
  const double asks = static_cast<double>(asks_);
  const double turns = std::max(asked_cpu_ * per_cpu_, asked_memory_ * per_memory_) / std::max(nodes_, 1.0);
  return (tightness_per_task + tightness_of_ignorance * known / (known + asks) +
          tightness_of_turnover * std::clamp((turns - 1) / 2, 0.0, 1.0)) / tasks_of_node_;
}

void Demand::fade() {
  weight_ = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    shapes_[i].weight /= 2;
    weigh(i);
    weight_ += static_cast<double>(shapes_[i].weight);
  }
}

}  // namespace selvedge::engine
