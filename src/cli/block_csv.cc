#include "cli/block_csv.h"

#include <algorithm>
#include <map>

#include "base/text.h"
#include "codec/series/block_file.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;

namespace {

constexpr std::size_t most_series = 1000;

std::string quoted(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == text.npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + '"';
}

std::string cell(const model::ValueView& value) {
  switch (value.kind) {
    case model::Kind::float64: return base::to_text(value.float64);
    case model::Kind::int64: return std::to_string(value.int64);
    case model::Kind::boolean: return value.boolean ? "true" : "false";
    case model::Kind::text: return quoted(value.text);
  }
  return {};
}

// The readings of one series, block after block.
class Cursor {
 public:
  void add(base::BytesView frame) { frames_.push_back(frame); }
  bool at_end() const { return next_ == columns_.size(); }
  std::int64_t time() const { return columns_.times[next_]; }
  std::string take() { return cell(columns_.at(next_++)); }
  // Decodes blocks until there is a reading, or none are left.
  Result<void> fill() {
    while (at_end() && block_ < frames_.size()) {
      TRY(codec::decode_frame(frames_[block_++], columns_));
      next_ = 0;
    }
    return {};
  }

 private:
  std::vector<base::BytesView> frames_;
  std::size_t block_ = 0, next_ = 0;
  codec::Columns columns_;
};

}  // namespace

Result<std::vector<DoubleSeries>> double_series(const std::vector<CsvSeries>& parsed, std::string_view series) {
  std::vector<DoubleSeries> all;
  for (const CsvSeries& one : parsed) {
    DoubleSeries& made = all.emplace_back();
    made.name = series.empty()       ? one.topic + "/" + one.field
                : parsed.size() == 1 ? std::string(series)
                                     : std::string(series) + "/" + one.field;
    for (std::size_t i = 0; i < one.values.size(); ++i) {
      const auto value = base::parse_double(one.values[i]);
      CHECK(value.has_value());
      made.columns.push(one.times[i], model::ValueView::of(*value));
    }
  }
  if (all.empty()) return fail(Code::invalid_input, "there are no readings in it");
  return all;
}

Result<base::Bytes> encode_blocks(const std::vector<DoubleSeries>& all, const BlockCsvOptions& options) {
  base::Bytes out, frame;
  codec::begin_block_file(out);
  codec::Columns block;
  for (const DoubleSeries& series : all)
    for (std::size_t at = 0; at < series.columns.size(); at += options.block_readings) {
      const std::size_t end = std::min(at + options.block_readings, series.columns.size());
      block.clear();
      for (std::size_t i = at; i < end; ++i) block.push({series.columns.times[i]}, series.columns.at(i));
      frame.clear();
      TRY(base::while_doing(series.name, codec::encode_frame(block, frame, options.encoding)));
      TRY(codec::put_block(out, series.name, frame));
    }
  return out;
}

Result<codec::ErrorBound> parse_bound(std::string_view text) {
  if (text.empty()) return codec::ErrorBound{};
  const bool share = text.ends_with('%');
  const auto number = base::parse_double(share ? text.substr(0, text.size() - 1) : text);
  if (!number || !(*number > 0) || *number > 1e300)
    return fail(Code::invalid_input, "'" + base::printable(text, 40) + "': expected a number above 0, or a share as in 0.8%");
  return share ? codec::ErrorBound{codec::ErrorBound::Kind::range, *number / 100}
               : codec::ErrorBound{codec::ErrorBound::Kind::absolute, *number};
}

Result<void> decode_blocks(base::BytesView file, std::string_view only,
                           const std::function<void(std::string_view)>& write) {
  std::vector<std::string> names;
  std::vector<Cursor> cursors;
  std::map<std::string_view, std::size_t> places;
  for (const codec::NamedFrame& block : TRY(codec::read_blocks(file))) {
    const std::string_view name = block.series.empty() ? "value" : block.series;
    if (!only.empty() && name != only) continue;
    const auto [place, added] = places.emplace(name, cursors.size());
    if (added) {
      if (cursors.size() == most_series) return fail(Code::exhausted, "more than 1000 series; choose one with --series");
      names.emplace_back(name);
      cursors.emplace_back();
    }
    cursors[place->second].add(block.frame);
  }
  if (cursors.empty() && only.empty()) return fail(Code::not_found, "there are no blocks in it");
  if (cursors.empty()) return fail(Code::not_found, "it has no series '" + std::string(only) + "'");
  std::string line = "time";
  for (const std::string& name : names) line += "," + quoted(name);
  write(line + "\n");
  for (;;) {
    std::int64_t now = INT64_MAX;
    bool any = false;
    for (std::size_t i = 0; i < cursors.size(); ++i) {
      TRY(base::while_doing(names[i], cursors[i].fill()));
      if (cursors[i].at_end()) continue;
      any = true;
      now = std::min(now, cursors[i].time());
    }
    if (!any) return {};
    line = base::to_iso8601({now});
    for (Cursor& cursor : cursors) {
      line += ',';
      if (!cursor.at_end() && cursor.time() == now) line += cursor.take();
    }
    write(line + "\n");
  }
}

}  // namespace selvedge::cli
