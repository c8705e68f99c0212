#include "placement/report.h"

#include <algorithm>
#include <cstdio>

namespace selvedge::bench {
namespace {

std::string text(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*f", digits, value);
  return buffer;
}

// Names here are ours; none has a character that JSON escapes.
template <typename Items, typename Print>
std::string list(const Items& items, Print print) {
  std::string out = "[";
  for (const auto& item : items) {
    if (out.size() > 1) out += ",";
    out += print(item);
  }
  return out + "]";
}

std::string quoted(const std::string& name) { return "\"" + name + "\""; }

}  // namespace

void print(const Table& table) {
  std::printf("%s\n", table.title.c_str());
  for (const std::string& line : table.definition) std::printf("  %s\n", line.c_str());
  std::size_t widest = 0;
  for (const Row& row : table.rows) widest = std::max(widest, row.name.size());
  const int names = static_cast<int>(widest);
  std::printf("\n  %-*s", names, "");
  for (const std::string& column : table.columns) std::printf(" %*s", std::max(8, static_cast<int>(column.size())), column.c_str());
  std::printf("\n");
  for (const Row& row : table.rows) {
    std::printf("  %-*s", names, row.name.c_str());
    for (std::size_t i = 0; i < row.values.size(); ++i) {
      std::printf(" %*s", std::max(8, static_cast<int>(table.columns[i].size())), text(row.values[i], table.digits).c_str());
    }
    std::printf("\n");
  }
  std::printf("\n");
}

std::string json(const std::vector<Table>& tables) {
  std::string out = "{";
  for (const Table& table : tables) {
    if (out.size() > 1) out += ",";
    out += quoted(table.name) + ":{\"title\":" + quoted(table.title) + ",\"definition\":" + list(table.definition, quoted) +
           ",\"columns\":" + list(table.columns, quoted) + ",\"rows\":{";
    bool first = true;
    for (const Row& row : table.rows) {
      out += (first ? "" : ",") + quoted(row.name) + ":" + list(row.values, [](double value) { return text(value, 5); });
      first = false;
    }
    out += "}}";
  }
  return out + "}";
}

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

}  // namespace selvedge::bench
