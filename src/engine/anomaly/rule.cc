#include "engine/anomaly/rule.h"

#include <cmath>

#include "base/wire.h"

namespace selvedge::engine {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr base::Duration longest = std::chrono::hours(24 * 366);

Result<void> within(const char* key, std::uint64_t value, std::uint64_t least, std::uint64_t most) {
  if (value >= least && value <= most) return {};
  return fail(Code::invalid_input,
              std::string(key) + ": not within " + std::to_string(least) + " to " + std::to_string(most));
}

Result<void> check_numbers(const AnomalyRule& rule) {
  if (!std::isfinite(rule.threshold) || rule.threshold <= 0)
    return fail(Code::invalid_input, "threshold: above 0");
  if (!std::isfinite(rule.clear) || rule.clear < 0 || rule.clear > rule.threshold)
    return fail(Code::invalid_input, "clear: from 0 to the threshold");
  TRY(within("confirm", rule.confirm, 1, 1000));
  TRY(within("hold", rule.hold, 1, 1000));
  TRY(within("window", rule.window, AnomalyRule::least_window, AnomalyRule::most_window));
  TRY(within("phases", rule.phases, AnomalyRule::least_phases, AnomalyRule::most_phases));
  TRY(within("every", rule.every, 1, 1'000'000));
  const std::pair<const char*, base::Duration> all[] = {
      {"period", rule.period}, {"stuck-after", rule.stuck_after}, {"silent-after", rule.silent_after},
      {"report", rule.report}};
  for (const auto& [name, duration] : all)
    if (duration.count() < 0 || duration > longest)
      return fail(Code::invalid_input, std::string(name) + ": not within 0s to 366d");
  return {};
}

Result<void> check_kind(const AnomalyRule& rule) {
  const bool seasonal = rule.detector == DetectorKind::seasonal, model = rule.detector == DetectorKind::model;
  if (rule.period.count() > 0 && !seasonal)
    return fail(Code::invalid_input, "period: has no meaning without detector = \"seasonal\"");
  if (seasonal && rule.period.count() > 0 && rule.period < base::Duration(std::chrono::milliseconds(10)) * rule.phases)
    return fail(Code::invalid_input, "period: at least 10ms for each of the phases");
  if (model && rule.model.empty())
    return fail(Code::invalid_input, "model: detector = \"model\" needs the name of one");
  if (!model && !rule.model.empty())
    return fail(Code::invalid_input, "model: has no meaning without detector = \"model\"");
  return {};
}

}  // namespace

std::span<const std::string_view> AnomalyRule::outputs() {
  static constexpr std::string_view all[] = {"anomaly", "anomalous", "anomaly-kind"};
  return all;
}

Result<void> AnomalyRule::check() const {
  TRY(check_numbers(*this));
  return check_kind(*this);
}

Result<void> AnomalyRule::check_name(const NameTemplate& name) const {
  if (name.fields() != 1) return fail(Code::invalid_input, "series: {output} must stand in it once");
  return {};
}

std::uint64_t AnomalyRule::fingerprint() const {
  base::Bytes bytes;
  base::Writer out(bytes);
  out.u8(static_cast<std::uint8_t>(detector));
  out.varint(window);
  out.svarint(period.count());
  out.varint(phases);
  out.text(model);
  return fingerprint_of(bytes);
}

}  // namespace selvedge::engine
