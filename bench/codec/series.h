// Series: columns of CSV files with a header "ts_ms,a,b,...", as float64 values and int64 milliseconds.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct Series {
  std::string file, name;   // "uci_tetouan", "humidity_pct"
  std::vector<std::int64_t> times;
  std::vector<double> values;
  bool first_of_file = false;   // its clock stands for the file's
  std::string id() const { return file + "/" + name; }
};

// All columns of all files of a folder, by name. Empty if there are none. Rows with a cell that is
// missing end the row.
std::vector<Series> load_folder(const std::string& folder);
// Six kinds of sensor, made by rule: for machines that have no data.
std::vector<Series> synthetic_series();

}  // namespace bench
