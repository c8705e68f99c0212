// Cron: the times of a schedule of five fields, "minute hour day month weekday", in UTC.
//
// A field is "*", a number, a range "a-b", either with a step ("*/15", "8-18/2"), or a list of these with commas.
// Months and weekdays have names too (jan, mon; any case); Sunday is 0 and 7. If day and weekday are both limited
// (neither begins with "*"), a day that fits one of them is enough, as in cron since Vixie's. A schedule that can
// never come true (30 February) is refused. Pure; any thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace selvedge::model {

class Cron {
 public:
  static base::Result<Cron> parse(std::string_view text);

  // The first time of the schedule after `time`; nothing beyond what Time can hold.
  std::optional<base::Time> next_after(base::Time time) const;

 private:
  bool fits_day(std::int64_t day) const;           // since 1970

  std::uint64_t minutes_ = 0;
  std::uint32_t hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;   // bit n: n fits
  bool either_day_ = false;
};

}  // namespace selvedge::model
