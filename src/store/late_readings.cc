#include "store/late_readings.h"

#include <algorithm>

namespace selvedge::store {

base::Result<const LateReadings::Stretch*> LateReadings::stretch(std::uint32_t series,
                                                                 std::int64_t time) {
  const auto known = std::find_if(stretches_.begin(), stretches_.end(), [&](const Stretch& s) {
    return s.series == series && time > s.low && time < s.high;
  });
  if (known != stretches_.end()) {
    stretches_.splice(stretches_.begin(), stretches_, known);
    return &stretches_.front();
  }
  Stretch found;
  found.series = series;
  TRY(blocks_.around(series, time, found.low, found.high,
                     [&](const model::BlockSummary&, base::BytesView frame) {
                       codec::Columns columns;
                       if (codec::decode_frame(frame, columns)) {
                         found.readings += columns.size();
                         found.blocks.push_back(std::move(columns));
                       }
                       return true;
                     }));
  stretches_.push_front(std::move(found));
  std::size_t readings = 0;
  std::size_t count = 0;
  for (auto s = stretches_.begin(); s != stretches_.end(); ++s) {
    readings += s->readings;
    if (++count == 1 || (count <= max_stretches && readings <= max_readings)) continue;
    stretches_.erase(s, stretches_.end());
    break;
  }
  return &stretches_.front();
}

base::Result<bool> LateReadings::contains(std::uint32_t series, std::int64_t time,
                                          const model::ValueView* value) {
  const SeriesMark& mark = blocks_.mark(series);
  if (!blocks_.waiting() && (time < mark.first_time || time > mark.last_time)) return false;
  const Stretch* const s = TRY(stretch(series, time));
  for (const codec::Columns& columns : s->blocks) {
    const auto [from, to] = std::equal_range(columns.times.begin(), columns.times.end(), time);
    for (auto i = from; i != to; ++i)
      if (value == nullptr || columns.at(static_cast<std::size_t>(i - columns.times.begin())) == *value)
        return true;
  }
  return false;
}

void LateReadings::forget(std::uint32_t series) {
  stretches_.remove_if([&](const Stretch& s) { return s.series == series; });
}

}  // namespace selvedge::store
