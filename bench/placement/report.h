// Tables of contenders by instances, as text or as one JSON document.

#pragma once

#include <string>
#include <vector>

namespace selvedge::bench {

struct Row {
  std::string name;
  std::vector<double> values;
};

struct Table {
  std::string name;             // "loss": of the JSON member
  std::string title;
  std::vector<std::string> definition;   // lines
  std::vector<std::string> columns;
  std::vector<Row> rows;
  int digits = 1;
};

void print(const Table& table);
std::string json(const std::vector<Table>& tables);
double median(std::vector<double> values);

}  // namespace selvedge::bench
