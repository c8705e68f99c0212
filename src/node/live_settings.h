// LiveSettings: the node's settings as they stand: what file, environment and flags say, and above
// that what the node's twin wishes.
//
// A wish is the JSON value of one key ("log.level": "debug", "topics": [{"filter": ..}]). It goes
// through the rules of the file, together with every other value in force; one that breaks them is
// refused and changes nothing. Only keys that can change while the node runs may be wished
// (live_keys()): a wrong listener or directory would take the node away from whoever could mend it.
// Without its wish a key has the file's value again.
//
// Belongs to the loop thread.

#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "node/config.h"

namespace selvedge::node {

std::span<const std::string_view> live_keys();
// What a wish calls the keys "topic", "aggregate" and "anomaly": the whole list of [[topic]], [[aggregate]] or
// [[anomaly]], as an array.
inline constexpr std::string_view topics_key = "topics", aggregates_key = "aggregates", anomalies_key = "anomalies";

class LiveSettings {
 public:
  // Carries a whole config out; what has not changed may be set again.
  using Apply = std::function<base::Result<void>(const NodeConfig& config)>;

  explicit LiveSettings(NodeConfig base);

  // Wishes that worked in an earlier run, before anything is opened. Those that break the rules of
  // the present file are left out; returns the others.
  std::vector<std::string> restore(const std::map<std::string, std::string>& wishes);
  void on_change(Apply apply) { apply_ = std::move(apply); }

  base::Result<void> set(const std::string& key, std::string_view json);
  base::Result<void> unset(const std::string& key);

  const std::map<std::string, std::string>& wishes() const { return wishes_; }
  const NodeConfig& current() const { return current_; }
  // Each setting as it stands, and where it came from ("twin" for a wish).
  std::vector<settings::Settings::Explained> explained() const;
  // The present value of one key as JSON; empty if there is no such key.
  std::string value(std::string_view key) const;

 private:
  using Wishes = std::map<std::string, std::string>;
  static base::Result<void> check_key(const std::string& key);
  base::Result<NodeConfig> with(const Wishes& wishes) const;
  base::Result<void> change(Wishes wishes);

  NodeConfig base_, current_;
  Wishes wishes_;
  Apply apply_;
};

}  // namespace selvedge::node
