// CsvSeries: time series from CSV files, one device a value column.
//
// Layout: a header line, then a time column and one or more value columns. The time column is the
// first, as a count since 1970 (its unit told by size, "ts_ms" in the header means milliseconds) or
// ISO 8601. Empty cells are skipped. Values stay the text they are, so that nothing is rounded here.

#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "os/world.h"

namespace selvedge::cli {

struct CsvSeries {
  std::string device;                // "uci_occupancy-temperature_c"
  std::string topic;                 // "uci_occupancy"
  std::string field;                 // "temperature_c"
  std::vector<base::Time> times;
  std::vector<std::string> values;
};

// All columns of one file. Code::invalid_input names the line that cannot be read.
base::Result<std::vector<CsvSeries>> read_csv_series(os::World& world, const std::string& path,
                                                     std::size_t most_rows);
// The same from text; `name` becomes the front of the topics.
base::Result<std::vector<CsvSeries>> parse_csv_series(const std::string& name, std::string_view text,
                                                      std::size_t most_rows);

}  // namespace selvedge::cli
