// The tables of the cloud's SQLite database, and how an older database becomes one of today.
//
//   nodes          one row a node, with its totals
//   node_epochs    (node, epoch): one row each time a node's store began anew
//   series         (node, name, kind): the same series through all epochs, with its totals
//   epoch_series   (epoch, number on the node) -> series
//   blocks         (epoch, seq): the frames, and what their headers say
//   tokens, certificates, totals
//
// 64-bit numbers without sign are stored as the signed number of the same bits.

#pragma once

#include "cloud/sqlite.h"

namespace selvedge::cloud {

inline constexpr std::int64_t schema_version = 1;

// Brings a new or older database up to schema_version in one transaction. Code::invalid_input for a
// newer one, or one that is not ours.
base::Result<void> migrate(Database& database);

}  // namespace selvedge::cloud
