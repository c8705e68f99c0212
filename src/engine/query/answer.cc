// A query's answer as JSON and as CSV. Both are made from the same cells, so that they agree.

#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/text.h"
#include "engine/query/query.h"

namespace selvedge::engine {
namespace {

// ISO 8601 text. Neighbouring readings mostly share their second, which is the dear part.
class TimeText {
 public:
  std::string_view of(base::Time time) {
    constexpr std::int64_t second = 1'000'000'000;
    if (time.ns < std::numeric_limits<std::int64_t>::min() + second) return text_ = to_iso8601(time);
    std::int64_t fraction = time.ns % second;
    if (fraction < 0) fraction += second;
    if (time.ns - fraction != whole_ || text_.empty()) {
      whole_ = time.ns - fraction;
      text_ = to_iso8601(base::Time{whole_});
      whole_size_ = text_.size() - 1;  // without the Z
    }
    text_.resize(whole_size_);
    if (fraction != 0) {
      char digits[10] = ".";
      int size = 10;
      for (int i = 9; i > 0; --i, fraction /= 10) digits[i] = static_cast<char>('0' + fraction % 10);
      while (digits[size - 1] == '0') --size;
      text_.append(digits, static_cast<std::size_t>(size));
    }
    return text_ += 'Z';
  }

 private:
  std::int64_t whole_ = 0;
  std::size_t whole_size_ = 0;
  std::string text_;
};

class JsonCells {
 public:
  explicit JsonCells(base::JsonWriter& json) : json_(json) {}
  void begin_row() { json_.begin_array(); }
  void end_row() { json_.end_array(); }
  void text(std::string_view text) { json_.value(text); }
  void number(double number) { json_.value(number); }
  void integer(std::int64_t number) { json_.value(number); }
  void boolean(bool truth) { json_.value(truth); }
  void nothing() { json_.null(); }

 private:
  base::JsonWriter& json_;
};

class CsvCells {
 public:
  explicit CsvCells(std::string_view series) : series_(quote(series)) {}
  void begin_row() { out_ += series_; }
  void end_row() { out_ += "\r\n"; }
  void text(std::string_view text) { cell(quote(text)); }
  void number(double number) { cell(std::isfinite(number) ? base::to_text(number) : ""); }
  void integer(std::int64_t number) { cell(std::to_string(number)); }
  void boolean(bool truth) { cell(truth ? "true" : "false"); }
  void nothing() { cell(""); }
  void header(std::string_view line) { out_ += line; }
  std::string take() { return std::move(out_); }

 private:
  static std::string quote(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
      if (c == '"') quoted += '"';
      quoted += c;
    }
    return quoted + '"';
  }
  void cell(std::string_view text) {
    out_ += ',';
    out_ += text;
  }

  std::string series_;
  std::string out_;
};

std::vector<Aggregate> aggregates_of(const QueryRange& range) {
  return range.aggregates.empty() ? std::vector<Aggregate>{Aggregate::mean} : range.aggregates;
}

template <typename Cells>
void write_value(const model::ValueView& value, Cells& cells) {
  switch (value.kind) {
    case model::Kind::float64: return cells.number(value.float64);
    case model::Kind::int64: return cells.integer(value.int64);
    case model::Kind::boolean: return cells.boolean(value.boolean);
    case model::Kind::text: return cells.text(value.text);
  }
}

template <typename Cells>
void write_rows(const QueryRange& range, const QueryResult& result, Cells& cells) {
  TimeText time;
  if (!range.step) {
    for (std::size_t i = 0; i < result.readings.size(); ++i) {
      cells.begin_row();
      cells.text(time.of({result.readings.times[i]}));
      write_value(result.readings.at(i), cells);
      cells.end_row();
    }
    return;
  }
  const std::vector<Aggregate> aggregates = aggregates_of(range);
  for (const WindowRow& row : result.windows) {
    cells.begin_row();
    cells.text(time.of(row.start));
    for (const Aggregate aggregate : aggregates) {
      if (aggregate == Aggregate::count) cells.integer(static_cast<std::int64_t>(row.count));
      else if (result.kind == model::Kind::text) cells.nothing();
      else cells.number(row.value(aggregate));
    }
    cells.end_row();
  }
}

std::vector<std::string> columns_of(const QueryRange& range) {
  std::vector<std::string> columns{"time"};
  if (!range.step) columns.push_back("value");
  else for (const Aggregate aggregate : aggregates_of(range)) columns.push_back(name(aggregate));
  return columns;
}

}  // namespace

std::string to_json(std::string_view series, const QueryRange& range, const QueryResult& result,
                    Stats stats) {
  base::JsonWriter json;
  json.begin_object().field("series", series).field("kind", model::name(result.kind));
  json.key("columns").begin_array();
  for (const std::string& column : columns_of(range)) json.value(column);
  json.end_array().key("rows").begin_array();
  JsonCells cells(json);
  write_rows(range, result, cells);
  json.end_array().field("truncated", result.truncated);
  if (stats == Stats::tell)
    json.key("stats")
        .begin_object()
        .field("blocks_decoded", result.blocks_decoded)
        .field("blocks_from_header", result.blocks_from_header)
        .field("times_decoded", result.times_decoded)
        .field("values_decoded", result.values_decoded)
        .end_object();
  return json.end_object().take();
}

std::string to_csv(std::string_view series, const QueryRange& range, const QueryResult& result) {
  CsvCells cells(series);
  cells.header("series");
  for (const std::string& column : columns_of(range)) cells.text(column);
  cells.end_row();
  write_rows(range, result, cells);
  return cells.take();
}

}  // namespace selvedge::engine
