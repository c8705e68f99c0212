#include "store/segment_files.h"

#include <algorithm>
#include <array>

#include "base/log.h"
#include "store/segment_format.h"

namespace selvedge::store {
namespace {

using base::Code;
using format::file_header_bytes;
using format::record_header_bytes;
using What = format::Parsed::What;

constexpr std::size_t max_handles = 8;
constexpr std::size_t scan_chunk = 256 << 10;
constexpr std::size_t read_first = 4 << 10;  // most records come with one read

}  // namespace

base::Result<std::uint64_t> SegmentFiles::load() {
  for (const std::string& name : TRY(dir_->list())) {
    const std::optional<Position> start = format::parse_file_name(name);
    if (!start) continue;
    const auto file = TRY(dir_->open(name, os::Open::existing));
    const std::uint64_t size = TRY(file->size());
    pieces_.push_back({*start, size > file_header_bytes ? size - file_header_bytes : 0, false});
  }
  std::sort(pieces_.begin(), pieces_.end(),
            [](const Piece& a, const Piece& b) { return a.start < b.start; });
  // A file whose write had failed is continued by the next one: its tail is void.
  for (std::size_t i = 0; i + 1 < pieces_.size(); ++i)
    pieces_[i].bytes = std::min(pieces_[i].bytes, pieces_[i + 1].start.value - pieces_[i].start.value);
  std::uint64_t torn = 0;
  if (!pieces_.empty()) torn = TRY(check_last());
  for (const Piece& piece : pieces_) bytes_ += piece.bytes + file_header_bytes;
  return torn;
}

base::Result<std::uint64_t> SegmentFiles::check_last() {
  Piece& last = pieces_.back();
  const auto file = TRY(dir_->open(format::file_name(last.start), os::Open::existing));
  const std::uint64_t size = TRY(file->size());
  TRY(file->read(0, file_header_bytes, buffer_));
  if (!format::is_file_header(buffer_, last.start)) {
    last.bytes = 0;
    if (size > 0) TRY(file->truncate(0));
    return size;
  }
  Position at = last.start;
  Position cut = last.start;
  const std::uint64_t damaged_before = damaged_bytes_;
  const std::uint64_t before_group = last.bytes - std::min(last.bytes, group_bytes_);
  TRY(scan_piece(last, at, [&](const Record& record) {
    if (record.at.value - last.start.value <= before_group) cut = record.at;
    return true;
  }));
  // Here it is not damage but the end, as a crash left it.
  damaged_bytes_ = damaged_before;
  last.damaged = false;
  last.bytes = at.value - last.start.value;
  const std::uint64_t keep = file_header_bytes + last.bytes;
  handles_.clear();
  if (size > keep) TRY(file->truncate(keep));
  if (last.bytes > 0) TRY(rewrite_tail(*file, cut));
  return size - keep;
}

// What the last group wrote may be in the kernel's cache only: if its sync had failed before the log
// stopped, the pages count as clean and a further sync would do nothing and say yes. So
// everything that may have been in that group is written once more, to a file of its own that starts
// at `cut` and takes its place at once.
base::Result<void> SegmentFiles::rewrite_tail(os::File& file, Position cut) {
  Piece& last = pieces_.back();
  const std::uint64_t before = cut.value - last.start.value;
  base::Bytes bytes;
  TRY(file.read(file_header_bytes + before, static_cast<std::size_t>(last.bytes - before), bytes));
  const std::string name = format::file_name(cut);
  const std::string temporary = name + ".new";
  const auto write = [&]() -> base::Result<void> {
    const auto copy = TRY(dir_->open(temporary, os::Open::create));
    TRY(copy->truncate(0));
    std::array<std::uint8_t, file_header_bytes> header;
    format::put_file_header(header.data(), cut);
    TRY(copy->append(header));
    TRY(copy->append(bytes));
    TRY(copy->sync());
    TRY(dir_->rename(temporary, name));
    return dir_->sync();
  };
  if (const auto written = write(); !written) {
    base::ignore(dir_->remove(temporary), "it is made anew the next time");
    if (written.error().code != Code::exhausted) return written;
    // A full disk must not keep a node from starting.
    base::log::warn("store", "the end of a log could not be written again",
                    {{"log", dir_->path()}, {"error", written.error()}});
    return file.sync();
  }
  if (before == 0) return {};
  base::ignore(file.truncate(file_header_bytes + before), "the new file's name voids it too");
  const std::uint64_t moved = last.bytes - before;
  last.bytes = before;
  pieces_.push_back({cut, moved, false});
  return {};
}

std::uint64_t SegmentFiles::segments() const {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < pieces_.size(); ++i)
    count += i == 0 || pieces_[i].start.segment() != pieces_[i - 1].start.segment();
  return count;
}

void SegmentFiles::grow(Position start, std::uint64_t bytes) {
  if (pieces_.empty() || pieces_.back().start != start) {
    pieces_.push_back({start, 0, false});
    bytes_ += file_header_bytes;
  }
  pieces_.back().bytes += bytes;
  bytes_ += bytes;
}

std::vector<std::string> SegmentFiles::take(std::uint32_t segment) {
  std::vector<std::string> names;
  std::erase_if(pieces_, [&](const Piece& piece) {
    if (piece.start.segment() != segment) return false;
    names.push_back(format::file_name(piece.start));
    bytes_ -= piece.bytes + file_header_bytes;
    return true;
  });
  std::erase_if(handles_, [&](const Handle& h) { return h.start.segment() == segment; });
  return names;
}

const SegmentFiles::Piece* SegmentFiles::piece_of(Position at) const {
  const auto after = std::upper_bound(pieces_.begin(), pieces_.end(), at,
                                      [](Position p, const Piece& piece) { return p < piece.start; });
  if (after == pieces_.begin()) return nullptr;
  const Piece& piece = *std::prev(after);
  return at < piece.end() ? &piece : nullptr;
}

base::Result<os::File*> SegmentFiles::handle(const Piece& piece) {
  ++uses_;
  const auto known = std::find_if(handles_.begin(), handles_.end(),
                                  [&](const Handle& h) { return h.start == piece.start; });
  if (known != handles_.end()) {
    known->used = uses_;
    if (known->bytes >= piece.bytes) return known->file.get();
    handles_.erase(known);
  }
  if (handles_.size() >= max_handles)
    handles_.erase(std::min_element(handles_.begin(), handles_.end(),
                                    [](const Handle& a, const Handle& b) { return a.used < b.used; }));
  auto file = TRY(dir_->open(format::file_name(piece.start), os::Open::existing));
  base::Bytes header;
  TRY(file->read(0, file_header_bytes, header));
  if (!format::is_file_header(header, piece.start))
    return base::fail(Code::corrupt, "read " + dir_->path() + '/' + format::file_name(piece.start) +
                                         ": the file's header is damaged");
  const std::uint64_t bytes = TRY(file->size()) - file_header_bytes;
  handles_.push_back({piece.start, bytes, std::move(file), uses_});
  return handles_.back().file.get();
}

base::Result<std::uint8_t> SegmentFiles::read(Position at, base::Bytes& payload) {
  const Piece* const piece = piece_of(at);
  if (piece == nullptr) return base::fail(Code::not_found, "read a record: it is not in the log");
  os::File* const file = TRY(handle(*piece));
  const std::uint64_t offset = file_header_bytes + (at.value - piece->start.value);
  const std::uint64_t left = piece->end().value - at.value;
  std::size_t want = read_first;
  for (;;) {
    want = static_cast<std::size_t>(std::min<std::uint64_t>(want, left));
    TRY(file->read(offset, want, buffer_));
    const format::Parsed parsed = format::parse_record(buffer_, record_bytes_);
    if (parsed.what == What::record) {
      payload.assign(parsed.payload.begin(), parsed.payload.end());
      return parsed.kind;
    }
    if (parsed.what == What::damaged || parsed.size > left || buffer_.size() < want)
      return base::fail(Code::corrupt, "read " + dir_->path() + '/' +
                                           format::file_name(piece->start) + ": damaged record at " +
                                           std::to_string(offset));
    want = parsed.size;
  }
}

void SegmentFiles::count_damage(Piece& piece, Position at) {
  if (piece.damaged) return;
  piece.damaged = true;
  const std::uint64_t lost = piece.end().value - at.value;
  damaged_bytes_ += lost;
  base::log::error("store", "skipped the damaged rest of a file",
                   {{"file", dir_->path() + '/' + format::file_name(piece.start)}, {"bytes", lost}});
}

base::Result<bool> SegmentFiles::scan_piece(Piece& piece, Position& at, const Visit& visit) {
  const auto opened = handle(piece);
  if (!opened && opened.error().code != Code::corrupt) return std::unexpected(opened.error());
  const Position end = piece.end();
  std::size_t want = scan_chunk;
  base::Bytes chunk;  // not buffer_: `visit` may read
  while (opened && at < end) {
    const std::uint64_t left = end.value - at.value;
    want = static_cast<std::size_t>(std::min<std::uint64_t>(want, left));
    // Not *opened: a read() in `visit` may have had the handle closed.
    TRY(TRY(handle(piece))->read(file_header_bytes + (at.value - piece.start.value), want, chunk));
    base::BytesView rest(chunk);
    std::size_t needed = 0;
    while (!rest.empty()) {
      const format::Parsed parsed = format::parse_record(rest, record_bytes_);
      if (parsed.what != What::record) {
        if (parsed.what == What::incomplete) needed = parsed.size;
        break;
      }
      const Position here = at;
      at.value += parsed.size;
      if (!TRY(visit({here, parsed.kind, parsed.payload}))) return false;
      rest = rest.subspan(parsed.size);
    }
    if (rest.empty()) {
      if (chunk.empty()) break;
      want = scan_chunk;
      continue;
    }
    if (needed == 0 || needed > end.value - at.value || chunk.size() < want) break;
    want = std::max(needed, scan_chunk);
  }
  if (at < end) count_damage(piece, at);
  return true;
}

base::Result<Position> SegmentFiles::scan(Position from, const Visit& visit) {
  Position at = from;
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    if (pieces_[i].end() <= from) continue;
    at = std::max(pieces_[i].start, from);
    if (!TRY(scan_piece(pieces_[i], at, visit))) return at;
  }
  return at;
}

}  // namespace selvedge::store
