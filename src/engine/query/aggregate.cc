#include <array>
#include <limits>

#include "base/text.h"
#include "engine/query/query.h"

namespace selvedge::engine {
namespace {

constexpr std::array<std::pair<Aggregate, std::string_view>, 7> aggregate_names{{
    {Aggregate::mean, "mean"},
    {Aggregate::min, "min"},
    {Aggregate::max, "max"},
    {Aggregate::sum, "sum"},
    {Aggregate::count, "count"},
    {Aggregate::first, "first"},
    {Aggregate::last, "last"},
}};

}  // namespace

base::Result<Aggregate> parse_aggregate(std::string_view text) {
  for (const auto& [aggregate, word] : aggregate_names)
    if (word == text) return aggregate;
  return base::fail(base::Code::invalid_input,
                    "aggregate '" + base::printable(text, 32) +
                        "': expected mean, min, max, sum, count, first or last");
}

std::string_view name(Aggregate aggregate) {
  for (const auto& [known, word] : aggregate_names)
    if (known == aggregate) return word;
  return "mean";
}

double WindowRow::value(Aggregate aggregate) const {
  switch (aggregate) {
    case Aggregate::mean:
      if (count == nan_count) return std::numeric_limits<double>::quiet_NaN();
      return sum / static_cast<double>(count - nan_count);
    case Aggregate::min: return min;
    case Aggregate::max: return max;
    case Aggregate::sum: return sum;
    case Aggregate::count: return static_cast<double>(count);
    case Aggregate::first: return first;
    case Aggregate::last: break;
  }
  return last;
}

}  // namespace selvedge::engine
