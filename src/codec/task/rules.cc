#include "codec/task/rules.h"

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "codec/mqtt/packet.h"
#include "codec/task/task.h"
#include "model/cron.h"
#include "model/task.h"

namespace selvedge::codec::task {

using base::Code;
using base::Result;

namespace {

bool all_of_name(std::string_view text, std::string_view others) {
  return std::ranges::all_of(text, [&](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool is_name(std::string_view text, std::size_t most, std::string_view others) {
  return !text.empty() && text.size() <= most && text.front() != '.' && text.front() != '-' &&
         all_of_name(text, others);
}

// No step is empty, "." or "..".
bool are_steps(std::string_view path) {
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view step = path.substr(0, slash);
    if (step.empty() || step == "." || step == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

bool is_outer_path(std::string_view path) {
  return path == "/" || (path.starts_with('/') && are_steps(path.substr(1)));
}

bool is_plain(std::string_view text) {
  return std::ranges::none_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

// Of this machine, since the node would ask whoever it is told to.
bool is_local_http(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme) || !is_plain(url) || url.find(' ') != std::string_view::npos) return false;
  url.remove_prefix(scheme.size());
  const std::string_view authority = url.substr(0, url.find('/'));
  const std::size_t colon = authority.rfind(':');
  const std::string_view host = authority.substr(0, colon);
  if (host != "127.0.0.1" && host != "localhost" && host != "[::1]") return false;
  if (colon == std::string_view::npos) return false;
  const auto port = base::parse_int(authority.substr(colon + 1));
  return port && *port > 0 && *port < 65'536;
}

}  // namespace

std::unexpected<base::Error> wrong(const std::string& at, std::string_view why) {
  return base::fail(Code::invalid_input, (at.empty() ? "" : at + ": ") + std::string(why));
}

std::string below(const std::string& at, std::string_view member) {
  return (at.empty() ? "" : at + ".") + base::printable(member, 64);
}
std::string below(const std::string& at, std::size_t index) { return at + "[" + std::to_string(index) + "]"; }

bool is_task_name(std::string_view name) { return is_name(name, model::TaskLimits::name_bytes, "._-"); }
bool is_job_name(std::string_view name) { return is_name(name, model::TaskLimits::job_name_bytes, "_-"); }

Result<void> Text::read(const json::Value& value, const std::string& at, std::string& into) const {
  if (!value.is_text()) return wrong(at, "expected a text");
  std::string text = value.text();
  TRY(check(text, at));
  into = std::move(text);
  return {};
}

Result<void> Text::check(const std::string& text, const std::string& at) const {
  if (text.size() > most) return wrong(at, "is longer than " + std::to_string(most) + " bytes");
  if (text.find('\0') != std::string::npos) return wrong(at, "holds a NUL");
  const auto refuse = [&](std::string_view why) {
    return wrong(at, "'" + base::printable(text, 40) + "' " + std::string(why));
  };
  switch (is) {
    case Is::any: break;
    case Is::plain:
      if (!is_plain(text)) return refuse("holds a control character");
      break;
    case Is::name:
      if (!is_name(text, most, "._-"))
        return refuse("is no name (1 to " + std::to_string(most) + " of A-Z a-z 0-9 . _ -)");
      break;
    case Is::job_name:
      if (!is_name(text, most, "_-"))
        return refuse("is no name (1 to " + std::to_string(most) + " of A-Z a-z 0-9 _ -)");
      break;
    case Is::variable:
      if (text.empty() || (text.front() >= '0' && text.front() <= '9') || !all_of_name(text, "_"))
        return refuse("is no name of a variable (A-Z a-z 0-9 _, no digit first)");
      break;
    case Is::inner_path:
      if (!text.empty() && !are_steps(text)) return refuse("is no path below the task's folder");
      break;
    case Is::outer_path:
      if (!is_outer_path(text)) return refuse("is no absolute path without '.' and '..'");
      break;
    case Is::device:
      if (!text.starts_with("/dev/") || !is_outer_path(text)) return refuse("is no device below /dev");
      break;
    case Is::local_http:
      if (!text.empty() && !is_local_http(text))
        return refuse("is not of this machine, as in http://127.0.0.1:8081/healthz");
      break;
    case Is::filter:
      if (!text.empty() && !mqtt::is_topic_filter(text)) return refuse("is no MQTT topic filter");
      break;
    case Is::topic:
      if (!text.empty() && !mqtt::is_topic_name(text)) return refuse("is no name of a series");
      break;
    case Is::schedule:
      if (!text.empty()) TRY(base::while_doing(at, model::Cron::parse(text)));
      break;
  }
  return {};
}

Result<std::int64_t> Whole::take(const json::Value& value, const std::string& at) const {
  const auto range = [&] { return " from " + std::to_string(low) + " to " + std::to_string(high); };
  if (!value.is_integer()) return wrong(at, "expected a whole number" + range());
  if (value.integer() < low || value.integer() > high)
    return wrong(at, std::to_string(value.integer()) + " is not" + range());
  return value.integer();
}

Result<void> Number::read(const json::Value& value, const std::string& at, double& into) const {
  if (!value.is_number() || !(value.number() >= low && value.number() <= high))
    return wrong(at, "expected a number from " + base::to_text(low) + " to " + base::to_text(high));
  into = value.number() == 0 ? 0 : value.number();         // -0 is 0
  return {};
}

Result<void> Flag::read(const json::Value& value, const std::string& at, bool& into) const {
  if (!value.is_boolean()) return wrong(at, "expected true or false");
  into = value.boolean();
  return {};
}

Result<void> Time::read(const json::Value& value, const std::string& at, base::Duration& into) const {
  base::Duration read{};
  if (value.is_text()) {
    read = TRY(base::while_doing(at, base::parse_duration(value.text())));
  } else if (value.is_number() && value.number() >= 0 && value.number() < 9e9) {
    read = base::Duration(std::llround(value.number() * 1e9));
  } else {
    return wrong(at, "expected a duration, as in \"10s\", or seconds");
  }
  if (read < low || read > high)
    return wrong(at, base::to_string(read) + " is not from " + base::to_string(low) + " to " + base::to_string(high));
  into = read;
  return {};
}

Result<void> Size::read(const json::Value& value, const std::string& at, std::int64_t& into) const {
  std::uint64_t read = 0;
  if (value.is_text()) {
    read = TRY(base::while_doing(at, base::parse_size(value.text())));
  } else if (value.is_integer() && value.integer() >= 0) {
    read = static_cast<std::uint64_t>(value.integer());
  } else {
    return wrong(at, "expected a size, as in \"64MiB\", or bytes");
  }
  if (read < static_cast<std::uint64_t>(low) || read > static_cast<std::uint64_t>(high))
    return wrong(at, "is not from " + base::size_text(static_cast<std::uint64_t>(low)) + " to " +
                         base::size_text(static_cast<std::uint64_t>(high)));
  into = static_cast<std::int64_t>(read);
  return {};
}

void Size::write(std::int64_t value, base::JsonWriter& json) const {
  static constexpr std::pair<int, std::string_view> units[] = {{30, "GiB"}, {20, "MiB"}, {10, "KiB"}};
  for (const auto& [shift, unit] : units)
    if (value > 0 && value % (std::int64_t{1} << shift) == 0) {
      json.value(std::to_string(value >> shift) + std::string(unit));
      return;
    }
  json.value(value);
}

Result<void> Cores::read(const json::Value& value, const std::string& at, std::int64_t& into) const {
  double thousandths = -1;
  if (value.is_number()) {
    thousandths = value.number() * 1000;
  } else if (const std::string text = value.text(); text.ends_with('m')) {
    thousandths = static_cast<double>(base::parse_int(std::string_view(text).substr(0, text.size() - 1)).value_or(-1));
  }
  if (!(thousandths >= 0 && thousandths <= static_cast<double>(high)))
    return wrong(at, "expected cores up to " + std::to_string(high / 1000) + ", as in 0.5 or \"500m\"");
  const double whole = std::round(thousandths);
  if (std::abs(whole - thousandths) > 1e-6) return wrong(at, "cores have at most three decimals");
  into = static_cast<std::int64_t>(whole);
  return {};
}

void Cores::write(std::int64_t value, base::JsonWriter& json) const {
  json.value(static_cast<double>(value) / 1000);
}

Result<void> Moment::read(const json::Value& value, const std::string& at, std::optional<base::Time>& into) const {
  if (!value.is_text()) return wrong(at, "expected a time, as in \"2026-03-01T12:00:00Z\"");
  into = TRY(base::while_doing(at, base::parse_time(value.text())));
  return {};
}

void Moment::write(const std::optional<base::Time>& value, base::JsonWriter& json) const {
  json.value(base::to_iso8601(*value));
}

Result<void> Digest::read(const json::Value& value, const std::string& at,
                          std::optional<model::Sha256>& into) const {
  const std::string text = value.text();
  const auto bytes = text.size() == 64 ? base::from_hex(text) : base::Result<base::Bytes>(base::Bytes{});
  if (!bytes || bytes->size() != std::tuple_size_v<model::Sha256>)
    return wrong(at, "expected SHA-256 as 64 hexadecimal digits");
  std::ranges::copy(*bytes, into.emplace().begin());
  return {};
}

void Digest::write(const std::optional<model::Sha256>& value, base::JsonWriter& json) const {
  json.value(base::to_hex(*value));
}

Result<std::size_t> Word::take(const json::Value& value, const std::string& at) const {
  const std::string text = value.text();
  const auto found = std::ranges::find(names, text);
  if (value.is_text() && found != names.end()) return static_cast<std::size_t>(found - names.begin());
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  if (!value.is_text()) return wrong(at, "expected one of " + all);
  return wrong(at, "'" + base::printable(text, 40) + "' is not one of " + all);
}

Result<void> Texts::read(const json::Value& from, const std::string& at, Map& into) const {
  if (!from.is_object()) return wrong(at, "expected an object of texts");
  if (from.object().size() > most) return wrong(at, "has more than " + std::to_string(most) + " members");
  into.clear();
  for (const auto& [name, member] : from.object()) {
    const std::string inner = below(at, name);
    TRY(key.check(name, inner));
    TRY(value.read(member, inner, into[name]));
  }
  return {};
}

void Texts::write(const Map& from, base::JsonWriter& json) const {
  json.begin_object();
  for (const auto& [name, text] : from) json.field(name, text);
  json.end_object();
}

}  // namespace selvedge::codec::task
