// Rules: how one member of a task's document is read, bounded and written. Private to codec/task.
//
// A rule has read(value, at, into), whose errors begin with `at`, the path in the document, and write(value, json).

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/json/value.h"
#include "model/artifact.h"

namespace selvedge::codec::task {

std::unexpected<base::Error> wrong(const std::string& at, std::string_view why);
std::string below(const std::string& at, std::string_view member);
std::string below(const std::string& at, std::size_t index);

struct Text {
  enum class Is : std::uint8_t {
    any,                                   // but no NUL
    plain,                                 // printable
    name,                                  // as of an artifact
    job_name, variable,
    inner_path, outer_path, device, local_http, filter, topic, schedule,
  } is = Is::any;
  std::size_t most = 0;
  base::Result<void> read(const json::Value& value, const std::string& at, std::string& into) const;
  base::Result<void> check(const std::string& text, const std::string& at) const;
  void write(const std::string& value, base::JsonWriter& json) const { json.value(value); }
};

struct Whole {
  std::int64_t low = 0, high = 0;
  base::Result<std::int64_t> take(const json::Value& value, const std::string& at) const;
  template <typename Int>
  base::Result<void> read(const json::Value& value, const std::string& at, Int& into) const {
    into = static_cast<Int>(TRY(take(value, at)));
    return {};
  }
  template <typename Int>
  void write(Int value, base::JsonWriter& json) const { json.value(static_cast<std::int64_t>(value)); }
};

struct Number {
  double low = 0, high = 0;
  base::Result<void> read(const json::Value& value, const std::string& at, double& into) const;
  void write(double value, base::JsonWriter& json) const { json.value(value); }
};

struct Flag {
  base::Result<void> read(const json::Value& value, const std::string& at, bool& into) const;
  void write(bool value, base::JsonWriter& json) const { json.value(value); }
};

// "10s", or a number of seconds.
struct Time {
  base::Duration low{}, high{};
  base::Result<void> read(const json::Value& value, const std::string& at, base::Duration& into) const;
  void write(base::Duration value, base::JsonWriter& json) const { json.value(base::to_string(value)); }
};

// "64MiB", or a number of bytes; written in the largest unit that keeps it whole.
struct Size {
  std::int64_t low = 0, high = 0;
  base::Result<void> read(const json::Value& value, const std::string& at, std::int64_t& into) const;
  void write(std::int64_t value, base::JsonWriter& json) const;
};

// Cores, in thousandths: 0.5, or "500m".
struct Cores {
  std::int64_t high = 0;
  base::Result<void> read(const json::Value& value, const std::string& at, std::int64_t& into) const;
  void write(std::int64_t value, base::JsonWriter& json) const;
};

struct Moment {
  base::Result<void> read(const json::Value& value, const std::string& at, std::optional<base::Time>& into) const;
  void write(const std::optional<base::Time>& value, base::JsonWriter& json) const;
};

struct Digest {
  base::Result<void> read(const json::Value& value, const std::string& at,
                          std::optional<model::Sha256>& into) const;
  void write(const std::optional<model::Sha256>& value, base::JsonWriter& json) const;
};

// One of the names, by its place.
struct Word {
  std::vector<std::string> names;
  base::Result<std::size_t> take(const json::Value& value, const std::string& at) const;
  template <typename Enum>
  base::Result<void> read(const json::Value& value, const std::string& at, Enum& into) const {
    into = static_cast<Enum>(TRY(take(value, at)));
    return {};
  }
  template <typename Enum>
  void write(Enum value, base::JsonWriter& json) const { json.value(names[static_cast<std::size_t>(value)]); }
};

template <typename Rule>
struct List {
  Rule rule;
  std::size_t most = 0;
  template <typename T>
  base::Result<void> read(const json::Value& value, const std::string& at, std::vector<T>& into) const {
    if (!value.is_array()) return wrong(at, "expected an array");
    const auto& items = value.array();
    if (items.size() > most) return wrong(at, "has more than " + std::to_string(most) + " elements");
    into.clear();
    for (std::size_t i = 0; i < items.size(); ++i)
      TRY(rule.read(items[i], below(at, i), into.emplace_back()));
    return {};
  }
  template <typename T>
  void write(const std::vector<T>& value, base::JsonWriter& json) const {
    json.begin_array();
    for (const T& item : value) rule.write(item, json);
    json.end_array();
  }
};
template <typename Rule>
List(Rule, std::size_t) -> List<Rule>;

struct Texts {                             // by name
  Text key, value;
  std::size_t most = 0;
  using Map = std::map<std::string, std::string>;
  base::Result<void> read(const json::Value& from, const std::string& at, Map& into) const;
  void write(const Map& from, base::JsonWriter& json) const;
};

}  // namespace selvedge::codec::task
