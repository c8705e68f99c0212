// Members that the nodes of a site moved: the wish follows, nothing is started again, and nothing is forgotten of those
// that may still run it.

#include <gtest/gtest.h>

#include "engine/jobs/job_book.h"

namespace selvedge::engine {
namespace {

using Now = NodeChanged::Now;
using model::TaskState;
using Policy = model::TaskDisconnect::Policy;

class JobSites : public ::testing::Test {
 protected:
  static constexpr const char* task = "web.g.0";

  static model::Job job(Policy policy = Policy::site) {
    model::Job job;
    job.name = "web";
    model::TaskGroup& group = job.groups.emplace_back();
    group.name = "g";
    group.task.command = {"./serve"};
    group.task.disconnect.policy = policy;
    return job;
  }
  static model::TaskStatus status(TaskState state, std::uint64_t generation = 1) {
    model::TaskStatus made;
    made.state = state;
    made.generation = generation;
    made.run = 1;
    return made;
  }
  void say(const JobInput& input) {
    JobOutputs out;
    ASSERT_TRUE(book.step(input, now, out));
    book.settle(now, out);
    for (const ReleasePlace& one : out.released) EXPECT_EQ(rooms.erase(one.node), 1u) << one.node;
    for (const HoldPlace& one : out.held) EXPECT_TRUE(rooms.insert(one.node).second) << one.node;
    for (const WishTask& one : out.wishes) {
      if (one.task) wishes.insert_or_assign(one.node, *one.task);
      else withdrawn.insert(one.node), wishes.erase(one.node);
    }
    for (const AskPlace& one : out.asks) ask = one.ask;
  }
  void says(const std::string& node, TaskState state, std::uint64_t generation = 1) { say(TaskReported{node, task, status(state, generation)}); }
  void has_none(const std::string& node) { say(TaskReported{node, task, std::nullopt}); }
  void place(const std::string& node) {
    const MemberPlaced placed{{"web", "g", 0}, std::exchange(ask, 0), node};
    rooms.insert(node);
    say(placed);
  }
  std::string where() const { return book.members("web").at(0).node; }
  void begin(Policy policy = Policy::site) {
    say(JobsBegin{});
    for (const char* node : {"a", "b", "c"}) say(NodeChanged{node, Now::connected});
    say(JobWished{job(policy)});
    place("a");
    says("a", TaskState::running);
    ASSERT_EQ(where(), "a");
  }

  base::Instant now{1'000'000'000'000};
  JobBook book{JobLimits{}};
  std::map<std::string, model::Task> wishes;
  std::set<std::string> rooms, withdrawn;
  std::uint64_t ask = 0;
};

TEST_F(JobSites, TheWishFollowsToWhereTheSiteRunsIt) {
  begin();
  const model::Task before = wishes.at("a");
  say(NodeChanged{"a", Now::silent});
  says("b", TaskState::starting);
  EXPECT_EQ(where(), "b");
  EXPECT_FALSE(wishes.contains("a"));
  EXPECT_EQ(wishes.at("b"), before) << "the very same, so that it goes on";
  EXPECT_EQ(rooms, std::set<std::string>{"b"});
  EXPECT_EQ(ask, 0u);
  says("b", TaskState::running);
  EXPECT_EQ(book.status("web")->running, 1u);
  // The one that was lost is back, and has none of it.
  say(NodeChanged{"a", Now::connected});
  says("a", TaskState::stopped);
  has_none("a");
  EXPECT_EQ(where(), "b");
}

TEST_F(JobSites, WhatIsOldIsNotFollowed) {
  begin();
  says("b", TaskState::running);
  EXPECT_EQ(where(), "a") << "a says that it runs there";
  EXPECT_TRUE(withdrawn.contains("b")) << "and b is to say when it has gone";
  says("c", TaskState::running, 7);
  EXPECT_EQ(where(), "a") << "of another generation";
  // But when a says that it has ended, what b said counts.
  says("a", TaskState::stopped);
  EXPECT_EQ(where(), "b");
}

TEST_F(JobSites, NobodyFollowsToANodeThatIsSilent) {
  begin();
  say(NodeChanged{"a", Now::silent});
  say(NodeChanged{"b", Now::silent});
  says("b", TaskState::running);
  EXPECT_EQ(where(), "a");
  say(NodeChanged{"b", Now::connected});
  EXPECT_EQ(where(), "b");
}

TEST_F(JobSites, OtherPoliciesStayWhereTheyAre) {
  begin(Policy::keep);
  say(NodeChanged{"a", Now::silent});
  says("b", TaskState::running);
  EXPECT_EQ(where(), "a");
}

TEST_F(JobSites, WhoeverMayRunItMustHaveGoneBeforeItGoesElsewhere) {
  begin();
  say(NodeChanged{"a", Now::silent});
  says("b", TaskState::running);
  ASSERT_EQ(where(), "b");
  say(MemberDisplaced{{"web", "g", 0}, "its room is needed"});
  has_none("b");
  EXPECT_EQ(ask, 0u) << "a may have its wish yet, and be in a site with others that hear nothing of the cloud";
  say(NodeChanged{"a", Now::connected});
  has_none("a");
  EXPECT_NE(ask, 0u);
  place("c");
  EXPECT_EQ(wishes.at("c").generation, 1u);
}

TEST_F(JobSites, AnOperatorMaySayThatANodeIsGone) {
  begin();
  say(NodeChanged{"a", Now::silent});
  says("b", TaskState::running);
  say(NodeChanged{"a", Now::gone});
  say(MemberDisplaced{{"web", "g", 0}, "its room is needed"});
  has_none("b");
  EXPECT_NE(ask, 0u);
}

TEST_F(JobSites, ARestartForgetsNobody) {
  begin();
  const model::Task wish = wishes.at("a");
  const JobRecord record = *book.record("web");
  book = JobBook(JobLimits{});
  rooms = {"b"};
  say(JobRestored{record});
  say(WishFound{"b", wish});
  say(LeavingFound{"a", {"web", "g", 0}, {}});
  for (const char* node : {"a", "b", "c"}) say(NodeChanged{node, Now::silent});
  says("c", TaskState::running);
  say(JobsBegin{});
  EXPECT_EQ(where(), "b");
  say(NodeChanged{"c", Now::connected});
  EXPECT_EQ(where(), "c") << "what was said before the restart counts when it is heard of";
  EXPECT_EQ(rooms, std::set<std::string>{"c"});
  say(JobStopped{"web"});
  has_none("c");
  EXPECT_FALSE(book.members("web").empty());
  has_none("a");
  EXPECT_FALSE(book.members("web").empty());
  has_none("b");
  EXPECT_TRUE(book.members("web").empty());
}

}  // namespace
}  // namespace selvedge::engine
