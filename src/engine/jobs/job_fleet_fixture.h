// A fleet for the book's tests: nodes with places, twins that hold wishes, tasks that start a step after their wish
// came, and the host between them and the book. Crashes and cuts are the test's to make.

#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <set>

#include "engine/jobs/job_book.h"

namespace selvedge::engine {

struct FleetForTest {
  struct Running {
    model::Task task;
    model::TaskStatus status;
  };
  struct Node {
    std::size_t places = 100;
    std::int64_t largest = 1'000'000;              // thousandths of a core that one may ask for
    bool connected = true, draining = false, gone = false;
    bool mute = false;                             // hears, and is not heard
    std::map<std::string, model::Task> wishes;     // as the cloud's copy of its twin has it
    std::map<std::string, Running> tasks;          // what runs there
    std::set<std::string> told;                    // what the cloud is to hear the end of
    base::Instant silent_since{};
  };

  JobLimits limits;
  JobBook book{limits};
  std::map<std::string, Node> nodes;
  std::map<std::string, JobRecord> saved;
  struct Left {
    std::string node, task;
    model::TaskDisconnect disconnect;
  };
  std::vector<Left> left;                          // withdrawn wishes of whose end nothing was heard, the oldest first
  std::map<std::string, std::set<MemberKey>> rooms;   // what holds a place where
  std::set<std::string> ill;                       // commands that never become well
  std::set<std::string> broken;                    // commands that fail
  std::set<std::string> short_ones;                // commands that end
  base::Instant now = base::Instant{} + std::chrono::hours(1);
  std::map<std::string, std::uint64_t> starts;     // of a task's name
  std::size_t most_at_once = 0;                    // nodes that ran one task

  FleetForTest(std::size_t count, std::size_t places) {
    for (std::size_t i = 0; i < count; ++i) nodes["n" + std::to_string(i)].places = places;
    give(JobsBegin{});
    settle();
  }

  base::Result<void> give(const JobInput& input) {
    JobOutputs out;
    auto result = book.step(input, now, out);
    carry_out(out);
    return result;
  }
  void settle() {
    JobOutputs out;
    book.settle(now, out);
    carry_out(out);
  }

  void carry_out(const JobOutputs& out) {
    for (const std::string& name : out.save) {
      if (const JobRecord* record = book.record(name)) saved[name] = *record;
      else saved.erase(name);
    }
    for (const ReleasePlace& one : out.released) EXPECT_EQ(rooms[one.node].erase(one.member), 1U) << task_name(one.member) << " held no room on " << one.node;
    for (const WishTask& wish : out.wishes) {
      forget_left(wish.node, wish.name);
      if (wish.task) {
        nodes[wish.node].wishes[wish.name] = *wish.task;
        continue;
      }
      left.push_back({wish.node, wish.name, wish.disconnect});
      if (nodes[wish.node].wishes.erase(wish.name) > 0) nodes[wish.node].told.insert(wish.name);
    }
    for (const AskPlace& ask : out.asks) answers.push_back(ask);
  }

  void forget_left(const std::string& node, const std::string& task) {
    std::erase_if(left, [&](const Left& one) { return one.node == node && one.task == task; });
  }

  std::deque<AskPlace> answers;
  void place_all() {
    while (!answers.empty()) {
      const AskPlace ask = answers.front();
      answers.pop_front();
      std::vector<std::string> found;
      auto taken = rooms;
      for (const MemberKey& key : ask.members) {
        std::string best;
        for (auto& [name, node] : nodes) {
          if (!node.connected || node.draining || node.gone || name == ask.not_on || ask.group.task.resources.cpu > node.largest || taken[name].size() >= node.places || taken[name].contains(key)) continue;
          if (best.empty() || taken[name].size() < taken[best].size()) best = name;
        }
        if (best.empty()) break;
        taken[best].insert(key);
        found.push_back(best);
      }
      const bool all = found.size() == ask.members.size();
      if (all) rooms = taken;
      for (std::size_t i = 0; i < ask.members.size(); ++i) {
        if (all) give(MemberPlaced{ask.members[i], ask.ask, found[i]}).value();
        else give(MemberNotPlaced{ask.members[i], ask.ask, "no node has room"}).value();
      }
      settle();
    }
  }

  // Connected nodes take up their wishes and say what runs; a second goes by.
  void turn(base::Duration by = std::chrono::seconds(1)) {
    settle();
    place_all();
    now = now + by;
    for (auto& [name, node] : nodes) {
      if (node.gone) continue;
      run(name, node);
      if (node.connected && !node.mute) tell(name, node);
    }
    count();
    settle();
    place_all();
  }
  void turns(int count) {
    for (int i = 0; i < count; ++i) turn();
  }

  void run(const std::string&, Node& node) {
    if (node.connected) {
      std::erase_if(node.tasks, [&](const auto& one) {
        const auto wish = node.wishes.find(one.first);
        return wish == node.wishes.end() || wish->second != one.second.task;
      });
      for (const auto& [name, task] : node.wishes) {
        if (node.tasks.contains(name)) continue;
        ++starts[name];
        model::TaskStatus status;
        status.state = model::TaskState::running;
        status.generation = task.generation;
        status.run = starts[name];
        status.healthy = true;
        node.tasks[name] = {task, status};
      }
      node.silent_since = now;
    } else {
      // What it may not go on with alone it stops by its own clock.
      for (auto& [name, running] : node.tasks)
        if (running.task.disconnect.policy != model::TaskDisconnect::Policy::keep && now - node.silent_since >= running.task.disconnect.after)
          running.status.state = model::TaskState::stopped;
    }
    for (auto& [name, running] : node.tasks) {
      const std::string command = running.task.command.empty() ? "" : running.task.command[0];
      if (running.status.state == model::TaskState::stopped) {
        if (node.connected) running.status.state = model::TaskState::running;
        else continue;
      }
      if (ill.contains(command)) running.status.healthy = false;
      if (broken.contains(command)) running.status.state = model::TaskState::failed, running.status.reason = "exit status 1";
      if (short_ones.contains(command)) running.status.state = model::TaskState::done;
    }
  }

  void tell(const std::string& name, Node& node) {
    for (const auto& [task, running] : node.tasks) {
      node.told.insert(task);
      give(TaskReported{name, task, running.status}).value();
    }
    for (const std::string& task : std::set<std::string>(node.told)) {
      if (node.tasks.contains(task) || node.wishes.contains(task)) continue;
      node.told.erase(task);
      forget_left(name, task);
      give(TaskReported{name, task, std::nullopt}).value();
    }
  }

  bool alive(const Running& running) const {
    return running.status.state == model::TaskState::running;
  }
  void count() {
    std::map<std::string, std::size_t> at;
    for (const auto& [name, node] : nodes)
      for (const auto& [task, running] : node.tasks)
        if (!node.gone && alive(running)) most_at_once = std::max(most_at_once, ++at[task]);
  }

  void cut(const std::string& node) {
    nodes[node].connected = false;
    nodes[node].silent_since = now;
    give(NodeChanged{node, NodeChanged::Now::silent}).value();
    settle();
  }
  void mend(const std::string& node) {
    nodes[node].connected = true;
    give(NodeChanged{node, NodeChanged::Now::connected}).value();
    settle();
  }
  void lose(const std::string& node) {
    nodes[node].gone = true;
    nodes[node].connected = false;
    nodes[node].tasks.clear();
    give(NodeChanged{node, NodeChanged::Now::gone}).value();
    settle();
  }
  void drain(const std::string& node) {
    nodes[node].draining = true;
    give(NodeChanged{node, NodeChanged::Now::draining}).value();
    settle();
  }
  // Another book that knows what is saved, what is wished and what the nodes say.
  void restart() {
    book = JobBook(limits);
    answers.clear();
    rooms.clear();
    for (const auto& [name, record] : saved) give(JobRestored{record}).value();
    for (auto& [name, node] : nodes)
      for (const auto& [task, wish] : std::map<std::string, model::Task>(node.wishes)) {
        rooms[name].insert(*member_of(task));
        give(WishFound{name, wish}).value();
      }
    const std::vector<Left> known = left;
    for (auto at = known.rbegin(); at != known.rend(); ++at) {
      give(LeavingFound{at->node, *member_of(at->task), at->disconnect}).value();
      if (book.holds(*member_of(at->task), at->node)) rooms[at->node].insert(*member_of(at->task));
    }
    for (auto& [name, node] : nodes) {
      give(NodeChanged{name, node.gone ? NodeChanged::Now::gone : !node.connected ? NodeChanged::Now::silent
                             : node.draining ? NodeChanged::Now::draining : NodeChanged::Now::connected}).value();
      for (const auto& [task, running] : node.tasks)
        if (!node.mute) give(TaskReported{name, task, running.status}).value();
    }
    give(JobsBegin{}).value();
    settle();
  }

  std::string describe() const {
    std::string text;
    for (const std::string& job : book.jobs()) {
      text += job + " generation " + std::to_string(book.record(job)->now.job.generation) + ": " + book.record(job)->reason + "\n";
      for (const MemberStatus& member : book.members(job))
        text += task_name(member.member) + " " + std::string(name(member.state)) + " on '" + member.node + "' generation " +
                std::to_string(member.generation) + ": " + member.reason + "\n";
    }
    for (const auto& [node, task, disconnect] : left) text += "left " + node + " " + task + "\n";
    return text;
  }
  std::vector<std::string> where(const std::string& task) const {
    std::vector<std::string> found;
    for (const auto& [name, node] : nodes)
      if (const auto at = node.tasks.find(task); at != node.tasks.end() && !node.gone && alive(at->second)) found.push_back(name);
    return found;
  }
  std::size_t running(const std::string& command) const {
    std::size_t found = 0;
    for (const auto& [name, node] : nodes)
      for (const auto& [task, one] : node.tasks) found += !node.gone && alive(one) && one.task.command == std::vector<std::string>{command};
    return found;
  }
};

inline model::Job job_for_test(std::uint32_t count, const std::string& command) {
  model::Job job;
  job.name = "web";
  model::TaskGroup group;
  group.name = "front";
  group.count = count;
  group.task.command = {command};
  group.task.resources = {100, 1 << 20, 0};
  job.groups.push_back(group);
  job.update.healthy = std::chrono::seconds(3);
  job.update.deadline = std::chrono::seconds(20);
  return job;
}

}  // namespace selvedge::engine
