#define TOML_EXCEPTIONS 0
// What its parser asserts is not always so (a header "[)" aborts), and it goes on to say the error.
#define TOML_ASSERT(expression) static_assert(true)
#include <toml++/toml.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"
#include "codec/artifact/documents.h"
#include "infer/description_keys.h"
#include "infer/description_text.h"

namespace selvedge::infer {

using base::Code;
using base::Result;

namespace {

constexpr std::size_t most_bytes = 1 << 20, most_text = 256, most_labels = 100'000, most_golden = 100,
                      most_expected = 1'000;

std::string line_of(const toml::node& node) { return "model.toml:" + std::to_string(node.source().begin.line) + ": "; }

// Reads the keys of one table. The first thing that is wrong is kept, and ends it.
class Keys {
 public:
  Keys(const toml::table& table, std::string prefix, std::optional<base::Error>& error)
      : table_(table), prefix_(std::move(prefix)), error_(error) {}

  void text(const char* key, std::string& into, const std::string&) {
    with(key, [&](const toml::node& node) {
      const auto* value = node.as_string();
      if (value == nullptr) return wrong(node, key, "expected a text in quotes");
      if (value->get().size() > most_text) return wrong(node, key, "longer than " + std::to_string(most_text) + " bytes");
      into = value->get();
    });
  }

  void flag(const char* key, bool& into, bool) {
    with(key, [&](const toml::node& node) {
      if (const auto* value = node.as_boolean()) into = value->get();
      else wrong(node, key, "expected true or false");
    });
  }

  template <typename Number>
  void number(const char* key, Number& into, Number, double low, double high) {
    with(key, [&](const toml::node& node) { take(node, key, into, low, high); });
  }

  template <typename Word, std::size_t n>
  void word(const char* key, Word& into, Word, const std::array<const char*, n>& words) {
    with(key, [&](const toml::node& node) {
      const auto* value = node.as_string();
      const auto at = value == nullptr ? words.end() : std::ranges::find(words, value->get());
      if (at != words.end()) {
        into = Word(at - words.begin());
        return;
      }
      std::string all;
      for (const char* one : words) all += (all.empty() ? "\"" : ", \"") + std::string(one) + "\"";
      wrong(node, key, "expected one of " + all);
    });
  }

  // Three numbers, or one for all three.
  void three(const char* key, std::array<float, 3>& into, const std::array<float, 3>&) {
    with(key, [&](const toml::node& node) {
      const auto* array = node.as_array();
      if (array == nullptr) {
        take(node, key, into[0], -1e9, 1e9);
        into[1] = into[2] = into[0];
      } else if (array->size() != 3) {
        wrong(node, key, "expected one number or three");
      } else {
        for (std::size_t i = 0; i < 3; ++i) take((*array)[i], key, into[i], -1e9, 1e9);
      }
    });
  }

  template <typename Number>
  void list(const char* key, std::vector<Number>& into, const std::vector<Number>&, double low, double high,
            std::size_t most) {
    with(key, [&](const toml::node& node) {
      const auto* array = node.as_array();
      if (array == nullptr) return wrong(node, key, "expected numbers in brackets");
      if (array->size() > most) return wrong(node, key, "more than " + std::to_string(most) + " numbers");
      into.assign(array->size(), Number{});
      for (std::size_t i = 0; i < into.size(); ++i) take((*array)[i], key, into[i], low, high);
    });
  }

  // A table inside; nullptr: not there.
  const toml::table* table(const char* key) {
    const toml::table* found = nullptr;
    with(key, [&](const toml::node& node) {
      found = node.as_table();
      if (found == nullptr) wrong(node, key, "expected a section [" + prefix_ + key + "]");
    });
    return found;
  }

  // Calls `each` with the tables of [[key]].
  template <typename Each>
  void tables(const char* key, std::size_t most, const Each& each) {
    with(key, [&](const toml::node& node) {
      const auto* array = node.as_array();
      if (array == nullptr || (!array->empty() && !array->is_array_of_tables()))
        return wrong(node, key, "expected [[" + prefix_ + key + "]]");
      if (array->size() > most) return wrong(node, key, "more than " + std::to_string(most));
      for (const auto& item : *array) each(*item.as_table());
    });
  }

  template <typename Use>
  void with(const char* key, const Use& use) {
    known_.emplace_back(key);
    if (error_) return;
    if (const toml::node* node = table_.get(key)) use(*node);
  }

  // Every key that was not asked for is a mistake.
  void finish() {
    for (const auto& [name, node] : table_) {
      if (error_ || std::ranges::find(known_, name.str()) != known_.end()) continue;
      const auto near = base::did_you_mean(name.str(), known_);
      error_ = base::Error{Code::invalid_input, line_of(node) + "unknown key '" + prefix_ + base::printable(name.str()) + "'" +
                                                    (near ? "; did you mean '" + prefix_ + *near + "'?" : "")};
    }
  }

  void wrong(const toml::node& node, const char* key, const std::string& what) {
    if (!error_) error_ = base::Error{Code::invalid_input, line_of(node) + prefix_ + key + ": " + what};
  }

 private:
  template <typename Number>
  void take(const toml::node& node, const char* key, Number& into, double low, double high) {
    const auto* whole = node.as_integer();
    const auto* real = node.as_floating_point();
    if (whole == nullptr && (std::is_integral_v<Number> || real == nullptr))
      return wrong(node, key, std::is_integral_v<Number> ? "expected a whole number" : "expected a number");
    const double value = whole != nullptr ? static_cast<double>(whole->get()) : real->get();
    if (!(value >= low && value <= high))
      return wrong(node, key, base::to_text(value) + " is not within " + base::to_text(low) + " to " + base::to_text(high));
    into = static_cast<Number>(value);
  }

  const toml::table& table_;
  std::string prefix_;
  std::optional<base::Error>& error_;
  std::vector<std::string> known_;
};

void read_labels(Keys& keys, Description& into) {
  keys.with("labels", [&](const toml::node& node) {
    const auto* array = node.as_array();
    if (array == nullptr) return keys.text("labels", into.labels_file, {});
    if (array->size() > most_labels) return keys.wrong(node, "labels", "more than " + std::to_string(most_labels));
    for (const auto& item : *array) {
      const auto* text = item.as_string();
      if (text == nullptr || text->get().size() > most_text)
        return keys.wrong(item, "labels", "expected texts in quotes of at most " + std::to_string(most_text) + " bytes");
      into.labels.push_back(text->get());
    }
  });
}

void read_golden(const toml::table& table, Description& into, std::optional<base::Error>& error) {
  Golden& golden = into.golden.emplace_back();
  Keys keys(table, "golden.", error);
  visit_golden(keys, golden, {});
  keys.tables("expected", most_expected, [&](const toml::table& inner) {
    auto& expected = golden.expected.emplace_back();
    Keys its(inner, "golden.expected.", error);
    its.text("label", expected.label, {});
    its.number("score", expected.score, 0.0F, 0, 1);
    std::vector<float> box;
    its.list("box", box, {}, -1, 2, 4);
    if (!box.empty() && box.size() != 4) its.wrong(*inner.get("box"), "box", "expected top, left, bottom, right");
    if (box.size() == 4) std::ranges::copy(box, expected.box.begin());
    its.finish();
  });
  keys.finish();
  if (!error && golden.file.empty()) keys.wrong(table, "file", "is needed");
}

// The section of the task and no other.
template <typename Visit>
void section(Keys& keys, const char* name, bool wanted, std::optional<base::Error>& error, const Visit& visit) {
  const toml::table* table = keys.table(name);
  if (table == nullptr) return;
  if (!wanted) return keys.wrong(*table, name, "means nothing for this task");
  Keys its(*table, std::string(name) + ".", error);
  visit(its);
  its.finish();
}

void read_sections(Keys& keys, Description& into, std::optional<base::Error>& error) {
  const Task task = into.task;
  const bool picture = task == Task::detection || task == Task::classification || task == Task::segmentation;
  section(keys, "input", picture, error, [&](Keys& its) { visit_input(its, into.input, {}); });
  section(keys, "detection", task == Task::detection, error, [&](Keys& its) {
    visit_detection(its, into.detection, {});
    if (const toml::table* table = its.table("anchors")) {
      Keys anchors(*table, "detection.anchors.", error);
      visit_anchors(anchors, into.detection.anchors, {});
      anchors.finish();
    }
  });
  section(keys, "classification", task == Task::classification, error, [&](Keys& its) { visit_rank(its, into.rank, {}); });
  section(keys, "segmentation", task == Task::segmentation, error, [&](Keys& its) { visit_mask(its, into.mask, {}); });
  section(keys, "series", task == Task::series, error, [&](Keys& its) { visit_series(its, into.series, {}); });
  keys.tables("golden", most_golden, [&](const toml::table& table) { read_golden(table, into, error); });
}

// What no single key can say.
std::string missing_in(const Description& d) {
  const auto& anchors = d.detection.anchors;
  if (!codec::artifact::is_artifact_name(d.name)) return "name: '" + base::printable(d.name) + "' is no name of an artifact: 1 to 64 of letters, digits, '.', '_', '-'";
  if (!d.file.ends_with(".onnx") && !d.file.ends_with(".tflite")) return "model: must name a member ending in .onnx or .tflite";
  if (std::ranges::any_of(d.input.deviation, [](float one) { return one == 0; })) return "input.deviation: must not be 0";
  if (!d.golden.empty() && (d.task == Task::series || d.task == Task::tensors)) return "golden: only models that see pictures have examples";
  if (d.task == Task::series && d.series.length == 0) return "series.length: is needed";
  if (d.task == Task::detection && d.detection.decoder == DetectionRule::Decoder::ssd) {
    if (anchors.strides.empty()) return "detection.anchors.strides: is needed for decoder \"ssd\"";
    if (anchors.aspect_ratios.empty() && !anchors.reduce_lowest && anchors.interpolated_ratio <= 0)
      return "detection.anchors.aspect_ratios: is needed";
    if (anchors.min_scale > anchors.max_scale) return "detection.anchors.min_scale: is above max_scale";
  }
  return "";
}

}  // namespace

Result<Description> read_description(std::string_view text) {
  if (text.size() > most_bytes) return base::fail(Code::invalid_input, "model.toml: larger than 1 MiB");
  const std::string ascii = TRY(to_ascii(text));
  const toml::parse_result parsed = toml::parse(ascii, std::string_view("model.toml"));
  if (!parsed)
    return base::fail(Code::invalid_input, "model.toml:" + std::to_string(parsed.error().source().begin.line) + ": " +
                                               std::string(parsed.error().description()));
  Description made;
  std::optional<base::Error> error;
  Keys keys(parsed.table(), "", error);
  keys.text("name", made.name, {});
  keys.word("task", made.task, Task::tensors, task_words);
  keys.text("model", made.file, {});
  read_labels(keys, made);
  read_sections(keys, made, error);
  keys.finish();
  if (error) return std::unexpected(*std::move(error));
  if (const std::string missing = missing_in(made); !missing.empty())
    return base::fail(Code::invalid_input, "model.toml: " + missing);
  return made;
}

}  // namespace selvedge::infer
