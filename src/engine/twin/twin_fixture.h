// Twins for tests: what is said in few words.

#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/twin/twin.h"

namespace selvedge::engine {

class TwinTest : public testing::Test {
 protected:
  using Kind = TwinEdit::Kind;

  base::Result<TwinChange> edit(Kind kind, std::string_view pointer, std::string_view json = {}) {
    return twin.edit({kind, pointer, json}, {++now, 7}, limits);
  }
  // The difference, or the error in words.
  std::string told(Kind kind, std::string_view pointer, std::string_view json = {}) {
    const auto change = edit(kind, pointer, json);
    if (!change) return std::string(base::name(change.error().code));
    return change->changed ? change->difference : "same";
  }
  std::string put(std::string_view pointer, std::string_view json) { return told(Kind::put, pointer, json); }
  std::string merge(std::string_view pointer, std::string_view json) { return told(Kind::merge, pointer, json); }
  std::string patch(std::string_view pointer, std::string_view json) { return told(Kind::patch, pointer, json); }
  std::string remove(std::string_view pointer) { return told(Kind::remove, pointer); }
  std::string at(std::string_view pointer, std::string_view fields = {}) const { return text(twin, pointer, fields); }

  static std::string text(const Twin& twin, std::string_view pointer, std::string_view fields = {}) {
    const auto json = twin.json("n:d", pointer, fields);
    return json ? *json : std::string(base::name(json.error().code));
  }

  static std::vector<model::TwinLeaf> leaves(const Twin& twin, std::uint64_t after = 0) {
    std::vector<model::TwinLeaf> found;
    twin.changed_after(after, found);
    return found;
  }

  Twin twin;
  TwinLimits limits;
  std::int64_t now = 1'700'000'000'000;
};

}  // namespace selvedge::engine
