#include "engine/placement/fragmentation.h"

#include <algorithm>
#include <array>

#include "engine/placement/demand.h"

namespace selvedge::engine {
namespace {

constexpr std::size_t most_devices = 64;

double device_loss(const model::Resources& free, std::span<const std::uint16_t> devices, std::uint64_t model, const Demand& demand) {
  double all = 0;
  for (const std::uint16_t device : devices) all += device;
  double loss = 0;
  for (const DemandShape& shape : demand.shapes()) {
    const Ask& ask = shape.ask;
    double lost = all;
    const bool room = ask.devices > 0 && ask.amounts.cpu <= free.cpu && ask.amounts.memory <= free.memory &&
                      ask.amounts.disk <= free.disk && (ask.models == 0 || (ask.models & model) != 0);
    if (room) {
      std::uint32_t enough = 0;
      double small = 0;
      for (const std::uint16_t device : devices) {
        const bool will_do = device >= ask.thousandths;
        enough += will_do ? 1 : 0;
        small += will_do ? 0 : device;
      }
      if (enough >= ask.devices) lost = small;
    }
    loss += static_cast<double>(shape.weight) * lost;
  }
  const double weight = demand.weight();
  return weight > 0 ? loss / (1000 * weight) : 0;
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

double device_fragmentation(const NodeSpace& node, const Demand& demand) {
  return device_loss(node.free, node.devices, node.model, demand);
}

double space_fragmentation(const NodeSpace& node, const Demand& demand) {
  return space_loss(node.free, node.capacity, demand);
}

double fragmentation_growth(const Ask& ask, const NodeSpace& node, const Demand& demand) {
  return space_loss(less(node.free, ask.amounts), node.capacity, demand) - space_loss(node.free, node.capacity, demand);
}

Offer fragmentation_offer(const Ask& ask, const NodeSpace& node, const Demand& demand) {
  if (node.devices.empty() || node.devices.size() > most_devices) {
    return {fragmentation_growth(ask, node, demand), no_device};
  }
  const double before = device_fragmentation(node, demand);
  const model::Resources free = less(node.free, ask.amounts);
  std::array<std::uint16_t, most_devices> copy{};
  std::copy(node.devices.begin(), node.devices.end(), copy.begin());
  const std::span<std::uint16_t> devices(copy.data(), node.devices.size());
  if (ask.devices == 1 && ask.thousandths < 1000) {
    Offer best;
    for (std::size_t i = 0; i < devices.size(); ++i) {
      if (devices[i] < ask.thousandths) continue;
      // Devices with as much free are the same choice.
      if (std::find(devices.begin(), devices.begin() + static_cast<std::ptrdiff_t>(i), devices[i]) != devices.begin() + static_cast<std::ptrdiff_t>(i)) continue;
      devices[i] = static_cast<std::uint16_t>(devices[i] - ask.thousandths);
      const double growth = device_loss(free, devices, node.model, demand) - before;
      devices[i] = static_cast<std::uint16_t>(devices[i] + ask.thousandths);
      if (best.device == no_device || growth < best.cost) best = {growth, static_cast<std::uint16_t>(i)};
    }
    return best;
  }
  std::uint32_t wanted = ask.devices;
  for (std::uint16_t& device : devices) {
    if (wanted > 0 && device >= 1000) {
      device = 0;
      --wanted;
    }
  }
  return {device_loss(free, devices, node.model, demand) - before, no_device};
}

}  // namespace selvedge::engine
