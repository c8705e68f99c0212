#include "cli/csv_series.h"

#include <algorithm>

#include "base/text.h"
#include "os/file_at.h"

namespace selvedge::cli {
namespace {

using base::Code;
using base::fail;
using base::Result;

constexpr std::uint64_t file_limit = 1ULL << 30;
constexpr std::size_t most_columns = 1000;

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (;;) {
    const std::size_t comma = line.find(',');
    cells.push_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return cells;
    line.remove_prefix(comma + 1);
  }
}

std::string tidy(std::string_view name) {
  std::string out;
  for (const char c : name)
    out += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.' || c == '-' ? c : '_';
  return out.empty() ? "value" : out;
}

std::string_view stem(std::string_view path) {
  if (const std::size_t slash = path.rfind('/'); slash != std::string_view::npos)
    path.remove_prefix(slash + 1);
  return path.substr(0, path.rfind('.'));
}

}  // namespace

Result<std::vector<CsvSeries>> parse_csv_series(const std::string& name, std::string_view text,
                                                std::size_t most_rows) {
  const auto header = cells_of(take_line(text));
  if (header.size() < 2 || header.size() > most_columns)
    return fail(Code::invalid_input, name + ": expected a time column and value columns");
  const bool milliseconds = header[0].ends_with("_ms");
  std::vector<CsvSeries> all;
  for (std::size_t i = 1; i < header.size(); ++i) {
    CsvSeries& series = all.emplace_back();
    const std::string column = tidy(header[i]);
    series.topic = tidy(name);
    series.field = column;
    series.device = (tidy(name) + "-" + column).substr(0, 64);
  }
  std::size_t rows = 0;
  for (std::size_t line_number = 2; !text.empty() && rows < most_rows; ++line_number) {
    const std::string_view line = take_line(text);
    if (line.empty()) continue;
    const auto cells = cells_of(line);
    const std::string where = name + ":" + std::to_string(line_number);
    if (cells.size() != header.size())
      return fail(Code::invalid_input, where + ": expected " + std::to_string(header.size()) +
                                           " columns, found " + std::to_string(cells.size()));
    base::Time time;
    if (const auto count = base::parse_int(cells[0]); count && milliseconds)
      time.ns = *count * 1'000'000;
    else
      time = TRY(base::while_doing(where, base::parse_time(cells[0])));
    for (std::size_t i = 1; i < cells.size(); ++i) {
      if (cells[i].empty()) continue;
      if (!base::parse_double(cells[i]))
        return fail(Code::invalid_input,
                    where + ": '" + base::printable(cells[i], 40) + "' is not a number");
      all[i - 1].times.push_back(time);
      all[i - 1].values.emplace_back(cells[i]);
    }
    ++rows;
  }
  std::erase_if(all, [](const CsvSeries& s) { return s.times.empty(); });
  return all;
}

Result<std::vector<CsvSeries>> read_csv_series(os::World& world, const std::string& path,
                                               std::size_t most_rows) {
  const std::string text = TRY(os::read_text(world, path, file_limit));
  return parse_csv_series(std::string(stem(path)), text, most_rows);
}

}  // namespace selvedge::cli
