#include "node/site.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/task/task.h"
#include "os/file_at.h"

namespace selvedge::node {

using base::Code;
using base::Result;
using engine::SiteTask;

namespace {

constexpr std::string_view incarnation_file = "site";
constexpr base::Duration look_every = std::chrono::seconds(1), unfit_for = std::chrono::minutes(1);

// Grows with each start of the program, also if what it wrote is lost and its clock is right.
Result<std::uint64_t> next_incarnation(os::World& world, const std::string& state) {
  const auto dir = TRY(world.directory(state, true));
  std::int64_t last = 0;
  const auto kept = os::read_file(*dir, incarnation_file, 64);
  if (!kept && kept.error().code != Code::not_found) return std::unexpected(kept.error());
  if (kept) last = base::parse_int(base::as_text(*kept)).value_or(0);
  const std::int64_t now = std::max(last + 1, world.loop().wall_now().ns / 1'000'000'000);
  TRY(os::write_file(*dir, incarnation_file, base::as_bytes(std::to_string(now)), os::Open::create_private));
  return static_cast<std::uint64_t>(now);
}

}  // namespace

Site::Site(os::World& world, SiteConfig config, std::uint64_t incarnation, SiteTasks& tasks, base::Registry& metrics)
    : world_(world), config_(std::move(config)), incarnation_(incarnation), tasks_(tasks) {
  SiteLinksConfig links{config_.name, config_.self, config_.listen, config_.members, config_.links};
  links.members.erase(config_.self);
  links_ = std::make_unique<SiteLinks>(
      world_, std::move(links),
      SiteLinksHost{[this](const std::string& member) { opened(member); },
                    [this](const std::string& member, engine::SiteFrame frame) { received(member, std::move(frame)); }},
      metrics);
  make_metrics(metrics);
}

Site::~Site() { stop(); }

Result<std::unique_ptr<Site>> Site::create(os::World& world, SiteConfig config, const SiteTrust& trust, SiteTasks& tasks,
                                           base::Registry& metrics) {
  if (!config.members.contains(config.self))
    return base::fail(Code::invalid_input, "site " + config.name + ": this node, " + config.self + ", is no [[site.member]] of it");
  if (config.members.size() < least_site_members)
    return base::fail(Code::invalid_input, "site " + config.name + " has " + std::to_string(config.members.size()) +
                                               " members: nothing is healed with fewer than " + std::to_string(least_site_members));
  const std::uint64_t incarnation = TRY(base::while_doing("site", next_incarnation(world, config.state)));
  std::unique_ptr<Site> site(new Site(world, std::move(config), incarnation, tasks, metrics));
  TRY(site->links_->start(trust));
  return site;
}

void Site::begin() {
  if (view_ || stopped_) return;
  engine::SiteRule rule;
  rule.self = config_.self;
  for (const auto& [name, at] : config_.members) rule.members.push_back(name);
  rule.incarnation = incarnation_;
  rule.grace_most = model::TaskLimits::site_grace;
  view_ = std::make_unique<engine::SiteView>(std::move(rule), world_.loop().now());
  base::log::info("site", "takes part", {{"site", config_.name}, {"members", config_.members.size()}});
  own();
  look();
}

void Site::stop() {
  stopped_ = true;
  alive_.reset();
  for (os::TimerId* one : {&timer_, &look_timer_}) world_.loop().cancel(std::exchange(*one, os::TimerId::none));
  links_->stop();
  view_.reset();
}

// ---- the view ----

void Site::step(engine::SiteInput input) {
  if (!view_) return;
  inputs_.push_back(std::move(input));
  if (std::exchange(stepping_, true)) return;
  while (!inputs_.empty() && view_) {
    const engine::SiteInput next = std::move(inputs_.front());
    inputs_.pop_front();
    engine::SiteOutputs out;
    view_->step(next, world_.loop().now(), out);
    carry_out(out);
  }
  stepping_ = false;
  if (!view_) return;
  if (const bool fenced = view_->fenced(); fenced != std::exchange(fenced_told_, fenced))
    base::log::warn("site", fenced ? "too few members hear this one: it runs nothing of the site" : "is heard by most members", {{"site", config_.name}});
  arm();
}

// What a task is goes out before the beat that says who has it.
void Site::carry_out(engine::SiteOutputs& out) {
  for (const engine::SiteEnd& one : out.ends) end(one);
  for (const SiteTask& one : out.runs) run(one);
  if (!out.beat) return;
  last_ = std::move(out.beat);
  links_->send_all(*last_);
}

void Site::run(const SiteTask& task) {
  const auto wish = wishes_.find(task.name);
  const bool wished = wish != wishes_.end() && wish->second.task.generation >= task.generation;
  const engine::SiteDocument* const known = documents_.find(task.name);
  Held& held = held_[task.name];
  held = {task, false, world_.loop().now(), std::nullopt};
  if (!wished && (known == nullptr || known->generation < task.generation)) {
    base::log::warn("site", "does not know what a task is", {{"task", task.name}});
    return give_up(task.name);
  }
  const std::string json = wished ? wish->second.json : known->json;
  say(documents_.say(task.name, task.generation, task.epoch, json));
  held.running = true;
  if (!wished) {
    taken_->add();
    base::log::warn("site", "takes over a task", {{"task", task.name}, {"generation", task.generation}, {"epoch", task.epoch}});
  }
  tasks_.site_run(task.name, wished ? std::string() : json);
}

void Site::end(const engine::SiteEnd& one) {
  const bool outbid = one.why == engine::SiteEnd::Why::outbid;
  const bool wished = wishes_.contains(one.name);
  std::string why = "fewer than half of the site's nodes hear this one: another may get it";
  if (outbid) why = wished || documents_.find(one.name) != nullptr ? why_not(one.name) : "it is not wished for any more";
  if (outbid) held_.erase(one.name);
  else if (const auto held = held_.find(one.name); held != held_.end()) held->second.running = false;
  said_[one.name] = why;
  base::log::info("site", "ends a task", {{"task", one.name}, {"why", why}});
  tasks_.site_end(one.name, outbid && !wished ? SiteTasks::Ends::for_good : SiteTasks::Ends::until_it_may, why);
}

std::string Site::why_not(const std::string& task) const {
  std::string who;
  if (view_)
    view_->each([&](const engine::SiteVote& vote) {
      if (vote.task.name == task) who = vote.node;
    });
  if (!who.empty() && who != config_.self) return "node " + who + " of the site has it";
  return "the nodes of the site have not given it to this one yet";
}

// ---- documents ----

void Site::say(const engine::SiteDocument* document) {
  if (document != nullptr) links_->send_all(*document);
}

const model::Task* Site::read(const engine::SiteDocument& document) {
  auto& [json, task] = read_[document.task];
  if (json == document.json) return task.command.empty() ? nullptr : &task;
  json = document.json;
  task = {};
  if (auto parsed = codec::task::parse_task(document.task, json)) task = std::move(*parsed);
  else base::log::warn("site", "cannot read what a task is", {{"task", document.task}, {"why", parsed.error()}});
  return task.command.empty() ? nullptr : &task;
}

void Site::own_soon() {
  if (std::exchange(own_planned_, true)) return;
  world_.loop().defer([this, living = std::weak_ptr<bool>(alive_)] {
    if (!living.expired()) own();
  });
}

// What it runs, could run and is to run.
void Site::own() {
  own_planned_ = false;
  if (!view_) return;
  const base::Instant now = world_.loop().now();
  std::erase_if(unfit_, [&](const auto& one) { return now >= one.second; });
  engine::SiteOwn input;
  input.load = tasks_.site_load();
  for (const auto& [name, wish] : wishes_) input.wished.push_back(wish.task);
  std::vector<model::Task> others;
  std::set<std::string> there;
  documents_.each([&](const engine::SiteDocument& document) {
    if (document.json.empty()) return;
    there.insert(document.task);
    const model::Task* const task = read(document);
    if (task == nullptr || unfit_.contains(document.task)) return;
    const bool here = held_.contains(document.task);
    if (!wishes_.contains(document.task)) others.push_back(*task);
    if (here || tasks_.site_can_run(*task)) input.known.push_back(document.task);
  });
  std::erase_if(read_, [&](const auto& one) { return !there.contains(one.first); });
  tasks_.site_stand_by(std::move(others));
  step(std::move(input));
}

void Site::look() {
  own();
  for (const auto& [name, wish] : wishes_) {
    const auto held = held_.find(name);
    if (held != held_.end()) continue;
    std::string why = why_not(name);
    if (said_[name] == why) continue;
    said_[name] = why;
    tasks_.site_says(name, why);
  }
  std::erase_if(said_, [&](const auto& one) { return !wishes_.contains(one.first); });
  look_timer_ = world_.loop().after(look_every, [this] { look(); });
}

void Site::arm() {
  world_.loop().cancel(std::exchange(timer_, os::TimerId::none));
  timer_ = world_.loop().after(std::max(view_->wake_at() - world_.loop().now(), base::Duration(0)), [this] {
    timer_ = os::TimerId::none;
    step(engine::SiteTick{});
  });
}

// ---- what is told ----

void Site::wishes(const std::map<std::string, std::string>& documents) {
  std::map<std::string, Wish> next;
  for (const auto& [name, json] : documents) {
    if (const auto before = wishes_.find(name); before != wishes_.end() && before->second.json == json) {
      next.insert(*before);
      continue;
    }
    if (const auto task = codec::task::parse_task(name, json))
      next.emplace(name, Wish{json, {name, task->generation, 0, task->stop_grace}});
  }
  if (std::ranges::equal(next, wishes_, [](const auto& a, const auto& b) { return a.first == b.first && a.second.json == b.second.json; })) return;
  std::vector<std::string> withdrawn;
  for (const auto& [name, wish] : wishes_)
    if (!next.contains(name) && held_.contains(name)) withdrawn.push_back(name);
  wishes_ = std::move(next);
  for (const std::string& name : withdrawn) say(documents_.withdraw(name));
  // A holder's word of another value under the same claim.
  for (const auto& [name, wish] : wishes_)
    if (const auto held = held_.find(name); held != held_.end() && held->second.task.generation == wish.task.generation)
      say(documents_.say(name, held->second.task.generation, held->second.task.epoch, wish.json));
  own();
}

void Site::ended(const std::string& task) { step(engine::SiteEnded{task}); }

void Site::give_up(const std::string& task) {
  if (wishes_.contains(task) || !held_.contains(task)) return;
  base::log::warn("site", "gives up a task that it cannot run", {{"task", task}});
  unfit_[task] = world_.loop().now() + unfit_for;
  own_soon();
}

void Site::connected() {
  for (auto& [name, held] : held_) held.told.reset();
}

void Site::contact(base::Instant sent) {
  std::vector<std::string> over;
  for (auto& [name, held] : held_) {
    if (wishes_.contains(name) || !held.running || sent < held.since + look_every) continue;
    if (!held.told) held.told = sent;
    if (sent >= *held.told + config_.unclaimed) over.push_back(name);
  }
  for (const std::string& name : over) {
    base::log::warn("site", "the cloud was told of a task and does not wish for it here: it ends", {{"task", name}});
    say(documents_.withdraw(name));
  }
  if (!over.empty()) own();
}

void Site::opened(const std::string& member) {
  documents_.each([&](const engine::SiteDocument& document) { links_->send(member, document); });
  if (last_) links_->send(member, *last_);
}

void Site::received(const std::string& member, engine::SiteFrame frame) {
  heard_[member] = world_.loop().now();
  if (auto* const beat = std::get_if<engine::SiteBeat>(&frame)) return step(engine::SiteHeard{std::move(*beat)});
  if (auto* const document = std::get_if<engine::SiteDocument>(&frame); document != nullptr && documents_.take(std::move(*document)))
    own_soon();
}

// ---- seen from outside ----

void Site::make_metrics(base::Registry& metrics) {
  taken_ = &metrics.counter("selvedge_site_taken_total", "Tasks that this node took over from another of its site.");
  metrics.gauge_from("selvedge_site_held", "Tasks of the site that are this node's to run.", [this] { return static_cast<double>(held_.size()); });
  metrics.gauge_from("selvedge_site_fenced", "1 while too few members of the site hear this node.",
                     [this] { return view_ && !view_->fenced() ? 0.0 : 1.0; });
  metrics.gauge_from("selvedge_site_heard", "Other members of the site that were heard of in the last two seconds.", [this] {
    const base::Instant now = world_.loop().now();
    return static_cast<double>(std::ranges::count_if(heard_, [&](const auto& one) { return now - one.second < std::chrono::seconds(2); }));
  });
}

std::string Site::status_json() const {
  const base::Instant now = world_.loop().now();
  base::JsonWriter json;
  json.begin_object().field("name", config_.name).field("fenced", !view_ || view_->fenced()).key("members").begin_array();
  for (const auto& [name, at] : config_.members) {
    json.begin_object().field("name", name);
    if (name == config_.self) {
      json.field("self", true).end_object();
      continue;
    }
    json.field("connected", links_->connected(name));
    if (const auto heard = heard_.find(name); heard != heard_.end())
      json.field("heard_seconds_ago", std::chrono::duration<double>(now - heard->second).count());
    json.end_object();
  }
  json.end_array().key("tasks").begin_array();
  if (view_)
    view_->each([&](const engine::SiteVote& vote) {
      json.begin_object().field("name", vote.task.name).field("node", vote.node).field("generation", vote.task.generation).field("epoch", vote.task.epoch).end_object();
    });
  return json.end_array().end_object().take();
}

}  // namespace selvedge::node
