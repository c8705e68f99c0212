// A saved state from a disk: whatever is taken must be saved again, and go on.

#include "engine/anomaly/watch.h"

namespace {

namespace base = selvedge::base;
namespace engine = selvedge::engine;
namespace model = selvedge::model;

std::vector<engine::AnomalyRule> rules() {
  std::vector<engine::AnomalyRule> all(5);
  const char* filters[] = {"r", "e", "s", "p", "m"};
  for (std::size_t i = 0; i < all.size(); ++i) all[i].filter = filters[i], all[i].window = 8, all[i].phases = 4;
  all[1].detector = engine::DetectorKind::ewma;
  all[2].detector = all[3].detector = engine::DetectorKind::seasonal;
  all[2].period = std::chrono::seconds(60);
  all[4].detector = engine::DetectorKind::model;
  all[4].model = "m";
  all[0].stuck_after = std::chrono::seconds(100);
  all[1].silent_after = all[4].silent_after = std::chrono::seconds(100);
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto made = engine::AnomalyRules::create(rules()).value();
  static const model::SeriesDef defs[] = {{model::SeriesId{1}, model::Kind::float64, "r", ""},
                                          {model::SeriesId{2}, model::Kind::float64, "e", ""},
                                          {model::SeriesId{3}, model::Kind::int64, "s", ""},
                                          {model::SeriesId{4}, model::Kind::float64, "p", ""},
                                          {model::SeriesId{5}, model::Kind::float64, "m", ""}};
  const auto find = [](model::SeriesId id) -> const model::SeriesDef* {
    const auto at = static_cast<std::uint32_t>(id);
    return at >= 1 && at <= 5 ? &defs[at - 1] : nullptr;
  };
  engine::AnomalyWatch watch;
  watch.set_rules(made, find);
  if (!watch.restore(base::BytesView(data, size), find)) return 0;
  const auto parts = watch.save(find);
  engine::AnomalyWatch again;
  again.set_rules(made, find);
  for (const base::Bytes& part : parts) CHECK(again.restore(part, find));
  CHECK(again.stats().series == watch.stats().series && again.stats().raised == watch.stats().raised);
  const base::Time now{1'700'000'000'000'000'000};
  for (int i = 0; i < 40; ++i)
    for (const model::SeriesDef& def : defs)
      watch.take(def, now + std::chrono::seconds(7 * i),
                 def.kind == model::Kind::int64 ? model::ValueView::of(std::int64_t{i % 5})
                                                : model::ValueView::of(1.5 * (i % 7)),
                 now);
  watch.tick(now + std::chrono::seconds(1000));
  for (const auto& question : watch.take_questions()) watch.answer(question, 3.0);
  return 0;
}
