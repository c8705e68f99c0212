#include "engine/placement/fragmentation.h"

#include <algorithm>
#include <array>

#include "engine/placement/demand.h"

namespace selvedge::engine {
namespace {

constexpr std::size_t most_devices = 64;
constexpr std::size_t stride = 8;      // devices are looked at eight at a time, which compilers make one step

// What is free of each device, padded with zeros.
struct Devices {
  std::array<std::uint16_t, most_devices> free{};
  std::size_t padded = 0;
  std::int32_t all = 0;

  explicit Devices(std::span<const std::uint16_t> devices) : padded((devices.size() + stride - 1) / stride * stride) {
    std::copy(devices.begin(), devices.end(), free.begin());
    for (const std::uint16_t device : devices) all += device;
  }
};

// Devices with enough for a shape, and the sum of what is free on the others.
struct Split {
  std::int32_t enough = 0;
  std::int32_t small = 0;
};

Split split(const Devices& devices, std::uint32_t thousandths) {
  const auto least = static_cast<std::uint16_t>(std::clamp<std::uint32_t>(thousandths, 1, 0xFFFF));
  Split result;
  for (std::size_t i = 0; i < devices.padded; i += stride) {
    std::uint16_t enough = 0, small = 0;           // eight devices of at most 1000: no overflow
    for (std::size_t k = i; k < i + stride; ++k) {
      const bool will_do = devices.free[k] >= least;
      enough = static_cast<std::uint16_t>(enough + (will_do ? 1 : 0));
      small = static_cast<std::uint16_t>(small + (will_do ? 0 : devices.free[k]));
    }
    result.enough += enough;
    result.small += small;
  }
  return result;
}

bool has_room(const Ask& ask, const model::Resources& free) {
  return ask.amounts.cpu <= free.cpu && ask.amounts.memory <= free.memory && ask.amounts.disk <= free.disk;
}

bool can_ever(const Ask& ask, std::uint64_t model) { return ask.devices > 0 && (ask.models == 0 || (ask.models & model) != 0); }

// A way of serving a request: `count` devices go from `before` to `after` each; `device` is the first of them.
struct Option {
  std::uint16_t device = no_device;
  std::int32_t count = 0;
  std::int32_t before = 0, after = 0;
  double growth = 0;
};

struct Options {
  std::array<Option, most_devices> each;
  std::size_t size = 0;
};

Options options_for(const Ask& ask, const NodeSpace& node) {
  Options options;
  if (ask.devices != 1 || ask.thousandths >= 1000) {
    options.each[options.size++] = {no_device, static_cast<std::int32_t>(ask.devices), 1000, 0, 0};
    return options;
  }
  for (std::size_t i = 0; i < node.devices.size(); ++i) {
    const std::int32_t free = node.devices[i];
    if (free < static_cast<std::int32_t>(ask.thousandths)) continue;
    // Devices with as much free are the same choice.
    const auto end = options.each.begin() + static_cast<std::ptrdiff_t>(options.size);
    if (std::find_if(options.each.begin(), end, [&](const Option& other) { return other.before == free; }) != end) continue;
    options.each[options.size++] = {static_cast<std::uint16_t>(i), 1, free, free - static_cast<std::int32_t>(ask.thousandths), 0};
  }
  return options;
}

double per(std::int64_t value) { return value > 0 ? 1.0 / static_cast<double>(value) : 0.0; }

double space_loss(const model::Resources& free, const model::Resources& capacity, const Demand& demand) {
  const double cpu = static_cast<double>(free.cpu), memory = static_cast<double>(free.memory);
  const double per_cpu = per(capacity.cpu), per_memory = per(capacity.memory);
  double loss = 0;
  for (const DemandShape& shape : demand.shapes()) {
    const double asked_cpu = static_cast<double>(shape.ask.amounts.cpu);
    const double asked_memory = static_cast<double>(shape.ask.amounts.memory);
    // A shape that asks for nothing fills nothing.
    double times = 1e9;
    if (asked_cpu > 0) times = cpu / asked_cpu;
    if (asked_memory > 0) times = std::min(times, memory / asked_memory);
    if (times >= 1e9) continue;
    if (times < 1) times = 0;
    const double left = (cpu - times * asked_cpu) * per_cpu + (memory - times * asked_memory) * per_memory;
    loss += static_cast<double>(shape.weight) * left;
  }
  const double weight = demand.weight();
  return weight > 0 ? loss / weight : 0;
}

model::Resources less(const model::Resources& free, const model::Resources& ask) {
  return {free.cpu - ask.cpu, free.memory - ask.memory, free.disk - ask.disk};
}

}  // namespace

double fragmentation_growth(const Ask& ask, const NodeSpace& node, const Demand& demand) {
  return space_loss(less(node.free, ask.amounts), node.capacity, demand) - space_loss(node.free, node.capacity, demand);
}

Offer fragmentation_offer(const Ask& ask, const NodeSpace& node, const Demand& demand) {
  if (node.devices.empty() || node.devices.size() > most_devices) {
    return {fragmentation_growth(ask, node, demand), no_device};
  }
  const Devices devices(node.devices);
  const model::Resources after = less(node.free, ask.amounts);
  Options options = options_for(ask, node);
  const std::int32_t taken = options.size == 0 ? 0 : options.each[0].count * (options.each[0].before - options.each[0].after);
  double same = 0;                     // for every option
  for (const DemandShape& shape : demand.shapes()) {
    const auto weight = static_cast<double>(shape.weight);
    const auto wanted = static_cast<std::int32_t>(shape.ask.devices);
    // All is lost to it before and after: what is taken is no longer there to be lost.
    if (!can_ever(shape.ask, node.model) || !has_room(shape.ask, node.free)) {
      same -= weight * taken;
      continue;
    }
    const Split now = split(devices, shape.ask.thousandths);
    const std::int32_t lost = now.enough >= wanted ? now.small : devices.all;
    if (!has_room(shape.ask, after)) {
      same += weight * (devices.all - taken - lost);
      continue;
    }
    const auto least = static_cast<std::int32_t>(shape.ask.thousandths);
    for (std::size_t i = 0; i < options.size; ++i) {
      Option& option = options.each[i];
      const std::int32_t enough = now.enough + option.count * ((option.after >= least ? 1 : 0) - (option.before >= least ? 1 : 0));
      const std::int32_t small = now.small + option.count * ((option.after < least ? option.after : 0) - (option.before < least ? option.before : 0));
      option.growth += weight * ((enough >= wanted ? small : devices.all - taken) - lost);
    }
  }
  const double scale = demand.weight() > 0 ? 1 / (1000 * demand.weight()) : 0;
  Offer best;
  for (std::size_t i = 0; i < options.size; ++i) {
    const double growth = (options.each[i].growth + same) * scale;
    if (i == 0 || growth < best.cost) best = {growth, options.each[i].device};
  }
  return best;
}

}  // namespace selvedge::engine
