// Settings: what a program can be told, from where, and what it was told.
//
// A program binds each key to a field of a plain struct; the field's present value is the default.
// load() then reads the layers, each over the one before: default < file < environment < flag. The
// environment variable of "mqtt.listen" is SELVEDGE_MQTT_LISTEN, its flag --set mqtt.listen=VALUE.
// A key that nobody bound is an error with a suggestion, so that a typing error cannot hide. After
// load(), explain() says every value and the layer it came from.
//
// Errors name the file and line. Used at start, on one thread.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace selvedge::settings {

// A size in bytes that reads and prints as "64MiB".
struct Size {
  std::uint64_t bytes = 0;
};

struct Layers {
  std::string file_name;                           // for messages; empty: no file
  std::string file_text;                           // TOML
  std::map<std::string, std::string> environment;  // names beginning with SELVEDGE_ are looked at
  std::vector<std::pair<std::string, std::string>> flags;  // key, value
};

class Settings {
 public:
  // `help` is one sentence for the reference page and --check.
  void bind(std::string key, std::string& into, std::string help);
  void bind(std::string key, bool& into, std::string help);
  void bind(std::string key, std::vector<std::string>& into, std::string help);
  void bind(std::string key, base::Duration& into, std::string help);
  void bind(std::string key, Size& into, std::string help);
  // Whole numbers within [low, high].
  template <typename Int>
    requires std::is_integral_v<Int>
  void bind(std::string key, Int& into, std::string help, std::int64_t low, std::int64_t high) {
    bind_integer(
        std::move(key), [&into] { return static_cast<std::int64_t>(into); },
        [&into](std::int64_t v) { into = static_cast<Int>(v); }, std::move(help), low, high);
  }
  // One of a set of words; `parse` is asked, and its error shown.
  void bind_word(std::string key, std::string& into, std::vector<std::string> words,
                 std::string help);
  // An array of tables: `element` is called for each, to bind the keys of a new element.
  void bind_each(std::string key, std::function<void(Settings&)> element, std::string help);

  base::Result<void> load(const Layers& layers);
  // Sets one key, or adds to the list of a bind_each key, from JSON, by the rules of the file.
  // Code::invalid_input says what is wrong; the field may then be half set, so do this on a copy.
  base::Result<void> apply_json(const std::string& key, std::string_view json, std::string from);
  // Keys of either kind of bind that may be changed while the program runs.
  void mark_live(std::span<const std::string_view> keys);
  // Says where the value of a key came from, for explained(): of values that were loaded elsewhere.
  void set_source(const std::string& key, std::string from);

  struct Explained {
    std::string key, value, from, help;
    bool live = false;                             // may be changed while the program runs
  };
  std::vector<Explained> explained() const;

  Settings();
  ~Settings();
  Settings(Settings&&) noexcept;

 private:
  struct Entry;
  struct Each;
  struct Impl;

  void bind_integer(std::string key, std::function<std::int64_t()> read,
                    std::function<void(std::int64_t)> write, std::string help, std::int64_t low,
                    std::int64_t high);
  base::Result<void> apply_text(const std::string& key, const std::string& value,
                                const std::string& from);

  std::unique_ptr<Impl> impl_;
};

// "key = value    # from: help" for people; aligned.
std::string to_text(const std::vector<Settings::Explained>& explained);
std::string to_json(const std::vector<Settings::Explained>& explained);

}  // namespace selvedge::settings
