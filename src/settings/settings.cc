#include "settings/settings.h"

#define TOML_EXCEPTIONS 0
// What its parser asserts is not always so (a header "[)" aborts), and it goes on to say the error.
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

#include <algorithm>
#include <sstream>

#include "base/json.h"
#include "base/text.h"
#include "codec/json/value.h"

namespace selvedge::settings {

using base::Code;
using base::fail;
using base::Result;

// How one key is read from each layer and printed.
struct Settings::Entry {
  std::string key, help, from = "default";
  std::function<Result<void>(const toml::node&)> from_toml;
  std::function<Result<void>(const std::string&)> from_text;
  std::function<std::string()> print;
  bool live = false;
};

struct Settings::Each {
  std::string key, help;
  std::function<void(Settings&)> element;
  std::vector<Settings> elements;
  bool live = false;
};

struct Settings::Impl {
  std::vector<Entry> entries;
  std::vector<Each> each;

  Entry* find(std::string_view key) {
    const auto at = std::ranges::find(entries, key, &Entry::key);
    return at == entries.end() ? nullptr : &*at;
  }
  using Source = std::function<std::string(const toml::node&)>;
  // Sets what the table says; `source` names the place of each value.
  Result<void> take(const toml::table& table, const Source& source);
  Result<void> take(const std::string& key, const toml::node& node, const Source& source);
  std::unexpected<base::Error> unknown(const std::string& from, const std::string& key) const;
};

namespace {

std::string quoted(std::string_view text) {
  base::JsonWriter json;
  json.value(text);
  return json.take();
}

Result<std::string> text_of(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  return fail(Code::invalid_input, "expected a text in quotes");
}

Result<bool> parse_bool(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on" || text == "1") return true;
  if (text == "false" || text == "no" || text == "off" || text == "0") return false;
  return fail(Code::invalid_input, "expected true or false");
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view part = text.substr(0, comma);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

std::string environment_name(std::string_view key) {
  std::string name = "SELVEDGE_";
  for (const char c : key)
    name += c == '.' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

std::string place(const std::string& file, const toml::node& node) {
  return file + ":" + std::to_string(node.source().begin.line);
}

}  // namespace

Settings::Settings() : impl_(std::make_unique<Impl>()) {}
Settings::~Settings() = default;
Settings::Settings(Settings&&) noexcept = default;

void Settings::bind(std::string key, std::string& into, std::string help) {
  impl_->entries.push_back({std::move(key), std::move(help), "default",
                            [&into](const toml::node& node) -> Result<void> {
                              into = TRY(text_of(node));
                              return {};
                            },
                            [&into](const std::string& text) -> Result<void> {
                              into = text;
                              return {};
                            },
                            [&into] { return quoted(into); }});
}

void Settings::bind(std::string key, bool& into, std::string help) {
  impl_->entries.push_back({std::move(key), std::move(help), "default",
                            [&into](const toml::node& node) -> Result<void> {
                              const auto* value = node.as_boolean();
                              if (value == nullptr)
                                return fail(Code::invalid_input, "expected true or false");
                              into = value->get();
                              return {};
                            },
                            [&into](const std::string& text) -> Result<void> {
                              into = TRY(parse_bool(text));
                              return {};
                            },
                            [&into] { return std::string(into ? "true" : "false"); }});
}

void Settings::bind(std::string key, std::vector<std::string>& into, std::string help) {
  impl_->entries.push_back({std::move(key), std::move(help), "default",
                            [&into](const toml::node& node) -> Result<void> {
                              const auto* array = node.as_array();
                              if (array == nullptr)
                                return fail(Code::invalid_input, "expected an array of texts");
                              std::vector<std::string> values;
                              for (const auto& item : *array) values.push_back(TRY(text_of(item)));
                              into = std::move(values);
                              return {};
                            },
                            [&into](const std::string& text) -> Result<void> {
                              into = split(text);
                              return {};
                            },
                            [&into] {
                              base::JsonWriter json;
                              json.begin_array();
                              for (const std::string& value : into) json.value(value);
                              return json.end_array().take();
                            }});
}

void Settings::bind(std::string key, base::Duration& into, std::string help) {
  const auto read = [&into](const std::string& text) -> Result<void> {
    into = TRY(base::parse_duration(text));
    return {};
  };
  impl_->entries.push_back({std::move(key), std::move(help), "default",
                            [read](const toml::node& node) -> Result<void> {
                              return read(TRY(text_of(node)));
                            },
                            read, [&into] { return quoted(base::to_string(into)); }});
}

void Settings::bind(std::string key, Size& into, std::string help) {
  const auto read = [&into](const std::string& text) -> Result<void> {
    into.bytes = TRY(base::parse_size(text));
    return {};
  };
  impl_->entries.push_back({std::move(key), std::move(help), "default",
                            [&into, read](const toml::node& node) -> Result<void> {
                              if (const auto* whole = node.as_integer(); whole && whole->get() >= 0) {
                                into.bytes = static_cast<std::uint64_t>(whole->get());
                                return {};
                              }
                              return read(TRY(text_of(node)));
                            },
                            read, [&into] { return quoted(base::size_text(into.bytes)); }});
}

void Settings::bind_integer(std::string key, std::function<std::int64_t()> read,
                            std::function<void(std::int64_t)> write, std::string help,
                            std::int64_t low, std::int64_t high) {
  const auto set = [write = std::move(write), low, high](std::int64_t value) -> Result<void> {
    if (value < low || value > high)
      return fail(Code::invalid_input, std::to_string(value) + " is not within " +
                                           std::to_string(low) + " to " + std::to_string(high));
    write(value);
    return {};
  };
  impl_->entries.push_back({std::move(key), std::move(help), "default",
                            [set](const toml::node& node) -> Result<void> {
                              const auto* whole = node.as_integer();
                              if (whole == nullptr)
                                return fail(Code::invalid_input, "expected a whole number");
                              return set(whole->get());
                            },
                            [set](const std::string& text) -> Result<void> {
                              const auto value = base::parse_int(text);
                              if (!value) return fail(Code::invalid_input, "expected a whole number");
                              return set(*value);
                            },
                            [read = std::move(read)] { return std::to_string(read()); }});
}

void Settings::bind_word(std::string key, std::string& into, std::vector<std::string> words,
                         std::string help) {
  const auto set = [&into, words = std::move(words)](const std::string& text) -> Result<void> {
    if (std::ranges::find(words, text) == words.end()) {
      std::string all;
      for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
      return fail(Code::invalid_input, "'" + base::printable(text) + "' is not one of " + all);
    }
    into = text;
    return {};
  };
  impl_->entries.push_back({std::move(key), std::move(help), "default",
                            [set](const toml::node& node) -> Result<void> {
                              return set(TRY(text_of(node)));
                            },
                            set, [&into] { return quoted(into); }});
}

void Settings::bind_each(std::string key, std::function<void(Settings&)> element,
                         std::string help) {
  impl_->each.push_back({std::move(key), std::move(help), std::move(element), {}});
}

namespace {

// Visits every leaf of a table under its dotted key; arrays of tables are visited whole.
void each_leaf(const toml::table& table, const std::string& prefix,
               const std::function<void(const std::string&, const toml::node&)>& visit) {
  for (const auto& [name, node] : table) {
    const std::string key = prefix + std::string(name.str());
    if (const auto* inner = node.as_table()) each_leaf(*inner, key + ".", visit);
    else visit(key, node);
  }
}

}  // namespace

std::unexpected<base::Error> Settings::Impl::unknown(const std::string& from,
                                                     const std::string& key) const {
  std::vector<std::string> known;
  for (const Each& one : each) known.push_back(one.key);
  for (const Entry& entry : entries) known.push_back(entry.key);
  const auto near = base::did_you_mean(key, known);
  return fail(Code::invalid_input, from + ": unknown setting '" + base::printable(key) + "'" +
                                       (near ? "; did you mean '" + *near + "'?" : ""));
}

Result<void> Settings::Impl::take(const toml::table& table, const Source& source) {
  Result<void> outcome;
  each_leaf(table, "", [&](const std::string& key, const toml::node& node) {
    if (outcome) outcome = take(key, node, source);
  });
  return outcome;
}

Result<void> Settings::Impl::take(const std::string& key, const toml::node& node,
                                  const Source& source) {
  const std::string from = source(node);
  if (Entry* entry = find(key)) {
    TRY(base::while_doing(from + ": " + key, entry->from_toml(node)));
    entry->from = from;
    return {};
  }
  const auto at = std::ranges::find(each, key, &Each::key);
  if (at == each.end()) return unknown(from, key);
  const auto* array = node.as_array();
  if (array == nullptr || (!array->is_array_of_tables() && !array->empty()))
    return fail(Code::invalid_input, from + ": " + key + ": expected [[" + key + "]]");
  for (const auto& item : *array) {
    Settings& element = at->elements.emplace_back();
    at->element(element);
    TRY(element.impl_->take(*item.as_table(), source));
  }
  return {};
}

Result<void> Settings::apply_text(const std::string& key, const std::string& value,
                                  const std::string& from) {
  Entry* entry = impl_->find(key);
  if (entry == nullptr) return impl_->unknown(from, key);
  TRY(base::while_doing(from + ": " + key, entry->from_text(value)));
  entry->from = from;
  return {};
}

Result<void> Settings::load(const Layers& layers) {
  if (!layers.file_text.empty()) {
    const toml::parse_result parsed = toml::parse(layers.file_text, layers.file_name);
    if (!parsed) {
      const toml::parse_error& error = parsed.error();
      return fail(Code::invalid_input, layers.file_name + ":" +
                                           std::to_string(error.source().begin.line) + ": " +
                                           std::string(error.description()));
    }
    TRY(impl_->take(parsed.table(), [&](const toml::node& node) {
      return place(layers.file_name, node);
    }));
  }
  for (const Entry& entry : std::vector<Entry>(impl_->entries)) {
    const auto at = layers.environment.find(environment_name(entry.key));
    if (at != layers.environment.end())
      TRY(apply_text(entry.key, at->second, "environment " + at->first));
  }
  for (const auto& [key, value] : layers.flags) TRY(apply_text(key, value, "flag"));
  return {};
}

namespace {

// A JSON value as what the file would have said.
Result<std::unique_ptr<toml::node>> to_toml(const codec::json::Value& json) {
  using Made = std::unique_ptr<toml::node>;
  if (json.is_null()) return fail(Code::invalid_input, "null is no value of a setting");
  if (json.is_boolean()) return Made(new toml::value<bool>(json.boolean()));
  if (json.is_integer()) return Made(new toml::value<std::int64_t>(json.integer()));
  if (json.is_number()) return Made(new toml::value<double>(json.number()));
  if (json.is_text()) return Made(new toml::value<std::string>(json.text()));
  if (json.is_array()) {
    auto array = std::make_unique<toml::array>();
    for (const auto& item : json.array()) array->push_back(*TRY(to_toml(item)));
    return Made(std::move(array));
  }
  auto table = std::make_unique<toml::table>();
  for (const auto& [name, member] : json.object()) table->insert(name, *TRY(to_toml(member)));
  return Made(std::move(table));
}

constexpr std::size_t most_json_bytes = 1 << 20;

}  // namespace

Result<void> Settings::apply_json(const std::string& key, std::string_view json, std::string from) {
  const auto value = TRY(base::while_doing(from + ": " + key, codec::json::parse(json, most_json_bytes)));
  const auto node = TRY(base::while_doing(from + ": " + key, to_toml(value)));
  const auto each = std::ranges::find(impl_->each, key, &Each::key);
  if (each != impl_->each.end()) each->elements.clear();
  return impl_->take(key, *node, [&](const toml::node&) { return from; });
}

void Settings::mark_live(std::span<const std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (Entry* entry = impl_->find(key)) entry->live = true;
    for (Each& each : impl_->each)
      if (each.key == key) each.live = true;
  }
}

void Settings::set_source(const std::string& key, std::string from) {
  if (Entry* entry = impl_->find(key)) entry->from = std::move(from);
}

std::vector<Settings::Explained> Settings::explained() const {
  std::vector<Explained> all;
  for (const Entry& entry : impl_->entries)
    all.push_back({entry.key, entry.print(), entry.from, entry.help, entry.live});
  for (const Each& each : impl_->each) {
    for (std::size_t i = 0; i < each.elements.size(); ++i)
      for (Explained inner : each.elements[i].explained()) {
        inner.key = each.key + "[" + std::to_string(i) + "]." + inner.key;
        inner.live = each.live;
        all.push_back(std::move(inner));
      }
  }
  return all;
}

std::string to_text(const std::vector<Settings::Explained>& explained) {
  std::size_t key_width = 0, value_width = 0;
  for (const auto& e : explained) {
    key_width = std::max(key_width, e.key.size());
    value_width = std::max(value_width, std::min<std::size_t>(e.value.size(), 40));
  }
  std::string text;
  for (const auto& e : explained) {
    std::string line = e.key;
    line.append(key_width - e.key.size(), ' ');
    line += " = " + e.value;
    if (e.value.size() < value_width) line.append(value_width - e.value.size(), ' ');
    text += line + "  # " + e.from + "\n";
  }
  return text;
}

std::string to_json(const std::vector<Settings::Explained>& explained) {
  base::JsonWriter json;
  json.begin_array();
  for (const auto& e : explained)
    json.begin_object()
        .field("key", e.key)
        .key("value")
        .raw(e.value)
        .field("from", e.from)
        .field("live", e.live)
        .field("help", e.help)
        .end_object();
  return json.end_array().take();
}

}  // namespace selvedge::settings
