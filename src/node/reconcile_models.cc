#include "node/reconcile_models.h"

#include <algorithm>
#include <cmath>

#include "base/json.h"
#include "base/log.h"
#include "base/text.h"
#include "codec/json/value.h"

namespace selvedge::node {

using base::Code;
using base::fail;
using base::Result;
using Outcome = engine::Finished::Outcome;

namespace {

constexpr base::Duration told_pause = std::chrono::seconds(1);
constexpr std::size_t most_also = 8;

Result<std::uint64_t> version_of(const codec::json::Value& value, const char* what) {
  if (!value.is_integer() || value.integer() < 1)
    return fail(Code::invalid_input, std::string(what) + ": expected a whole number from 1");
  return static_cast<std::uint64_t>(value.integer());
}

// Of bringing the artifact: as for any other.
Outcome of_fetching(Code code) {
  switch (code) {
    case Code::invalid_input: return Outcome::impossible;
    case Code::conflict: return Outcome::cancelled;
    case Code::unavailable:
    case Code::exhausted: return Outcome::unavailable;
    default: return Outcome::failed;
  }
}

// Of loading it: no runtime and no room may pass, and so may a disk that lost a chunk; a package that
// is damaged or does not do what it should stays so.
Outcome of_loading(Code code) {
  switch (code) {
    case Code::unavailable:
    case Code::exhausted: return Outcome::unavailable;
    case Code::not_found:
    case Code::denied:
    case Code::internal: return Outcome::failed;
    default: return Outcome::impossible;
  }
}

}  // namespace

std::set<std::uint64_t> ModelWish::versions() const {
  std::set<std::uint64_t> all = also;
  all.insert(version);
  return all;
}

Result<ModelWish> parse_model_wish(const std::string& json) {
  const auto value = TRY(codec::json::parse(json, 64 << 10));
  if (!value.is_object()) return fail(Code::invalid_input, "expected an object with a version");
  ModelWish wish;
  for (const auto& [key, member] : value.object()) {
    if (key == "version") {
      wish.version = TRY(version_of(member, "version"));
    } else if (key == "digest") {
      const auto bytes = base::from_hex(member.text());
      model::Sha256 digest{};
      if (!bytes || bytes->size() != digest.size()) return fail(Code::invalid_input, "digest: expected SHA-256 in hex");
      std::ranges::copy(*bytes, digest.begin());
      wish.digest = digest;
    } else if (key == "priority") {
      if (!member.is_integer() || member.integer() < 0 || member.integer() > 9)
        return fail(Code::invalid_input, "priority: expected 0 to 9");
      wish.priority = static_cast<std::uint8_t>(member.integer());
    } else if (key == "also") {
      if (!member.is_array() || member.array().size() > most_also)
        return fail(Code::invalid_input, "also: expected an array of at most 8 versions");
      for (const auto& one : member.array()) wish.also.insert(TRY(version_of(one, "also")));
    } else {
      return fail(Code::invalid_input, "'" + base::printable(key) + "' is not one of version, digest, priority, also");
    }
  }
  if (wish.version == 0) return fail(Code::invalid_input, "version is missing");
  wish.also.erase(wish.version);
  return wish;
}

engine::KindRule ModelKind::rule() const {
  engine::KindRule rule{.kind = "model", .parallel = 4, .attempts = 4};
  rule.backoff_first = std::chrono::seconds(2);
  rule.stall = base::Duration(0);                  // the fetcher waits for links by itself
  // A model that takes the whole program down must not do so without bound.
  rule.count = engine::KindRule::Count::before_start;
  rule.good = engine::KindRule::Good::kept;
  return rule;
}

void ModelKind::restore(const engine::Twin& twin, const std::map<std::string, std::string>& good) {
  wished(twin, [&](const std::string& name, const std::string& value) {
    const auto at = good.find(name);
    if (at == good.end()) return;
    const auto wish = parse_model_wish(at->second);
    if (!wish) return;
    items_[name].applied = wish->versions();
    // The same wish is the reconciler's to make true, which counts how often it was tried.
    if (at->second != value) bring_back(name, {});
  });
}

// What worked last and does not serve, but for versions that will be loaded anyway.
void ModelKind::bring_back(const std::string& name, const std::set<std::uint64_t>& anyway) {
  for (const std::uint64_t version : items_[name].applied) {
    if (anyway.contains(version) || held_.models().find(name, version)) continue;
    held_.load(name, version, HeldModels::Older::stays, [name, version](const Result<model::Sha256>& loaded) {
      if (!loaded)
        base::log::warn("models", "what served before does not come back",
                        {{"model", name}, {"version", version}, {"why", loaded.error()}});
    });
  }
}

ModelKind::Wanted* ModelKind::current(const std::string& name, std::uint64_t action) {
  const auto at = items_.find(name);
  return at != items_.end() && at->second.action == action ? &at->second : nullptr;
}

void ModelKind::start(const engine::StartAction& action, Done done) {
  const std::string& name = action.key.name;
  if (!action.value) return remove(name, std::move(done));
  auto wish = parse_model_wish(*action.value);
  Wanted& item = items_[name];
  // What was wished before serves on.
  if (!wish) return done({Outcome::impossible, wish.error().message});
  item.action = action.action;
  item.done = std::move(done);
  item.wish = std::move(*wish);
  item.trouble.reset();
  item.have = item.size = 0;
  note_what_stayed(name);
  // Oldest first: once a newer one was taken, an older one can only stay.
  const auto versions = item.wish.versions();
  bring_back(name, versions);
  item.left.assign(versions.rbegin(), versions.rend());
  next(name, action.action);
}

void ModelKind::remove(const std::string& name, Done done) {
  items_.erase(name);
  fetcher_.release(name);
  drop_others(name, {});
  done({});
}

void ModelKind::next(const std::string& name, std::uint64_t action) {
  Wanted* const item = current(name, action);
  if (item == nullptr) return;
  if (item->left.empty()) return finish(name);
  const std::uint64_t version = item->left.back();
  item->left.pop_back();
  // The one that is wished for is always asked of the fetcher, which verifies it and keeps it.
  if (version != item->wish.version && item->stayed.contains(version) && held_.is_whole(name, version))
    return load(name, action, version);
  fetch(name, action, version);
}

void ModelKind::fetch(const std::string& name, std::uint64_t action, std::uint64_t version) {
  Wanted& item = items_[name];
  ArtifactWish wish{.name = name, .version = version, .digest = {}, .pin = store::Pin::yes,
                    .priority = item.wish.priority, .deadline = {}};
  if (version == item.wish.version) wish.digest = item.wish.digest;
  const std::weak_ptr<bool> weak = alive_;
  fetcher_.hold(
      std::move(wish),
      [this, weak, name, action, version](const Result<HeldArtifact>& held) {
        if (weak.expired()) return;
        if (const auto at = items_.find(name); held && at != items_.end() && at->second.wish.versions().contains(version))
          at->second.stayed.insert(version);
        keep_on_disk(name);
        if (!held) return failed(name, action, version, {of_fetching(held.error().code), held.error().message});
        if (Wanted* const now = current(name, action)) now->have = now->size = held->size;
        load(name, action, version);
      },
      [this, weak, name, action](std::uint64_t have, std::uint64_t size) {
        if (!weak.expired()) progress(name, action, have, size);
      });
}

void ModelKind::load(const std::string& name, std::uint64_t action, std::uint64_t version) {
  if (current(name, action) == nullptr) return;
  held_.load(name, version, HeldModels::Older::stays, [this, weak = std::weak_ptr<bool>(alive_), name, action,
                             version](const Result<model::Sha256>& loaded) {
    if (weak.expired()) return;
    Wanted* const item = current(name, action);
    if (item == nullptr) {
      // The wish has changed meanwhile: only what is still wanted stays.
      const auto at = items_.find(name);
      if (at == items_.end() || (!at->second.applied.contains(version) && !at->second.wish.versions().contains(version)))
        held_.models().unload({name, version}, [] {});
      return;
    }
    if (!loaded) return failed(name, action, version, {of_loading(loaded.error().code), loaded.error().message});
    if (version == item->wish.version) item->digest = *loaded;
    next(name, action);
  });
}

// The first trouble is what is told; the other versions come all the same.
void ModelKind::failed(const std::string& name, std::uint64_t action, std::uint64_t version, ActionEnd end) {
  Wanted* const item = current(name, action);
  if (item == nullptr) return;
  if (version != item->wish.version) end.reason = "version " + std::to_string(version) + ": " + end.reason;
  if (!item->trouble) item->trouble = std::move(end);
  if (item->trouble->outcome == Outcome::cancelled) return finish(name);
  next(name, action);
}

void ModelKind::finish(const std::string& name) {
  Wanted& item = items_[name];
  item.action = 0;
  const Done done = std::exchange(item.done, nullptr);
  if (item.trouble) return done(*item.trouble);
  item.applied = item.wish.versions();
  drop_others(name, item.applied);
  done({});
}

void ModelKind::cancel(const engine::CancelAction& action) {
  const std::string& name = action.key.name;
  Wanted* const item = current(name, action.action);
  if (item == nullptr) return;
  item->action = 0;                                // whatever comes of it is not asked for any more
  const Done done = std::exchange(item->done, nullptr);
  fetcher_.cancel(name);
  done({Outcome::cancelled, ""});
}

// What was released may still be on the disk, and has gone all the same: else a wish for a newer
// version that never comes would bring it back.
void ModelKind::note_what_stayed(const std::string& name) {
  Wanted& item = items_[name];
  const auto versions = item.wish.versions();
  std::erase_if(item.stayed, [&](std::uint64_t version) { return !versions.contains(version); });
  for (const std::uint64_t version : versions)
    if (item.applied.contains(version)) item.stayed.insert(version);
  for (const store::StoredArtifact& stored : store_.list())
    if (stored.entry.name == name && (stored.held || stored.entry.pinned) && versions.contains(stored.entry.version))
      item.stayed.insert(stored.entry.version);
}

// The fetcher keeps one version of a name; what serves beside it must stay too.
void ModelKind::keep_on_disk(const std::string& name) {
  const auto at = items_.find(name);
  if (at == items_.end()) return;
  std::set<std::uint64_t> kept = at->second.applied;
  kept.insert(at->second.stayed.begin(), at->second.stayed.end());
  for (const std::uint64_t version : kept)
    if (held_.is_whole(name, version)) store_.hold(name, version, store::Pin::yes);
}

void ModelKind::drop_others(const std::string& name, const std::set<std::uint64_t>& wanted) {
  for (const serving::ModelStatus& status : held_.models().list())
    if (status.key.name == name && !wanted.contains(status.key.version)) held_.models().unload(status.key, [] {});
  for (const store::StoredArtifact& stored : store_.list())
    if (stored.entry.name == name && stored.entry.kind == model_kind && !wanted.contains(stored.entry.version) &&
        (stored.held || stored.entry.pinned))
      store_.release(name, stored.entry.version);
}

void ModelKind::progress(const std::string& name, std::uint64_t action, std::uint64_t have, std::uint64_t size) {
  Wanted* const item = current(name, action);
  if (item == nullptr) return;
  item->have = have;
  item->size = size;
  if (loop_.now() - item->told < told_pause) return;
  item->told = loop_.now();
  progressed(name, action);
}

void ModelKind::report(const engine::ItemReport& report, std::vector<ReportedLeaf>& leaves) const {
  const std::string& name = report.key.name;
  const std::string path = status_path(name);
  const auto at = items_.find(name);
  if (at == items_.end()) return;
  base::JsonWriter versions;
  std::uint64_t memory = 0;
  double load_ms = 0;
  versions.begin_array();
  for (const serving::ModelStatus& status : held_.models().list()) {
    if (status.key.name != name || status.state != serving::ModelState::serving) continue;
    versions.value(status.key.version);
    memory += status.memory;
    load_ms = std::round(static_cast<double>(status.load_time.count()) / 1e5) / 10;
  }
  leaves.push_back({path + "/serving", versions.end_array().take()});
  leaves.push_back({path + "/memory", std::to_string(memory)});
  if (at->second.size > 0) {
    leaves.push_back({path + "/have", std::to_string(at->second.have)});
    leaves.push_back({path + "/size", std::to_string(at->second.size)});
  }
  if (report.state != engine::ItemState::applied || !report.value) return;
  const auto wish = codec::json::parse(*report.value, 64 << 10);
  if (!wish) return;
  leaves.push_back({path + "/load_ms", base::to_text(load_ms)});
  leaves.push_back({path + "/version", std::to_string(at->second.wish.version)});
  // As it was wished, so that the wish is no longer standing; else as it is.
  const std::string digest = (*wish)["digest"].text();
  const std::string is = at->second.digest ? base::to_hex(*at->second.digest) : "";
  leaves.push_back({path + "/digest", json_text(digest.empty() ? is : digest)});
  for (const char* member : {"priority", "also"}) {
    const codec::json::Value& value = (*wish)[member];
    base::JsonWriter json;
    if (!value.is_null()) codec::json::write(value, json);
    leaves.push_back({path + "/" + member, json.take()});
  }
}

}  // namespace selvedge::node
