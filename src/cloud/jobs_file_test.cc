#include "cloud/jobs_file.h"

#include <gtest/gtest.h>

#include "os/fake/simulation.h"

namespace selvedge::cloud {
namespace {

using namespace std::chrono_literals;

engine::JobRecord record_for_test(const std::string& name, std::uint64_t generation) {
  engine::JobRecord record;
  model::Job& job = record.now.job;
  job.name = name;
  job.generation = generation;
  model::TaskGroup group;
  group.name = "front";
  group.count = 3;
  group.task.command = {"/usr/bin/serve", "--port", "80"};
  group.task.resources = {500, 64 << 20, 0};
  job.groups.push_back(group);
  record.now.generations["front"] = {1, generation};
  record.good = record.now;
  record.rollout = engine::JobRecord::Rollout::failed;
  record.rolled_back = true;
  record.finished["front"] = {0, 2};
  record.reason = "web.front.0 on a failed: exit status 1";
  return record;
}

LeftTask left_for_test(const std::string& node, std::uint64_t number) {
  LeftTask left{.node = node, .task = "web.front.0", .number = number, .revision = 7, .resources = {500, 1, 2},
                .accelerators = {1, 500, "t4"}, .disconnect = {}};
  left.disconnect = {model::TaskDisconnect::Policy::replace, 90s};
  return left;
}

class JobsFileTest : public testing::Test {
 protected:
  ~JobsFileTest() override { machine.crash(); }
  void open() {
    auto opened = JobsFile::open(machine, "jobs");
    ASSERT_TRUE(opened) << opened.error().message;
    file = std::move(*opened);
  }
  void commit() {
    bool done = false;
    file->commit([&] { done = true; });
    ASSERT_TRUE(sim.run_until([&] { return done; }, 10s));
  }
  void crash() {
    machine.crash();
    file.reset();
    machine.restart();
  }

  os::fake::Simulation sim{3};
  os::fake::Machine& machine = sim.machine("cloud");
  std::unique_ptr<JobsFile> file;
};

TEST(JobsRecord, IsReadAsItWasWritten) {
  const engine::JobRecord record = record_for_test("web", 4);
  const auto read = read_record(write_record(record));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, record);
}

TEST(JobsRecord, RefusesAnotherVersionAndWhatCannotBe) {
  EXPECT_FALSE(read_record(R"({"version":2})"));
  EXPECT_FALSE(read_record("{}"));
  std::string text = write_record(record_for_test("web", 4));
  const std::size_t at = text.find("[1,4]");
  ASSERT_NE(at, std::string::npos);
  EXPECT_FALSE(read_record(std::string(text).replace(at, 5, "[1,5]"))) << "a group ahead of its job";
  EXPECT_FALSE(read_record(std::string(text).replace(at, 5, "[]")));
  EXPECT_FALSE(read_left(R"({"version":1,"node":"a/b","task":"web.front.0","revision":1,"cpu":0,"memory":0,"disk":0})"));
}

TEST_F(JobsFileTest, KeepsWhatWasCommittedThroughACrash) {
  open();
  const engine::JobRecord web = record_for_test("web", 4), gone = record_for_test("gone", 1);
  const LeftTask left = left_for_test("edge-1", 2);
  ASSERT_TRUE(file->save("web", &web));
  ASSERT_TRUE(file->save("gone", &gone));
  ASSERT_TRUE(file->save_left(left_for_test("edge-2", 0)));
  ASSERT_TRUE(file->save_left(left));
  ASSERT_TRUE(file->save("gone", nullptr));
  ASSERT_TRUE(file->forget_left("edge-2", "web.front.0"));
  commit();
  crash();
  open();
  const auto records = file->records();
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 1U);
  EXPECT_EQ(records->front(), web);
  EXPECT_EQ(file->left().value(), std::vector{left});
}

TEST_F(JobsFileTest, IsWrittenAnewWhenMostOfItIsOutOfDate) {
  open();
  engine::JobRecord web = record_for_test("web", 4);
  LeftTask left = left_for_test("edge-1", 1);
  ASSERT_TRUE(file->save_left(left));
  std::uint64_t most = 0;
  for (int i = 0; i < 4000; ++i) {
    web.reason = std::string(8000, 'x') + std::to_string(i);
    ASSERT_TRUE(file->save("web", &web));
    if (i % 50 == 49) commit();
    most = std::max(most, file->bytes());
  }
  commit();
  EXPECT_LT(most, 20U << 20) << "4000 records of 8 KB are 32 MB";
  crash();
  open();
  EXPECT_EQ(file->records().value(), std::vector{web});
  EXPECT_EQ(file->left().value(), std::vector{left});
  ASSERT_TRUE(file->save_left(left));
  left.number = 2;
  EXPECT_EQ(file->left().value(), std::vector{left}) << "numbers go on";
}

}  // namespace
}  // namespace selvedge::cloud
