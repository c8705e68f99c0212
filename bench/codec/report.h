// Report: geometric means, the table of targets, series that are worse than the best of two peers; as
// tables for people or one JSON document.

#pragma once

#include <string>
#include <vector>

#include "codec/measure.h"

namespace bench {

struct Results {
  std::string data;             // where the series came from, for people
  std::size_t series = 0;
  Plan plan;
  std::vector<Row> rows;
  std::vector<LossyRow> lossy;
  std::string pcodec_file;      // cited measurements of a peer, per series; may be missing
};

void print_tables(const Results& results);
void print_json(const Results& results);

}  // namespace bench
