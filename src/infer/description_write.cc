#include <charconv>

#include "base/json.h"
#include "infer/description_keys.h"

namespace selvedge::infer {

namespace {

// TOML takes texts as JSON writes them, but for one control character that JSON leaves as it is.
std::string quoted(std::string_view text) {
  constexpr char erase = 0x7f;
  base::JsonWriter json;
  json.value(text);
  std::string made = json.take();
  for (std::size_t at = 0; (at = made.find(erase, at)) != std::string::npos;) made.replace(at, 1, "\\u007F");
  return made;
}

std::string number_text(float value) {
  std::array<char, 48> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), value).ptr};
}
template <typename Whole>
std::string number_text(Whole value) {
  return std::to_string(value);
}

template <typename Values>
std::string list_text(const Values& values) {
  std::string text;
  for (const auto& value : values) text += (text.empty() ? "" : ", ") + number_text(value);
  return "[" + text + "]";
}

// Writes the keys of one table that differ from their defaults.
class Lines {
 public:
  void text(const char* key, const std::string& value, const std::string& usual) {
    if (value != usual) line(key, quoted(value));
  }
  void flag(const char* key, bool value, bool usual) {
    if (value != usual) line(key, value ? "true" : "false");
  }
  template <typename Number>
  void number(const char* key, Number value, Number usual, double, double) {
    if (value != usual) line(key, number_text(value));
  }
  template <typename Word, std::size_t n>
  void word(const char* key, Word value, Word usual, const std::array<const char*, n>& words) {
    if (value != usual) line(key, quoted(words[std::size_t(value)]));
  }
  void three(const char* key, const std::array<float, 3>& value, const std::array<float, 3>& usual) {
    if (value == usual) return;
    line(key, value[0] == value[1] && value[1] == value[2] ? number_text(value[0]) : list_text(value));
  }
  template <typename Number>
  void list(const char* key, const std::vector<Number>& value, const std::vector<Number>& usual, double, double,
            std::size_t) {
    if (value != usual) line(key, list_text(value));
  }
  void line(const std::string& key, const std::string& value) { text_ += key + " = " + value + "\n"; }
  void head(const std::string& name) { text_ += "\n" + name + "\n"; }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void write_labels(Lines& lines, const Description& description) {
  if (!description.labels_file.empty()) {
    lines.line("labels", quoted(description.labels_file));
  } else if (!description.labels.empty()) {
    std::string all;
    for (const std::string& label : description.labels) all += (all.empty() ? "" : ", ") + quoted(label);
    lines.line("labels", "[" + all + "]");
  }
}

void write_golden(Lines& lines, const Golden& golden) {
  lines.head("[[golden]]");
  visit_golden(lines, golden, {});
  for (const Golden::Expected& expected : golden.expected) {
    lines.head("[[golden.expected]]");
    lines.text("label", expected.label, {});
    lines.line("score", number_text(expected.score));
    if (expected.box != std::array<float, 4>{}) lines.line("box", list_text(expected.box));
  }
}

}  // namespace

std::string_view name_of(Task task) { return task_words[std::size_t(task)]; }

std::string write_description(const Description& description) {
  Lines lines;
  lines.line("name", quoted(description.name));
  lines.line("task", quoted(name_of(description.task)));
  lines.line("model", quoted(description.file));
  write_labels(lines, description);
  const Task task = description.task;
  if (task == Task::detection || task == Task::classification || task == Task::segmentation) {
    lines.head("[input]");
    visit_input(lines, description.input, {});
  }
  if (task == Task::detection) {
    lines.head("[detection]");
    visit_detection(lines, description.detection, {});
    lines.head("[detection.anchors]");
    visit_anchors(lines, description.detection.anchors, {});
  }
  if (task == Task::classification) {
    lines.head("[classification]");
    visit_rank(lines, description.rank, {});
  }
  if (task == Task::segmentation) {
    lines.head("[segmentation]");
    visit_mask(lines, description.mask, {});
  }
  if (task == Task::series) {
    lines.head("[series]");
    visit_series(lines, description.series, {});
  }
  for (const Golden& golden : description.golden) write_golden(lines, golden);
  return lines.take();
}

}  // namespace selvedge::infer
