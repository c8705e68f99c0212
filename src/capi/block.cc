// The C interface of include/selvedge/block.h: checks arguments, calls codec/series, and lets neither
// exceptions nor types of ours out.

#include "selvedge/block.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "codec/series/block_file.h"
#include "codec/series/frame.h"

using selvedge::base::BytesView;
using selvedge::base::Code;
using selvedge::base::Error;
namespace codec = selvedge::codec;
namespace model = selvedge::model;

struct selvedge_blocks {
  selvedge::base::Bytes bytes;
  std::vector<codec::NamedFrame> frames;   // views of `bytes`
  std::vector<std::string> names;
};

struct selvedge_readings {
  codec::Columns columns;
};

struct selvedge_writer {
  selvedge::base::Bytes bytes;
};

namespace {

thread_local std::string last_error;

selvedge_status say(selvedge_status status, const char* why) noexcept {
  try {
    last_error = why;
  } catch (const std::bad_alloc&) {
    last_error.clear();
  }
  return status;
}

selvedge_status say(const Error& error) noexcept {
  return say(error.code == Code::corrupt ? SELVEDGE_CORRUPT : SELVEDGE_INVALID_INPUT, error.message.c_str());
}

// Runs what returns a status; memory that cannot be had is one too.
template <typename Work>
selvedge_status guarded(Work&& work) noexcept {
  try {
    last_error.clear();
    return work();
  } catch (const std::bad_alloc&) {
    return say(SELVEDGE_NO_MEMORY, "out of memory");
  } catch (...) {
    return say(SELVEDGE_INVALID_INPUT, "unexpected failure");
  }
}

const codec::NamedFrame* find(const selvedge_blocks* blocks, size_t index) noexcept {
  if (blocks != nullptr && index < blocks->frames.size()) return &blocks->frames[index];
  say(SELVEDGE_INVALID_INPUT, blocks == nullptr ? "blocks: NULL" : "there is no block of this index");
  return nullptr;
}

selvedge_summary outward(const model::BlockSummary& from) {
  selvedge_summary to{};
  to.kind = static_cast<selvedge_kind>(from.kind);
  to.count = from.count;
  to.nan_count = from.nan_count;
  to.first_time_ns = from.first_time.ns;
  to.last_time_ns = from.last_time.ns;
  to.min = from.min, to.max = from.max, to.sum = from.sum, to.first = from.first, to.last = from.last;
  return to;
}

template <typename Value>
selvedge_status read_columns(const selvedge_blocks* blocks, size_t index, int64_t* times, Value* values,
                             size_t room, std::vector<Value> codec::Columns::*column, bool (*fits)(model::Kind)) {
  return guarded([&] {
    const codec::NamedFrame* const block = find(blocks, index);
    if (block == nullptr) return SELVEDGE_INVALID_INPUT;
    const auto summary = codec::read_summary(block->frame);
    if (!summary) return say(summary.error());
    if (!fits(summary->kind)) return say(SELVEDGE_INVALID_INPUT, "the block's values are of another kind");
    if (summary->count > room) return say(SELVEDGE_INVALID_INPUT, "the arrays are too small for the block");
    if (times == nullptr && values == nullptr) return SELVEDGE_OK;
    static thread_local codec::Columns columns;
    const auto decoded = times == nullptr    ? codec::decode_values(block->frame, columns)
                         : values == nullptr ? codec::decode_times(block->frame, columns)
                                             : codec::decode_frame(block->frame, columns);
    if (!decoded) return say(decoded.error());
    if (times != nullptr) std::ranges::copy(columns.times, times);
    if (values != nullptr) std::ranges::copy(columns.*column, values);
    return SELVEDGE_OK;
  });
}

selvedge_status add_block(selvedge_writer* writer, const char* series, codec::Columns& columns,
                          const int64_t* times, size_t count, const codec::EncodeOptions& options) {
  columns.times.assign(times, times + count);
  selvedge::base::Bytes frame;
  if (const auto made = codec::encode_frame(columns, frame, options); !made) return say(made.error());
  const std::size_t before = writer->bytes.size();
  try {
    if (const auto put = codec::put_block(writer->bytes, series, frame); !put) return say(put.error());
  } catch (...) {
    writer->bytes.resize(before);
    throw;
  }
  return SELVEDGE_OK;
}

selvedge_status check_added(const selvedge_writer* writer, const char* series, const void* times,
                            const void* values, size_t count, selvedge_effort effort) {
  if (writer == nullptr || series == nullptr || times == nullptr || values == nullptr)
    return say(SELVEDGE_INVALID_INPUT, "an argument is NULL");
  if (count == 0 || count > codec::max_readings_per_block)
    return say(SELVEDGE_INVALID_INPUT, "a block has 1 to 1048576 readings");
  if (effort != SELVEDGE_DENSE && effort != SELVEDGE_FAST) return say(SELVEDGE_INVALID_INPUT, "there is no such effort");
  return SELVEDGE_OK;
}

codec::Effort inward(selvedge_effort effort) {
  return effort == SELVEDGE_FAST ? codec::Effort::fast : codec::Effort::dense;
}

}  // namespace

extern "C" {

uint32_t selvedge_block_api_version(void) { return SELVEDGE_BLOCK_API_VERSION; }
const char* selvedge_block_error(void) { return last_error.c_str(); }

selvedge_blocks* selvedge_blocks_open(const void* bytes, size_t size) {
  selvedge_blocks* opened = nullptr;
  guarded([&] {
    if (bytes == nullptr && size > 0) return say(SELVEDGE_INVALID_INPUT, "bytes: NULL");
    auto made = std::make_unique<selvedge_blocks>();
    const auto* const start = static_cast<const std::uint8_t*>(bytes);
    made->bytes.assign(start, start + size);
    auto frames = codec::read_blocks(made->bytes);
    if (!frames) return say(frames.error());
    made->frames = std::move(*frames);
    for (const codec::NamedFrame& frame : made->frames) made->names.emplace_back(frame.series);
    opened = made.release();
    return SELVEDGE_OK;
  });
  return opened;
}

void selvedge_blocks_close(selvedge_blocks* blocks) { delete blocks; }

size_t selvedge_blocks_count(const selvedge_blocks* blocks) { return blocks == nullptr ? 0 : blocks->frames.size(); }

const char* selvedge_blocks_series(const selvedge_blocks* blocks, size_t index) {
  return find(blocks, index) == nullptr ? nullptr : blocks->names[index].c_str();
}

const void* selvedge_blocks_frame(const selvedge_blocks* blocks, size_t index, size_t* size) {
  const codec::NamedFrame* const block = find(blocks, index);
  if (size != nullptr) *size = block == nullptr ? 0 : block->frame.size();
  return block == nullptr ? nullptr : block->frame.data();
}

selvedge_status selvedge_blocks_summary(const selvedge_blocks* blocks, size_t index, selvedge_summary* summary) {
  return guarded([&] {
    const codec::NamedFrame* const block = find(blocks, index);
    if (block == nullptr) return SELVEDGE_INVALID_INPUT;
    if (summary == nullptr) return say(SELVEDGE_INVALID_INPUT, "summary: NULL");
    const auto read = codec::read_summary(block->frame);
    if (!read) return say(read.error());
    *summary = outward(*read);
    return SELVEDGE_OK;
  });
}

selvedge_status selvedge_blocks_read_float64(const selvedge_blocks* blocks, size_t index, int64_t* times_ns,
                                             double* values, size_t room) {
  return read_columns(blocks, index, times_ns, values, room, &codec::Columns::float64,
                      [](model::Kind kind) { return kind == model::Kind::float64; });
}

selvedge_status selvedge_blocks_read_int64(const selvedge_blocks* blocks, size_t index, int64_t* times_ns,
                                           int64_t* values, size_t room) {
  return read_columns(blocks, index, times_ns, values, room, &codec::Columns::int64,
                      [](model::Kind kind) { return kind == model::Kind::int64 || kind == model::Kind::boolean; });
}

selvedge_readings* selvedge_blocks_decode(const selvedge_blocks* blocks, size_t index) {
  selvedge_readings* readings = nullptr;
  guarded([&] {
    const codec::NamedFrame* const block = find(blocks, index);
    if (block == nullptr) return SELVEDGE_INVALID_INPUT;
    auto made = std::make_unique<selvedge_readings>();
    if (const auto decoded = codec::decode_frame(block->frame, made->columns); !decoded) return say(decoded.error());
    readings = made.release();
    return SELVEDGE_OK;
  });
  return readings;
}

void selvedge_readings_free(selvedge_readings* readings) { delete readings; }

selvedge_kind selvedge_readings_kind(const selvedge_readings* readings) {
  return readings == nullptr ? SELVEDGE_FLOAT64 : static_cast<selvedge_kind>(readings->columns.kind);
}

size_t selvedge_readings_count(const selvedge_readings* readings) {
  return readings == nullptr ? 0 : readings->columns.size();
}

const int64_t* selvedge_readings_times(const selvedge_readings* readings) {
  return readings == nullptr ? nullptr : readings->columns.times.data();
}

const double* selvedge_readings_float64(const selvedge_readings* readings) {
  return readings == nullptr || readings->columns.float64.empty() ? nullptr : readings->columns.float64.data();
}

const int64_t* selvedge_readings_int64(const selvedge_readings* readings) {
  return readings == nullptr || readings->columns.int64.empty() ? nullptr : readings->columns.int64.data();
}

const char* selvedge_readings_text(const selvedge_readings* readings, size_t index, size_t* size) {
  if (size != nullptr) *size = 0;
  if (readings == nullptr || index >= readings->columns.text_ends.size()) return nullptr;
  const codec::Columns& columns = readings->columns;
  const std::size_t start = index == 0 ? 0 : columns.text_ends[index - 1];
  if (size != nullptr) *size = columns.text_ends[index] - start;
  return columns.text_bytes.data() + start;
}

selvedge_writer* selvedge_writer_new(void) {
  selvedge_writer* writer = nullptr;
  guarded([&] {
    auto made = std::make_unique<selvedge_writer>();
    codec::begin_block_file(made->bytes);
    writer = made.release();
    return SELVEDGE_OK;
  });
  return writer;
}

void selvedge_writer_free(selvedge_writer* writer) { delete writer; }

selvedge_status selvedge_writer_add_float64(selvedge_writer* writer, const char* series, const int64_t* times_ns,
                                            const double* values, size_t count, selvedge_effort effort,
                                            selvedge_bound kind, double bound) {
  return guarded([&] {
    if (const auto bad = check_added(writer, series, times_ns, values, count, effort); bad != SELVEDGE_OK) return bad;
    if (kind < SELVEDGE_EXACT || kind > SELVEDGE_RANGE || (kind != SELVEDGE_EXACT && !(bound > 0 && std::isfinite(bound))))
      return say(SELVEDGE_INVALID_INPUT, "bound: expected a kind, and a number above 0");
    codec::Columns columns;
    columns.float64.assign(values, values + count);
    return add_block(writer, series, columns, times_ns, count,
                     {.effort = inward(effort), .bound = {static_cast<codec::ErrorBound::Kind>(kind), bound}});
  });
}

selvedge_status selvedge_writer_add_int64(selvedge_writer* writer, const char* series, const int64_t* times_ns,
                                          const int64_t* values, size_t count, selvedge_effort effort) {
  return guarded([&] {
    if (const auto bad = check_added(writer, series, times_ns, values, count, effort); bad != SELVEDGE_OK) return bad;
    codec::Columns columns;
    columns.kind = model::Kind::int64;
    columns.int64.assign(values, values + count);
    return add_block(writer, series, columns, times_ns, count, {.effort = inward(effort), .bound = {}});
  });
}

const void* selvedge_writer_bytes(const selvedge_writer* writer, size_t* size) {
  if (size != nullptr) *size = writer == nullptr ? 0 : writer->bytes.size();
  return writer == nullptr ? nullptr : writer->bytes.data();
}

}  // extern "C"
