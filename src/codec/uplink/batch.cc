#include "base/text.h"
#include "base/wire.h"
#include "codec/uplink/envelope.h"
#include "codec/uplink/uplink.h"

namespace selvedge::codec::uplink {
namespace {

constexpr std::size_t max_name_bytes = 512;
// The fewest bytes that a series record and a block record take, to bound counts by.
constexpr std::size_t least_series_bytes = 6;
constexpr std::size_t least_block_bytes = 6;

std::unexpected<base::Error> damaged(std::string_view what) {
  return refuse(MessageKind::batch, base::Code::corrupt,
                std::string(what) + " is cut short or overlong");
}

std::unexpected<base::Error> not_allowed(std::string_view why) {
  return refuse(MessageKind::batch, base::Code::invalid_input, why);
}

// The longest beginning of `text` within `limit` bytes that does not end inside a character.
std::string_view cut(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return text;
  while (limit > 0 && (static_cast<unsigned char>(text[limit]) & 0xC0) == 0x80) --limit;
  return text.substr(0, limit);
}

bool has_control(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) return true;
  }
  return false;
}

base::Result<model::SeriesDef> read_series(base::BytesView record) {
  base::Reader reader(record);
  const std::uint64_t id = reader.varint();
  const std::uint8_t kind = reader.u8();
  const std::string_view name = reader.text();
  const std::string_view device = reader.text();
  if (!reader.ok()) return damaged("a series");
  if (id > UINT32_MAX) return not_allowed("series number " + std::to_string(id));
  if (kind > static_cast<std::uint8_t>(model::Kind::text)) {
    return not_allowed("series kind " + std::to_string(kind));
  }
  if (name.empty() || name.size() > max_name_bytes || !base::is_utf8(name) || has_control(name)) {
    return not_allowed("series name \"" + base::printable(name) +
                       "\": 1 to 512 bytes of UTF-8 without control characters are");
  }
  if (device.size() > max_device_bytes || !base::is_utf8(device)) {
    return not_allowed("device name \"" + base::printable(device) +
                       "\": at most 512 bytes of UTF-8 are");
  }
  return model::SeriesDef{.id = model::SeriesId{static_cast<std::uint32_t>(id)},
                          .kind = static_cast<model::Kind>(kind),
                          .name = std::string(name),
                          .device = std::string(device)};
}

base::Result<BlockView> read_block(base::BytesView head, base::BytesView frame,
                                   std::uint64_t seq_before, base::Time sent_at) {
  base::Reader reader(head);
  // Unsigned arithmetic wraps, so that no difference from outside is undefined.
  const std::uint64_t seq = seq_before + static_cast<std::uint64_t>(reader.svarint());
  const std::uint64_t series = reader.varint();
  const std::uint64_t age = static_cast<std::uint64_t>(reader.svarint());
  if (!reader.ok() || frame.empty()) return damaged("a block");
  if (seq == 0 || seq > max_seq) return not_allowed("block number " + std::to_string(seq));
  if (series > UINT32_MAX) return not_allowed("series number " + std::to_string(series));
  const auto sealed_at = static_cast<std::int64_t>(static_cast<std::uint64_t>(sent_at.ns) - age);
  return BlockView{.seq = model::BlockSeq{seq},
                   .series = model::SeriesId{static_cast<std::uint32_t>(series)},
                   .sealed_at = base::Time{sealed_at},
                   .frame = frame};
}

}  // namespace

void encode(const Batch& batch, base::Bytes& out) {
  const std::size_t start = begin_message(MessageKind::batch, out);
  base::Writer writer(out);
  base::Bytes record;
  const auto put = [&](auto&& fill) {
    record.clear();
    fill(base::Writer(record));
    writer.bytes(record);
  };
  put([&](base::Writer w) {
    w.u64(static_cast<std::uint64_t>(batch.epoch));
    w.svarint(batch.sent_at.ns);
  });
  writer.varint(batch.series.size());
  for (const model::SeriesDef& series : batch.series) {
    put([&](base::Writer w) {
      w.varint(static_cast<std::uint32_t>(series.id));
      w.u8(static_cast<std::uint8_t>(series.kind));
      w.text(series.name);
      w.text(cut(series.device, max_device_bytes));
    });
  }
  writer.varint(batch.blocks.size());
  std::uint64_t seq_before = 0;
  for (const BlockView& block : batch.blocks) {
    const std::uint64_t seq = number(block.seq);
    const std::uint64_t age = static_cast<std::uint64_t>(batch.sent_at.ns) -
                              static_cast<std::uint64_t>(block.sealed_at.ns);
    put([&](base::Writer w) {
      w.svarint(static_cast<std::int64_t>(seq - seq_before));
      w.varint(static_cast<std::uint32_t>(block.series));
      w.svarint(static_cast<std::int64_t>(age));
    });
    writer.bytes(block.frame);
    seq_before = seq;
  }
  end_message(start, out);
}

base::Result<Batch> decode_batch(base::BytesView payload) {
  base::Reader reader(TRY(open_message(MessageKind::batch, payload)));
  Batch batch;
  base::Reader head(reader.bytes());
  batch.epoch = model::Epoch{head.u64()};
  batch.sent_at = base::Time{head.svarint()};
  if (!head.ok()) return damaged("the head");

  const std::uint64_t series = reader.varint();
  if (!reader.ok() || series > reader.remaining() / least_series_bytes) {
    return damaged("the list of series");
  }
  batch.series.reserve(static_cast<std::size_t>(series));
  for (std::uint64_t i = 0; i < series; ++i) {
    batch.series.push_back(TRY(read_series(reader.bytes())));
  }

  const std::uint64_t blocks = reader.varint();
  if (!reader.ok() || blocks > reader.remaining() / least_block_bytes) {
    return damaged("the list of blocks");
  }
  batch.blocks.reserve(static_cast<std::size_t>(blocks));
  std::uint64_t seq_before = 0;
  for (std::uint64_t i = 0; i < blocks; ++i) {
    const base::BytesView block_head = reader.bytes();
    const base::BytesView frame = reader.bytes();
    batch.blocks.push_back(TRY(read_block(block_head, frame, seq_before, batch.sent_at)));
    seq_before = number(batch.blocks.back().seq);
  }
  return batch;  // what follows was added by a later version
}

}  // namespace selvedge::codec::uplink
