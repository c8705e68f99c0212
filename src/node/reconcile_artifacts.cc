#include "node/reconcile_artifacts.h"

#include <algorithm>

#include "base/text.h"
#include "codec/json/value.h"

namespace selvedge::node {

using base::Code;
using base::Result;
using Outcome = engine::Finished::Outcome;

namespace {

constexpr base::Duration told_pause = std::chrono::seconds(1);

Result<ArtifactWish> parse(const std::string& name, const std::string& json) {
  const auto value = TRY(codec::json::parse(json, 64 << 10));
  if (!value.is_object()) return base::fail(Code::invalid_input, "expected an object with a version");
  ArtifactWish wish;
  wish.name = name;
  for (const auto& [key, member] : value.object()) {
    if (key == "version") {
      if (!member.is_integer() || member.integer() < 1)
        return base::fail(Code::invalid_input, "version: expected a whole number from 1");
      wish.version = static_cast<std::uint64_t>(member.integer());
    } else if (key == "digest") {
      const auto bytes = base::from_hex(member.text());
      model::Sha256 digest{};
      if (!bytes || bytes->size() != digest.size())
        return base::fail(Code::invalid_input, "digest: expected SHA-256 in hex");
      std::ranges::copy(*bytes, digest.begin());
      wish.digest = digest;
    } else if (key == "pinned") {
      if (!member.is_boolean()) return base::fail(Code::invalid_input, "pinned: expected true or false");
      wish.pin = member.boolean() ? store::Pin::yes : store::Pin::no;
    } else if (key == "priority") {
      if (!member.is_integer() || member.integer() < 0 || member.integer() > 9)
        return base::fail(Code::invalid_input, "priority: expected 0 to 9");
      wish.priority = static_cast<std::uint8_t>(member.integer());
    } else {
      return base::fail(Code::invalid_input, "'" + base::printable(key) +
                                                 "' is not one of version, digest, pinned, priority");
    }
  }
  if (wish.version == 0) return base::fail(Code::invalid_input, "version is missing");
  return wish;
}

Outcome outcome_of(Code code) {
  switch (code) {
    case Code::invalid_input: return Outcome::impossible;
    case Code::unavailable:                      // no link
    case Code::exhausted: return Outcome::unavailable;   // no room: others may go
    default: return Outcome::failed;
  }
}

}  // namespace

engine::KindRule ArtifactKind::rule() const {
  engine::KindRule rule{.kind = "artifact", .parallel = 4, .attempts = 8};
  rule.backoff_first = std::chrono::seconds(2);
  // The fetcher waits for links and times out by itself.
  rule.stall = base::Duration(0);
  return rule;
}

void ArtifactKind::start(const engine::StartAction& action, Done done) {
  const std::string& name = action.key.name;
  if (!action.value) {
    fetcher_.release(name);
    seen_.erase(name);
    return done({});
  }
  auto wish = parse(name, *action.value);
  if (!wish) return done({Outcome::impossible, wish.error().message});
  Seen& seen = seen_[name];
  seen = {};
  seen.action = action.action;
  fetcher_.hold(
      std::move(*wish),
      [this, name, number = action.action, done = std::move(done),
       weak = std::weak_ptr<bool>(alive_)](Result<HeldArtifact> held) {
        if (weak.expired()) return;
        const auto at = seen_.find(name);
        if (at != seen_.end() && at->second.action == number) {
          at->second.action = 0;
          if (held) {
            at->second.have = at->second.size = held->size;
            at->second.held = *held;
          }
        }
        if (at != seen_.end() && !held && held.error().code == Code::conflict) seen_.erase(at);
        if (held) return done({});
        done({held.error().code == Code::conflict ? Outcome::cancelled : outcome_of(held.error().code),
              held.error().message});
      },
      [this, name, number = action.action, weak = std::weak_ptr<bool>(alive_)](
          std::uint64_t have, std::uint64_t size) {
        if (!weak.expired()) progress(name, number, have, size);
      });
}

void ArtifactKind::cancel(const engine::CancelAction& action) { fetcher_.cancel(action.key.name); }

void ArtifactKind::progress(const std::string& name, std::uint64_t action, std::uint64_t have,
                            std::uint64_t size) {
  const auto at = seen_.find(name);
  if (at == seen_.end() || at->second.action != action) return;
  at->second.have = have;
  at->second.size = size;
  if (loop_.now() - at->second.told < told_pause) return;
  at->second.told = loop_.now();
  progressed(name, action);
}

void ArtifactKind::report(const engine::ItemReport& report, std::vector<ReportedLeaf>& leaves) const {
  const std::string path = status_path(report.key.name);
  const auto at = seen_.find(report.key.name);
  if (at == seen_.end()) return;
  const Seen& seen = at->second;
  leaves.push_back({path + "/have", std::to_string(seen.have)});
  if (seen.size > 0) leaves.push_back({path + "/size", std::to_string(seen.size)});
  if (report.state != engine::ItemState::applied || !seen.held || !report.value) return;
  leaves.push_back({path + "/version", std::to_string(seen.held->version)});
  leaves.push_back({path + "/kind", json_text(seen.held->kind)});
  const auto wish = codec::json::parse(*report.value, 64 << 10);
  if (!wish) return;
  // As it was wished, so that the wish is no longer standing; else as it is.
  const std::string digest = (*wish)["digest"].text();
  leaves.push_back({path + "/digest", json_text(digest.empty() ? base::to_hex(seen.held->digest) : digest)});
  const codec::json::Value& pinned = (*wish)["pinned"];
  leaves.push_back({path + "/pinned", pinned.is_boolean() ? (pinned.boolean() ? "true" : "false") : ""});
  const codec::json::Value& priority = (*wish)["priority"];
  leaves.push_back({path + "/priority", priority.is_integer() ? std::to_string(priority.integer()) : ""});
}

}  // namespace selvedge::node
