// Fields: an object's members, described once for reading and for writing. Private to codec/task.
//
// For a struct there is `template <class Visit> void describe(Visit& visit, Of<T>)`, which calls visit(name, member,
// rule) for each of its members, and `check(value, at, Of<T>)` for what concerns several of them.

#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "base/text.h"
#include "codec/task/rules.h"

namespace selvedge::codec::task {

template <typename T>
struct Of {};

template <typename T>
class FieldReader {
 public:
  FieldReader(const json::Value& from, const std::string& at, T& into) : from_(from), at_(at), into_(into) {}

  template <typename M, typename Rule>
  void operator()(const char* name, M T::* member, const Rule& rule) {
    known_.emplace_back(name);
    if (!outcome_) return;
    const auto found = from_.object().find(std::string_view(name));
    if (found != from_.object().end()) outcome_ = rule.read(found->second, below(at_, name), into_.*member);
  }

  base::Result<void> outcome() {
    if (!outcome_) return std::move(outcome_);
    for (const auto& [name, member] : from_.object()) {
      if (std::ranges::find(known_, name) != known_.end()) continue;
      const auto near = base::did_you_mean(name.substr(0, 64), known_);
      return wrong(below(at_, name), "is unknown" + (near ? "; did you mean '" + *near + "'?" : std::string()));
    }
    return {};
  }

 private:
  const json::Value& from_;
  const std::string& at_;
  T& into_;
  base::Result<void> outcome_;
  std::vector<std::string> known_;
};

template <typename T>
class FieldWriter {
 public:
  FieldWriter(const T& from, base::JsonWriter& json) : from_(from), json_(json) {}

  template <typename M, typename Rule>
  void operator()(const char* name, M T::* member, const Rule& rule) {
    static const T otherwise{};
    if (from_.*member == otherwise.*member) return;
    json_.key(name);
    rule.write(from_.*member, json_);
  }

 private:
  const T& from_;
  base::JsonWriter& json_;
};

// The rule of a member that is such a struct itself.
template <typename T>
struct Object {
  base::Result<void> read(const json::Value& value, const std::string& at, T& into) const {
    if (!value.is_object()) return wrong(at, "expected an object");
    into = T{};
    FieldReader<T> reader(value, at, into);
    describe(reader, Of<T>{});
    TRY(reader.outcome());
    return check(into, at, Of<T>{});
  }
  void write(const T& value, base::JsonWriter& json) const {
    json.begin_object();
    FieldWriter<T> writer(value, json);
    describe(writer, Of<T>{});
    json.end_object();
  }
};

}  // namespace selvedge::codec::task
