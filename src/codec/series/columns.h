// What the encoder asks of Columns: that they are whole, sorted and summed up.

#pragma once

#include "base/result.h"
#include "codec/series/frame.h"
#include "model/block.h"

namespace selvedge::codec {

// Code::invalid_input if the columns do not fit together or are beyond a bound.
base::Result<void> check_columns(const Columns& columns);

// Stable: readings of the same time keep their order.
void sort_by_time(const Columns& from, Columns& into);

// Kind, count, times and numbers of columns that are sorted by time.
void summarize(const Columns& columns, model::BlockSummary& summary);

// True if every value has the bits of the first and a double holds it exactly.
bool all_same(const Columns& columns);

}  // namespace selvedge::codec
