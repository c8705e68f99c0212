#include "codec/series/columns.h"

#include <cmath>
#include <numeric>

namespace selvedge::codec {
namespace {

using model::Kind;

// Neumaier's sum (Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen, 1974),
// beside min and max. Infinities defeat the correction, so then the plain sum counts.
void summarize_floats(std::span<const double> values, model::BlockSummary& s) {
  double min = std::numeric_limits<double>::infinity();
  double max = -min;
  double sum = 0;
  double lost = 0;
  std::uint32_t nan_count = 0;
  for (const double v : values) {
    if (v != v) [[unlikely]] {
      ++nan_count;
      continue;
    }
    min = v < min ? v : min;
    max = v > max ? v : max;
    const double next = sum + v;
    lost += std::abs(sum) >= std::abs(v) ? (sum - next) + v : (v - next) + sum;
    sum = next;
  }
  s.nan_count = nan_count;
  s.first = values.front();
  s.last = values.back();
  if (nan_count == values.size()) {
    s.min = s.max = s.sum = std::numeric_limits<double>::quiet_NaN();
    return;
  }
  s.min = min;
  s.max = max;
  const double corrected = sum + lost;
  s.sum = std::isfinite(sum) && std::isfinite(corrected) ? corrected : sum;
}

// Integers, booleans and lengths of texts: the sum is exact before it is rounded to a double.
template <typename At>
void summarize_integers(std::size_t count, const At& at, model::BlockSummary& s) {
  __extension__ using Wide = __int128;
  std::int64_t min = at(0);
  std::int64_t max = min;
  Wide sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t v = at(i);
    min = std::min(min, v);
    max = std::max(max, v);
    sum += v;
  }
  s.min = static_cast<double>(min);
  s.max = static_cast<double>(max);
  s.sum = static_cast<double>(sum);
  s.first = static_cast<double>(at(0));
  s.last = static_cast<double>(at(count - 1));
}

}  // namespace

void Columns::clear() {
  times.clear();
  float64.clear();
  int64.clear();
  text_ends.clear();
  text_bytes.clear();
}

void Columns::push(base::Time time, const model::ValueView& value) {
  CHECK(value.kind == kind);
  times.push_back(time.ns);
  switch (kind) {
    case Kind::float64: float64.push_back(value.float64); break;
    case Kind::int64: int64.push_back(value.int64); break;
    case Kind::boolean: int64.push_back(value.boolean ? 1 : 0); break;
    case Kind::text:
      text_bytes.append(value.text);
      text_ends.push_back(static_cast<std::uint32_t>(text_bytes.size()));
      break;
  }
}

model::ValueView Columns::at(std::size_t i) const {
  switch (kind) {
    case Kind::float64: return model::ValueView::of(float64[i]);
    case Kind::int64: return model::ValueView::of(int64[i]);
    case Kind::boolean: return model::ValueView::of(int64[i] != 0);
    case Kind::text: break;
  }
  const std::uint32_t from = i == 0 ? 0 : text_ends[i - 1];
  return model::ValueView::of(std::string_view(text_bytes).substr(from, text_ends[i] - from));
}

base::Result<void> check_columns(const Columns& c) {
  const auto refuse = [](std::string why) {
    return base::fail(base::Code::invalid_input, "encode readings: " + std::move(why));
  };
  const std::size_t n = c.size();
  if (n == 0 || n > max_readings_per_block) return refuse("a block holds 1 to 2^20 readings");
  const bool text = c.kind == Kind::text;
  const std::size_t values = text ? c.text_ends.size()
                             : c.kind == Kind::float64 ? c.float64.size() : c.int64.size();
  if (values != n) return refuse("as many values as times are needed");
  if (!text) return {};
  if (c.text_bytes.size() > max_frame_bytes || c.text_ends.back() != c.text_bytes.size())
    return refuse("the texts are too long for one block");
  std::uint32_t before = 0;
  for (const std::uint32_t end : c.text_ends) {
    if (end < before || end - before > max_text_bytes) return refuse("a text is too long");
    before = end;
  }
  return {};
}

void sort_by_time(const Columns& from, Columns& into) {
  std::vector<std::uint32_t> order(from.size());
  std::iota(order.begin(), order.end(), 0u);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    // Not stable_sort, which takes memory by a function that clang calls deprecated.
    return from.times[a] != from.times[b] ? from.times[a] < from.times[b] : a < b;
  });
  into.clear();
  into.kind = from.kind;
  for (const std::uint32_t i : order) into.push({from.times[i]}, from.at(i));
}

void summarize(const Columns& c, model::BlockSummary& s) {
  s.kind = c.kind;
  s.count = static_cast<std::uint32_t>(c.size());
  s.first_time = {c.times.front()};
  s.last_time = {c.times.back()};
  switch (c.kind) {
    case Kind::float64: return summarize_floats(c.float64, s);
    case Kind::int64:
      return summarize_integers(c.size(), [&](std::size_t i) { return c.int64[i]; }, s);
    case Kind::boolean:
      return summarize_integers(c.size(), [&](std::size_t i) { return c.int64[i] != 0; }, s);
    case Kind::text:
      return summarize_integers(
          c.size(),
          [&](std::size_t i) {
            return static_cast<std::int64_t>(c.text_ends[i]) - (i == 0 ? 0 : c.text_ends[i - 1]);
          },
          s);
  }
}

bool all_same(const Columns& c) {
  constexpr std::int64_t exact = 1LL << 53;  // beyond it a double cannot hold every integer
  switch (c.kind) {
    case Kind::text: return false;
    case Kind::float64: {
      const auto first = std::bit_cast<std::uint64_t>(c.float64[0]);
      for (const double v : c.float64)
        if (std::bit_cast<std::uint64_t>(v) != first) return false;
      return true;
    }
    case Kind::int64:
    case Kind::boolean: break;
  }
  if (c.int64[0] > exact || c.int64[0] < -exact) return false;
  return std::all_of(c.int64.begin(), c.int64.end(), [&](std::int64_t v) { return v == c.int64[0]; });
}

}  // namespace selvedge::codec
