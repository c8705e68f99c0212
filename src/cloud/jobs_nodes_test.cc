#include "cloud/jobs_nodes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cloud/config.h"
#include "cloud/jobs.h"

namespace selvedge::cloud {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;

engine::Twin twin_of(std::string_view json) {
  engine::Twin twin;
  EXPECT_TRUE(twin.edit({engine::TwinEdit::Kind::put, "", json}, {1, 1}, {}));
  return twin;
}

TEST(JobsNodes, AreWhatTheirTwinsSay) {
  const auto spec = read_node_spec("a", twin_of(R"({
    "attributes":{"site":"hall-1","labels":{"arch":"armv7","rack":4},"taints":["reserved","reserved"],"accelerators":{"devices":2,"model":"t4"}},
    "features":{"node":{"properties":{"arch":"aarch64","os":"linux","resources":{"cpu":4000,"memory":1073741824}}}}})"), {});
  EXPECT_EQ(spec.name, "a");
  EXPECT_EQ(spec.site, "hall-1");
  EXPECT_EQ(spec.capacity, (model::Resources{4000, 1 << 30, std::int64_t{1} << 30})) << "what is not said has its default";
  EXPECT_THAT(spec.labels, ElementsAre(Pair("arch", "armv7"), Pair("rack", "4"), Pair("os", "linux"))) << "operators come first";
  EXPECT_THAT(spec.taints, ElementsAre("reserved"));
  EXPECT_EQ(spec.devices, 2U);
  EXPECT_EQ(spec.model, "t4");
}

TEST(JobsNodes, LeaveOutWhatIsOutOfBounds) {
  const auto spec = read_node_spec("a", twin_of(R"({
    "attributes":{"site":7,"labels":{"node":"b","site":"c","":"d"},"taints":"x"},
    "features":{"node":{"properties":{"resources":{"cpu":-5,"memory":1e300,"disk":"much"},"accelerators":{"devices":1000}}}}})"), {});
  EXPECT_EQ(spec.site, "");
  EXPECT_TRUE(spec.labels.empty());
  EXPECT_TRUE(spec.taints.empty());
  EXPECT_TRUE(engine::placement::check(spec));
  EXPECT_EQ(spec.capacity.cpu, 0);
}

TEST(JobsNodes, AreReadyUnlessSomebodySaysOtherwise) {
  EXPECT_EQ(read_scheduling(twin_of("{}")), Scheduling::ready);
  EXPECT_EQ(read_scheduling(twin_of(R"({"attributes":{"scheduling":"draining"}})")), Scheduling::draining);
  EXPECT_EQ(read_scheduling(twin_of(R"({"attributes":{"scheduling":"drainign"}})")), Scheduling::cordoned) << "what cannot be read keeps tasks away";
}

TEST(JobsNodes, HaveWishesAndReports) {
  const engine::Twin twin = twin_of(R"({"features":{"tasks":{
    "desiredProperties":{"_revision":7,"web.front.0":{"generation":2,"command":["./a"]},"bad":{"comand":1}},
    "properties":{"_heard":6,"web.front.0":{"state":"running","run":1,"generation":2},"odd":{"run":1},"wrong":{"state":"asleep"}}}}})");
  EXPECT_EQ(read_revision(twin), 7U);
  EXPECT_EQ(read_heard(twin), 6U);
  const FoundWishes wishes = read_wishes(twin);
  ASSERT_EQ(wishes.tasks.size(), 1U);
  EXPECT_EQ(wishes.tasks[0].generation, 2U);
  EXPECT_THAT(wishes.unreadable, ElementsAre("bad"));
  EXPECT_THAT(reported_tasks(twin), ElementsAre("web.front.0", "wrong"));
  EXPECT_EQ(read_report(twin, "web.front.0").value().value().state, model::TaskState::running);
  EXPECT_FALSE(read_report(twin, "wrong").value());
  EXPECT_FALSE(read_report(twin, "web.front.1"));
}

base::Result<CloudConfig> config_of(const std::string& text) {
  CloudConfig config;
  settings::Settings settings;
  config.bind_to(settings);
  TRY(settings.load({.file_name = "cloud.toml", .file_text = text, .environment = {}, .flags = {}}));
  TRY(config.finish());
  return config;
}

TEST(JobsConfig, HasTenantsAndARule) {
  const auto config = config_of("[placement]\nrule = \"best-fit\"\ndefault-cpu = \"0.5\"\n[[tenant]]\nname = \"lab\"\ncpu = \"2.5\"\nmemory = \"1GiB\"\ntasks = 7\n");
  ASSERT_TRUE(config) << config.error().message;
  const JobsSettings made = config->jobs_settings();
  EXPECT_EQ(made.places.rule, engine::PlacementRule::best_fit);
  EXPECT_EQ(made.nodes.resources.cpu, 500);
  EXPECT_EQ(made.places.tenants.at("lab").most, (model::Resources{2500, 1 << 30, 0}));
  EXPECT_EQ(made.places.tenants.at("lab").tasks, 7U);
}

TEST(JobsConfig, SaysWhatIsWrong) {
  const auto why = [](const std::string& text) {
    const auto config = config_of(text);
    return config ? "nothing" : config.error().message;
  };
  EXPECT_THAT(why("[placement]\nrule = \"bestfit\"\n"), HasSubstr("best-fit"));
  EXPECT_THAT(why("[placement]\ndefault-cpu = \"many\"\n"), HasSubstr("placement.default-cpu"));
  EXPECT_THAT(why("[[tenant]]\nname = \"a\"\n[[tenant]]\nname = \"a\"\n"), HasSubstr("there twice"));
  EXPECT_THAT(why("[[tenant]]\ncpu = \"1\"\n"), HasSubstr("tenant.name"));
  EXPECT_THAT(why("[jobs]\nsilence-margin = \"0s\"\n"), HasSubstr("silence-margin"));
}

}  // namespace
}  // namespace selvedge::cloud
