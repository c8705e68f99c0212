#include "codec/payload/senml.h"

#include <cmath>

#include "codec/payload/moment.h"

namespace selvedge::codec::payload {
namespace {

using base::Code;
using base::fail;
using model::ValueView;

constexpr std::int64_t supported_version = 10;
constexpr std::int64_t relative_below_ns = (std::int64_t{1} << 28) * 1'000'000'000;

std::string_view name_of(SenmlLabel label) {
  switch (label) {
    case SenmlLabel::base_version: return "bver";
    case SenmlLabel::base_name: return "bn";
    case SenmlLabel::base_time: return "bt";
    case SenmlLabel::base_unit: return "bu";
    case SenmlLabel::base_value: return "bv";
    case SenmlLabel::base_sum: return "bs";
    case SenmlLabel::name: return "n";
    case SenmlLabel::unit: return "u";
    case SenmlLabel::value: return "v";
    case SenmlLabel::text: return "vs";
    case SenmlLabel::boolean: return "vb";
    case SenmlLabel::sum: return "s";
    case SenmlLabel::time: return "t";
    case SenmlLabel::update_time: return "ut";
    case SenmlLabel::data: return "vd";
    case SenmlLabel::other: break;
  }
  return "other";
}

base::Result<void> wrong_type(SenmlLabel label, std::string_view is) {
  return fail(Code::invalid_input,
              "field '" + std::string(name_of(label)) + "': cannot be " + std::string(is));
}

bool is_time(SenmlLabel label) {
  return label == SenmlLabel::base_time || label == SenmlLabel::time;
}

// The sum of a base and what is added to it; a number alone keeps its kind.
ValueView plus(const std::optional<ValueView>& base, const std::optional<ValueView>& value) {
  const auto as_double = [](const ValueView& v) {
    return v.kind == model::Kind::int64 ? static_cast<double>(v.int64) : v.float64;
  };
  if (!base) return *value;
  if (!value) return *base;
  return ValueView::of(as_double(*base) + as_double(*value));
}

bool is_base64url(std::string_view text) {
  for (const char c : text) {
    const bool fine = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '-' || c == '_';
    if (!fine) return false;
  }
  return text.size() % 4 != 1;
}

}  // namespace

base::Result<SenmlLabel> senml_label(std::string_view name) {
  switch (name.size()) {
    case 1:
      switch (name[0]) {
        case 'n': return SenmlLabel::name;
        case 'v': return SenmlLabel::value;
        case 't': return SenmlLabel::time;
        case 'u': return SenmlLabel::unit;
        case 's': return SenmlLabel::sum;
        default: break;
      }
      break;
    case 2:
      if (name == "vb") return SenmlLabel::boolean;
      if (name == "vs") return SenmlLabel::text;
      if (name == "vd") return SenmlLabel::data;
      if (name == "bn") return SenmlLabel::base_name;
      if (name == "bt") return SenmlLabel::base_time;
      if (name == "bu") return SenmlLabel::base_unit;
      if (name == "bv") return SenmlLabel::base_value;
      if (name == "bs") return SenmlLabel::base_sum;
      if (name == "ut") return SenmlLabel::update_time;
      break;
    case 4:
      if (name == "bver") return SenmlLabel::base_version;
      break;
    default: break;
  }
  if (name.ends_with('_'))
    return fail(Code::invalid_input,
                "field " + quote(name) + ": must be understood, and is not known here");
  return SenmlLabel::other;
}

SenmlLabel senml_label(std::int64_t number) {
  constexpr auto least = static_cast<std::int64_t>(SenmlLabel::base_sum);
  constexpr auto most = static_cast<std::int64_t>(SenmlLabel::data);
  if (number < least || number > most) return SenmlLabel::other;
  return static_cast<SenmlLabel>(number);
}

void SenmlPack::begin_pack(const Options& options, base::Time arrival) {
  options_ = &options;
  arrival_ = arrival;
  base_name_.clear();
  base_time_ns_ = 0;
  base_value_.reset();
  base_sum_.reset();
}

void SenmlPack::begin_record() {
  seen_ = 0;
  name_ = {};
  time_ns_ = 0;
  value_.reset();
  sum_.reset();
}

base::Result<void> SenmlPack::see(SenmlLabel label) {
  if (label == SenmlLabel::other) return {};
  if (has(label))
    return fail(Code::invalid_input, "field '" + std::string(name_of(label)) + "': stands there twice");
  seen_ |= bit(label);
  return {};
}

base::Result<void> SenmlPack::set_value(const ValueView& value) {
  if (value_) return fail(Code::invalid_input, "more than one of 'v', 'vs', 'vb' and 'vd'");
  value_ = value;
  return {};
}

base::Result<void> SenmlPack::number(SenmlLabel label, const Decimal& number) {
  const auto value = to_value(number);
  if (!value)
    return fail(Code::invalid_input,
                "field '" + std::string(name_of(label)) + "': " +
                    (number.text.empty() ? "" : quote(number.text) + " is ") + "too large a number");
  return amount(label, {*value, is_time(label) ? to_scaled(number, 9) : std::nullopt});
}

base::Result<void> SenmlPack::number(SenmlLabel label, double number) {
  if (!std::isfinite(number))
    return fail(Code::invalid_input,
                "field '" + std::string(name_of(label)) + "': not a finite number");
  return amount(label, {ValueView::of(number), is_time(label) ? seconds_to_ns(number) : std::nullopt});
}

base::Result<void> SenmlPack::amount(SenmlLabel label, const Amount& amount) {
  TRY(see(label));
  if (is_time(label) && !amount.ns)
    return fail(Code::invalid_input,
                "field '" + std::string(name_of(label)) + "': not a time we can hold");
  switch (label) {
    case SenmlLabel::base_time: base_time_ns_ = *amount.ns; return {};
    case SenmlLabel::time: time_ns_ = *amount.ns; return {};
    case SenmlLabel::value: return set_value(amount.value);
    case SenmlLabel::sum: sum_ = amount.value; return {};
    case SenmlLabel::base_value: base_value_ = amount.value; return {};
    case SenmlLabel::base_sum: base_sum_ = amount.value; return {};
    case SenmlLabel::base_version:
      if (amount.value.kind != model::Kind::float64 || amount.value.float64 > supported_version)
        return fail(Code::invalid_input, "field 'bver': a version above 10 is not known here");
      return {};
    case SenmlLabel::update_time:
    case SenmlLabel::other: return {};
    default: return wrong_type(label, "a number");
  }
}

base::Result<void> SenmlPack::boolean(SenmlLabel label, bool value) {
  TRY(see(label));
  if (label == SenmlLabel::boolean) return set_value(ValueView::of(value));
  if (label == SenmlLabel::other) return {};
  return wrong_type(label, "true or false");
}

base::Result<void> SenmlPack::text(SenmlLabel label, std::string_view text) {
  if (label == SenmlLabel::data) {
    while (text.ends_with('=')) text.remove_suffix(1);
    if (!is_base64url(text)) return fail(Code::invalid_input, "field 'vd': not base64url");
    return data(text);
  }
  TRY(see(label));
  switch (label) {
    case SenmlLabel::base_name:
      if (text.size() > options_->bounds.name_bytes)
        return fail(Code::invalid_input, "field 'bn': longer than " +
                                             std::to_string(options_->bounds.name_bytes) + " bytes");
      base_name_ = text;
      return {};
    case SenmlLabel::name: name_ = text; return {};
    case SenmlLabel::text: return set_value(ValueView::of(text));
    case SenmlLabel::base_unit:
    case SenmlLabel::unit:
    case SenmlLabel::other: return {};
    default: return wrong_type(label, "text");
  }
}

base::Result<void> SenmlPack::data(std::string_view text) {
  TRY(see(SenmlLabel::data));
  return set_value(ValueView::of(text));
}

base::Result<std::optional<base::Time>> SenmlPack::time() const {
  std::int64_t ns = 0;
  bool overflow = __builtin_add_overflow(base_time_ns_, time_ns_, &ns);
  if (!overflow && ns == 0) return std::optional<base::Time>{};
  if (!overflow && ns < relative_below_ns) overflow = __builtin_add_overflow(ns, arrival_.ns, &ns);
  if (overflow)
    return fail(Code::invalid_input, "base time and time: their sum is not a time we can hold");
  return std::optional(base::Time{ns});
}

base::Result<void> SenmlPack::end_record(Output& out) {
  if (!value_ && !sum_) {
    if (name_.empty()) return {};
    return fail(Code::invalid_input, "name " + quote(name_) + ": no value");
  }
  const std::optional<base::Time> when = TRY(time());
  if (base_name_.size() + name_.size() > options_->bounds.name_bytes)
    return fail(Code::invalid_input, "name " + quote(base_name_ + std::string(name_.substr(0, 64))) +
                                         ": longer than " +
                                         std::to_string(options_->bounds.name_bytes) + " bytes");
  full_name_.assign(base_name_).append(name_);
  const bool numeric = has(SenmlLabel::value);
  if (value_) {
    const ValueView value = numeric ? plus(base_value_, value_) : *value_;
    if (value.kind == model::Kind::float64 && !std::isfinite(value.float64))
      return fail(Code::invalid_input, "base value and value: their sum is too large a number");
    TRY(out.put(full_name_, when, value));
  }
  if (sum_ || (numeric && base_sum_)) {
    const ValueView sum = plus(base_sum_, sum_);
    if (sum.kind == model::Kind::float64 && !std::isfinite(sum.float64))
      return fail(Code::invalid_input, "base sum and sum: their sum is too large a number");
    full_name_ += full_name_.empty() ? "sum" : "/sum";
    TRY(out.put(full_name_, when, sum));
  }
  return {};
}

}  // namespace selvedge::codec::payload
