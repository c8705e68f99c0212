// BlockCsv: CSV text to a file of blocks and back, for `selvedge block`.
//
// Encoding keeps every double to the bit: NaN, -0.0 and infinities ("nan", "-0", "inf") as well.
// Decoding holds one decoded block a series at a time, and merges the series by time.

#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "cli/csv_series.h"
#include "codec/series/frame.h"

namespace selvedge::cli {

struct BlockCsvOptions {
  std::string series;                 // name of the only column, or in front of the columns' names
  std::size_t block_readings = 10'000;
  codec::EncodeOptions encoding;
};

// Columns of doubles, in the order of the text. Names are "<file>/<column>", or by `series`.
struct DoubleSeries {
  std::string name;
  codec::Columns columns;
};
base::Result<std::vector<DoubleSeries>> double_series(const std::vector<CsvSeries>& parsed, std::string_view series);

// A block file of them.
base::Result<base::Bytes> encode_blocks(const std::vector<DoubleSeries>& all, const BlockCsvOptions& options);

// "0.8%" is a share of each block's range, "0.05" an absolute bound, "" none.
base::Result<codec::ErrorBound> parse_bound(std::string_view text);

// CSV: a column "time", then one a series; a cell is empty where a series has no reading. Times are
// ISO 8601 with as many decimals as are needed.
// With `only`, that series alone. `write` gets a line at a time.
base::Result<void> decode_blocks(base::BytesView file, std::string_view only,
                                 const std::function<void(std::string_view)>& write);

}  // namespace selvedge::cli
