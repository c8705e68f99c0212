// Demand as bytes. The tables of values are not among them: both sides build them anew.

#include <cmath>

#include "engine/placement/demand.h"

namespace selvedge::engine {

void Demand::refresh() {
  per_cpu_ = per_memory_ = per_device_ = reach_ = 0;
  tasks_of_node_ = 1;
  first_class_ = 0;
  last_class_ = -1;
  values_ = {};
  learn();
}

void Demand::save(base::Writer& out) const {
  out.varint(size_);
  for (const DemandShape& shape : shapes()) {
    out.svarint(shape.ask.amounts.cpu);
    out.svarint(shape.ask.amounts.memory);
    out.svarint(shape.ask.amounts.disk);
    out.varint(shape.ask.devices);
    out.varint(shape.ask.thousandths);
    out.varint(shape.ask.models);
    out.f64(static_cast<double>(shape.weight));
    out.varint(shape.seen);
  }
  out.f64(weight_);
  out.varint(asks_);
  out.varint(learn_at_);
  for (const double value : {asked_cpu_, asked_memory_, nodes_, nodes_cpu_, nodes_memory_, nodes_devices_, least_cpu_, least_memory_,
                             most_cpu_, most_memory_})
    out.f64(value);
}

base::Result<Demand> Demand::restore(base::Reader& in) {
  Demand demand;
  const std::uint64_t size = in.varint();
  bool fine = size <= most_shapes;
  demand.size_ = fine ? static_cast<std::size_t>(size) : 0;
  for (DemandShape& shape : std::span(demand.shapes_).first(demand.size_)) {
    shape.ask.amounts.cpu = in.svarint();
    shape.ask.amounts.memory = in.svarint();
    shape.ask.amounts.disk = in.svarint();
    const std::uint64_t devices = in.varint(), thousandths = in.varint();
    shape.ask.devices = static_cast<std::uint32_t>(devices);
    shape.ask.thousandths = static_cast<std::uint32_t>(thousandths);
    shape.ask.models = in.varint();
    shape.weight = static_cast<float>(in.f64());
    shape.seen = in.varint();
    const model::Resources& amounts = shape.ask.amounts;
    fine = fine && devices <= 16 && thousandths >= 1 && thousandths <= 1000 && amounts.cpu >= 0 && amounts.memory >= 0 &&
           amounts.disk >= 0 && amounts.cpu < std::int64_t{1} << 31 &&
           amounts.memory < std::int64_t{1} << 52 && std::isfinite(shape.weight) && shape.weight >= 0;
  }
  demand.weight_ = in.f64();
  demand.asks_ = in.varint();
  fine = fine && std::isfinite(demand.weight_) && demand.weight_ >= 0;
  demand.learn_at_ = in.varint();
  for (double* value : {&demand.asked_cpu_, &demand.asked_memory_, &demand.nodes_, &demand.nodes_cpu_, &demand.nodes_memory_,
                        &demand.nodes_devices_, &demand.least_cpu_, &demand.least_memory_, &demand.most_cpu_, &demand.most_memory_}) {
    *value = in.f64();
    fine = fine && std::isfinite(*value) && std::fabs(*value) < 1e30;
  }
  fine = fine && demand.least_cpu_ >= 0 && demand.least_memory_ >= 0 && demand.least_cpu_ <= demand.most_cpu_ &&
         demand.least_memory_ <= demand.most_memory_ && demand.learn_at_ > 0 && demand.asks_ < std::uint64_t{1} << 62;
  if (!in.ok() || !fine) return base::fail(base::Code::corrupt, "saved demand: not whole");
  for (std::size_t i = 0; i < demand.size_; ++i) {
    demand.marks_[i] = mark_of(demand.shapes_[i].ask);
    demand.weigh(i);
  }
  demand.refresh();
  return demand;
}

}  // namespace selvedge::engine
