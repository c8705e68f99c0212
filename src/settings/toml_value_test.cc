#include "settings/toml_value.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "codec/task/task.h"

namespace selvedge::settings {
namespace {

std::string json(std::string_view toml) {
  const auto value = toml_value(toml, "job.toml");
  if (!value) return value.error().message;
  base::JsonWriter into;
  write(*value, into);
  return into.take();
}

TEST(TomlValue, IsWhatTheSameDocumentInJsonWouldBe) {
  EXPECT_EQ(json("name = 'thermo'\n[update]\nparallel = 2\n[[groups]]\nname = 'a'\ngang = true\nweights = [1, 2.5]\n"
                 "[[groups]]\nname = 'b'\n[groups.task]\ncommand = ['x']\n"),
            R"({"groups":[{"gang":true,"name":"a","weights":[1,2.5]},{"name":"b","task":{"command":["x"]}}],)"
            R"("name":"thermo","update":{"parallel":2}})");
  EXPECT_EQ(json(""), "{}");
}

TEST(TomlValue, TimesBecomeText) {
  EXPECT_EQ(json("a = 2026-03-01T12:00:00Z\nb = 2026-03-01\n"), R"({"a":"2026-03-01T12:00:00Z","b":"2026-03-01"})");
}

TEST(TomlValue, ErrorsNameTheLine) {
  EXPECT_EQ(json("a = 1\nb = nan\n"), "job.toml:2: nan and inf are not taken");
  EXPECT_EQ(json("a = 1\nb =\n").substr(0, 12), "job.toml:2: ");
  std::string deep = "a = ";
  for (int i = 0; i < 60; ++i) deep += '[';
  for (int i = 0; i < 60; ++i) deep += ']';
  EXPECT_NE(json(deep).find("job.toml:1: nested"), std::string::npos) << json(deep);
  EXPECT_EQ(toml_value("a = 1", "job.toml", 4).error().code, base::Code::exhausted);
}

// The folder of this file is <root>/src/settings.
TEST(TomlValue, EveryExampleIsAJob) {
  const auto root = std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(root / "docs" / "examples")) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("job_") || !name.ends_with(".toml")) continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    const auto value = toml_value(text.str(), name);
    ASSERT_TRUE(value) << value.error().message;
    const auto job = codec::task::read_job(*value);
    ASSERT_TRUE(job) << name << ": " << job.error().message;
    EXPECT_EQ(codec::task::parse_job(codec::task::write_job(*job)).value(), *job);
    ++count;
  }
  EXPECT_EQ(count, 3);
}

}  // namespace
}  // namespace selvedge::settings
