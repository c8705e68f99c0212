// BlockFile: blocks of one or more series in one run of bytes: a file, or what an answer carries.
//
// Three forms are read: the file of names and frames that put_block() makes, frames each with its
// length in front (`format=frames` of the query API), and a single frame. Layout: docs/spec/block.md.
//
// Reading trusts nothing: lengths are checked, names are UTF-8 of at most 512 bytes without control
// characters, nothing is decoded and no frame's checksum is looked at. Pure functions, any thread.

#pragma once

#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace selvedge::codec {

inline constexpr std::size_t max_series_name_bytes = 512;

struct NamedFrame {
  std::string_view series;   // empty where the form has no names
  base::BytesView frame;
};

// Starts a file, then adds blocks to it. `series` is as the model wants names: invalid_input if not.
void begin_block_file(base::Bytes& out);
base::Result<void> put_block(base::Bytes& out, std::string_view series, base::BytesView frame);

// Views of `bytes`. Code::corrupt if it is none of the forms or cut short.
base::Result<std::vector<NamedFrame>> read_blocks(base::BytesView bytes);

}  // namespace selvedge::codec
