// Reads arbitrary bytes as each of the store's records. The first byte says which. What is read must be
// written and read again the same.

#include <algorithm>
#include <cstdlib>

#include "store/block_record.h"
#include "store/journal_record.h"
#include "store/segment_format.h"

using namespace selvedge;
using namespace selvedge::store;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void message(base::BytesView bytes) {
  std::uint64_t key = 0;
  std::vector<Staged> readings;
  std::string text;
  MessageNote note;
  const auto taken = take_message(bytes, key, note, [&](Staged r, std::string_view t) {
    r.text_at = static_cast<std::uint32_t>(text.size());
    text.append(t);
    readings.push_back(r);
  });
  if (!taken) return;
  base::Bytes again;
  put_message(again, key, note, readings, text);
  std::size_t count = 0;
  std::uint64_t key_again = 0;
  MessageNote note_again;
  require(take_message(again, key_again, note_again, [&](const Staged& r, std::string_view t) {
            const Staged& was = readings[count++];
            require(r.journal_only == was.journal_only && r.followed == was.followed);
            require(r.series == was.series && r.kind == was.kind && r.time == was.time);
            require(r.bits == was.bits || r.kind == model::Kind::boolean);
            require(r.kind != model::Kind::text ||
                    t == std::string_view(text).substr(was.text_at, was.bits));
          }).has_value());
  require(count == readings.size() && key == key_again);
  require(note.at == note_again.at && note.derived == note_again.derived);
}

void header(base::BytesView bytes) {
  BlockHeader h;
  std::vector<SeriesMark> marks;
  if (!take_header(bytes, h, marks)) return;
  base::Bytes again;
  put_header(again, h, marks);
  BlockHeader back;
  std::vector<SeriesMark> marks_back;
  require(take_header(again, back, marks_back));
  require(back.next_seq == h.next_seq && back.directory.size() == h.directory.size());
  require(back.delivered.floor() == h.delivered.floor());
}

void index(base::BytesView bytes) {
  SegmentIndex i;
  if (!take_index(bytes, i)) return;
  base::Bytes again;
  put_index(again, i);
  SegmentIndex back;
  require(take_index(again, back));
  require(back.chains.size() == i.chains.size() && back.places.size() == i.places.size());
}

void block(base::BytesView bytes) {
  BlockRecord r;
  if (!take_block(bytes, r)) return;
  base::Bytes again;
  put_block_head(again, r);
  base::append(again, r.frame);
  BlockRecord back;
  require(take_block(again, back));
  require(back.seq == r.seq && back.through == r.through && back.back == r.back);
  require(std::equal(r.frame.begin(), r.frame.end(), back.frame.begin(), back.frame.end()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const base::BytesView bytes(data + 1, size - 1);
  switch (data[0] % 5) {
    case 0: message(bytes); break;
    case 1: header(bytes); break;
    case 2: index(bytes); break;
    case 3: block(bytes); break;
    default: {
      const auto parsed = format::parse_record(bytes, 1 << 20);
      require(parsed.what != format::Parsed::What::record || parsed.size <= bytes.size());
      base::ignore(base::Result<bool>(format::parse_file_name(base::as_text(bytes)).has_value()),
                   "any answer will do");
    }
  }
  return 0;
}
