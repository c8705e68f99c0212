// TopicMap: what becomes of a published message: readings, and under which names, or nothing.
//
// Rules are tried in order and the first whose filter matches the topic decides. Without one the
// message is plain broker traffic. What a topic came to is remembered for the topics seen lately, so
// that a message on a known topic costs one look-up and no allocation.
//
// Templates of names hold {topic}, {1} (its first level), {2}, ..., {device}, {client} and {field}
// (the name that the payload gave the reading). A series template without {field} ends in
// "/{field}"; where {field} is empty the '/' before it, or else behind it, goes away with it.
//
// Bounds: most_rules, and 2 * cached_topics topics of at most 1 KiB that are remembered. Belongs to
// one thread; no clock, no I/O.

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/payload/payload.h"

namespace selvedge::engine {

inline constexpr std::size_t most_rules = 1000;
inline constexpr std::size_t most_series_name_bytes = 512;

struct TopicRule {
  enum class Action : std::uint8_t { readings, ignore };

  std::string filter;                  // of MQTT; '#' and '+' in front do not match '$' topics
  Action action = Action::readings;
  codec::payload::Options payload;
  std::string series;                  // template; empty: "{topic}/{field}"
  std::string device;                  // template without {field}; empty: "{device}"
};

// Every topic that does not begin with '$', its payload's format told by looking at it.
std::vector<TopicRule> default_topic_rules();

// Code::invalid_input names the rule and says what is wrong: a bad filter, an unknown placeholder, a
// level that the filter does not promise, options that do not go together.
base::Result<void> validate(const std::vector<TopicRule>& rules);

// A message, as far as its names go.
struct TopicSource {
  std::string_view topic;
  std::string_view device;             // who the host says published it
  std::string_view client;             // its MQTT client id
};

// What a topic came to. The views live until the next look-up, and no longer than the source's.
struct TopicMatch {
  enum class Outcome : std::uint8_t {
    no_rule,                           // plain broker traffic
    ignored,                           // a rule says so
    readings,
  };

  Outcome outcome = Outcome::no_rule;
  std::uint32_t rule = 0;              // its place in the list; not with no_rule
  const codec::payload::Options* payload = nullptr;  // with readings; lives as long as the map
  std::string_view device;
  std::string_view before_field, after_field;
  const char* problem = nullptr;       // why no name can be made of this topic
};

// The name of the series of one reading, into `name` (replaced; its memory is reused).
// Code::invalid_input if it would be empty, longer than 512 bytes or hold control characters.
base::Result<void> name_series(const TopicMatch& match, std::string_view field, std::string& name);

class TopicMap {
 public:
  static base::Result<TopicMap> create(std::vector<TopicRule> rules,
                                       std::uint32_t cached_topics = 10'000);
  TopicMap(TopicMap&&) noexcept;
  TopicMap& operator=(TopicMap&&) noexcept;
  ~TopicMap();

  TopicMatch look_up(const TopicSource& source);

  const std::vector<TopicRule>& rules() const;
  std::size_t remembered() const;      // topics; for metrics

 private:
  struct State;
  explicit TopicMap(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace selvedge::engine
