#include "node/twin_history.h"

#include <deque>
#include <utility>
#include <vector>

#include "codec/json/value.h"
#include "base/json_pointer.h"

namespace selvedge::node {

using codec::json::Value;

namespace {

struct Found {
  std::string series;                // behind the device
  std::string pointer;               // of the leaf in the reported part
  const Value* value = nullptr;
};

// The leaves of a merge patch below `series` and `pointer`; what it removes is not among them.
void collect(const Value& value, std::string series, std::string pointer, std::vector<Found>& found) {
  if (value.is_object()) {
    for (const auto& [name, member] : value.object())
      collect(member, series + '/' + name, pointer + '/' + base::pointer_token(name), found);
    return;
  }
  if (!value.is_null()) found.push_back({std::move(series), std::move(pointer), &value});
}

}  // namespace

TwinHistory::TwinHistory(os::World& world, store::TwinStore& twins, Ingest& ingest,
                         base::Registry& metrics, Host host)
    : world_(world),
      twins_(twins),
      ingest_(ingest),
      host_(std::move(host)),
      watch_(twins.watch([this](const store::TwinEvent& event) { changed(event); })),
      recorded_(metrics.counter("selvedge_twin_history_readings_total",
                                "Changes of what twins report that were kept as readings.")),
      left_out_(metrics.counter("selvedge_twin_history_left_out_total",
                                "Changes whose value does not fit their series, or the store.")) {}

TwinHistory::~TwinHistory() { twins_.unwatch(watch_); }

void TwinHistory::changed(const store::TwinEvent& event) {
  if (event.twin == nullptr || event.change == nullptr || host_.is_telemetry()) return;
  const std::string_view difference = event.change->difference;
  if (difference.find("\"properties\"") == std::string_view::npos) return;
  if (model::twin_node(event.id) != host_.node()) return;
  // What a node says of itself is state: its numbers are metrics, and there they are a series.
  if (model::twin_device(event.id) == model::node_twin_name) return;
  const auto parsed = codec::json::parse(difference);
  if (!parsed) return;
  std::vector<Found> found;
  for (const auto& [name, feature] : (*parsed)["features"].object())
    collect(feature["properties"], '/' + name, '/' + base::pointer_token(name), found);
  if (found.empty()) return;
  const std::string device(model::twin_device(event.id));
  const base::Time now = world_.loop().wall_now();
  for (const Found& leaf : found) {
    NamedReading reading{"twin/" + device + leaf.series, now, {}};
    // Text lives in the twin or here until it is in the store.
    const std::string text = leaf.value->text();
    const std::string_view json = event.twin->leaf(model::TwinPart::reported, leaf.pointer);
    if (json.empty()) continue;
    if (json == "true" || json == "false") reading.value = model::ValueView::of(json == "true");
    else if (leaf.value->is_number()) reading.value = model::ValueView::of(leaf.value->number());
    else if (json.front() == '"') reading.value = model::ValueView::of(std::string_view(text));
    else reading.value = model::ValueView::of(json);
    if (ingest_.readings(device, {reading})) recorded_.add();
    else left_out_.add();
  }
  host_.plan_commit();
}

}  // namespace selvedge::node
