#include <algorithm>

#include "base/text.h"
#include "base/wire.h"
#include "codec/twin/envelope.h"
#include "codec/twin/twin.h"

namespace selvedge::codec::twin {
namespace {

constexpr std::size_t least_twin_bytes = 5;
constexpr std::size_t least_leaf_bytes = 9;
constexpr std::size_t leaf_head_bytes = 40;    // lengths, part, stamp, at most
constexpr std::size_t twin_head_bytes = 40;

std::unexpected<base::Error> damaged(std::string_view what) {
  return refuse(base::Code::corrupt, std::string(what) + " is cut short or overlong");
}

std::unexpected<base::Error> not_allowed(std::string_view why) {
  return refuse(base::Code::invalid_input, why);
}

// ---- writing ----

template <typename Fill>
void record(base::Writer writer, const Fill& fill) {
  base::Bytes bytes;
  fill(base::Writer(bytes));
  writer.bytes(bytes);
}

void write(const Hello& hello, base::Writer writer) {
  record(writer, [&](base::Writer w) {
    w.u64(hello.session);
    w.svarint(hello.sent_at.ns);
  });
}

void write_leaf(const model::TwinLeaf& leaf, base::Writer w) {
  w.u8(static_cast<std::uint8_t>(leaf.part));
  w.text(leaf.path);
  w.varint(leaf.stamp.time);
  w.u32(leaf.stamp.origin);
  w.text(leaf.value);
}

void write(const Changes& changes, base::Writer writer) {
  record(writer, [&](base::Writer w) {
    w.u64(changes.session);
    w.varint(changes.number);
    w.svarint(changes.sent_at.ns);
  });
  writer.varint(changes.twins.size());
  for (const Change& twin : changes.twins) {
    record(writer, [&](base::Writer w) {
      w.text(twin.id);
      w.varint(twin.revision);
    });
    writer.varint(twin.leaves.size());
    for (const model::TwinLeaf& leaf : twin.leaves)
      record(writer, [&](base::Writer w) { write_leaf(leaf, w); });
  }
}

void write(const Seen& seen, base::Writer writer) {
  record(writer, [&](base::Writer w) {
    w.u64(seen.session);
    w.varint(seen.number);
    w.varint(seen.refused);
  });
}

void write(const Command& command, base::Writer writer) {
  record(writer, [&](base::Writer w) {
    w.u64(command.request);
    w.varint(command.left_ms);
    w.text(command.device);
    w.text(command.feature);
    w.text(command.subject);
    w.text(command.content_type);
  });
  writer.bytes(command.payload);
}

void write(const Answer& answer, base::Writer writer) {
  record(writer, [&](base::Writer w) {
    w.u64(answer.request);
    w.u16(answer.status);
    w.u8(answer.from_device ? 1 : 0);
    w.text(answer.content_type);
  });
  writer.bytes(answer.payload);
}

// ---- reading ----

bool has_control(std::string_view text) {
  return std::ranges::any_of(text, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
  });
}

base::Result<model::TwinLeaf> read_leaf(base::BytesView bytes) {
  base::Reader r(bytes);
  const std::uint8_t part = r.u8();
  const std::string_view path = r.text();
  const std::uint64_t time = r.varint();
  const std::uint32_t origin = r.u32();
  const std::string_view value = r.text();
  if (!r.ok()) return damaged("a leaf");
  if (part > static_cast<std::uint8_t>(model::TwinPart::desired))
    return not_allowed("part " + std::to_string(part) + " of a twin");
  if (path.size() > max_path_bytes || (!path.empty() && path.front() != '/') || !base::is_utf8(path))
    return not_allowed("the path \"" + base::printable(path) + "\"");
  if (time > max_stamp) return not_allowed("a stamp from beyond the year 4000");
  if (!base::is_utf8(value)) return not_allowed("a value that is not UTF-8");
  return model::TwinLeaf{static_cast<model::TwinPart>(part), std::string(path), {time, origin},
                         std::string(value)};
}

base::Result<Change> read_change(base::Reader& reader) {
  base::Reader r(reader.bytes());
  Change twin;
  twin.id = r.text();
  twin.revision = r.varint();
  const std::uint64_t leaves = reader.varint();
  if (!r.ok() || !reader.ok() || leaves > reader.remaining() / least_leaf_bytes)
    return damaged("a twin");
  if (twin.id.empty() || twin.id.size() > 129 || has_control(twin.id) || !base::is_utf8(twin.id))
    return not_allowed("the twin \"" + base::printable(twin.id) + "\"");
  // Grows as it is filled: a count costs nothing.
  for (std::uint64_t i = 0; i < leaves; ++i) {
    const base::BytesView leaf = reader.bytes();
    if (!reader.ok()) return damaged("a leaf");
    twin.leaves.push_back(TRY(read_leaf(leaf)));
  }
  return twin;
}

base::Result<Message> read_hello(base::Reader reader) {
  base::Reader r(reader.bytes());
  Hello hello;
  hello.session = r.u64();
  hello.sent_at.ns = r.svarint();
  if (!r.ok()) return damaged("the greeting");
  return hello;
}

base::Result<Message> read_changes(base::Reader reader) {
  base::Reader head(reader.bytes());
  Changes changes;
  changes.session = head.u64();
  changes.number = head.varint();
  changes.sent_at.ns = head.svarint();
  if (!head.ok()) return damaged("the head");
  if (changes.number == 0) return not_allowed("message number 0");
  const std::uint64_t twins = reader.varint();
  if (!reader.ok() || twins > reader.remaining() / least_twin_bytes)
    return damaged("the list of twins");
  for (std::uint64_t i = 0; i < twins; ++i) changes.twins.push_back(TRY(read_change(reader)));
  return changes;
}

base::Result<Message> read_seen(base::Reader reader) {
  base::Reader r(reader.bytes());
  Seen seen;
  seen.session = r.u64();
  seen.number = r.varint();
  seen.refused = r.varint();
  if (!r.ok()) return damaged("the acknowledgement");
  return seen;
}

base::Result<Message> read_command(base::Reader reader) {
  base::Reader r(reader.bytes());
  Command command;
  command.request = r.u64();
  const std::uint64_t left = r.varint();
  command.device = r.text();
  command.feature = r.text();
  command.subject = r.text();
  command.content_type = r.text();
  command.payload = reader.bytes();
  if (!r.ok() || !reader.ok() || left > UINT32_MAX) return damaged("the command");
  command.left_ms = static_cast<std::uint32_t>(left);
  if (!is_subject(command.device) || !is_subject(command.subject) ||
      (!command.feature.empty() && !is_subject(command.feature)))
    return not_allowed("a command whose device, feature or subject is no level of a topic");
  if (command.content_type.size() > 128 || has_control(command.content_type) ||
      !base::is_utf8(command.content_type))
    return not_allowed("the content type \"" + base::printable(command.content_type) + "\"");
  if (command.payload.size() > max_payload_bytes) return not_allowed("a payload that is too large");
  return command;
}

base::Result<Message> read_answer(base::Reader reader) {
  base::Reader r(reader.bytes());
  Answer answer;
  answer.request = r.u64();
  answer.status = r.u16();
  answer.from_device = r.u8() != 0;
  answer.content_type = r.text();
  answer.payload = reader.bytes();
  if (!r.ok() || !reader.ok()) return damaged("the answer");
  if (answer.status < 200 || answer.status > 599)
    return not_allowed("status " + std::to_string(answer.status));
  if (answer.content_type.size() > 128 || has_control(answer.content_type) ||
      !base::is_utf8(answer.content_type))
    return not_allowed("the content type \"" + base::printable(answer.content_type) + "\"");
  if (answer.payload.size() > max_payload_bytes) return not_allowed("a payload that is too large");
  return answer;
}

}  // namespace

void encode(const Message& message, base::Bytes& out) {
  // In the order of Kind.
  const std::size_t start = begin_message(static_cast<Kind>(message.index() + 1), out);
  std::visit([&](const auto& m) { write(m, base::Writer(out)); }, message);
  end_message(start, out);
}

std::size_t encoded_bytes(const Change& change) {
  std::size_t bytes = twin_head_bytes + change.id.size();
  for (const model::TwinLeaf& leaf : change.leaves)
    bytes += leaf_head_bytes + leaf.path.size() + leaf.value.size();
  return bytes;
}

base::Result<Message> decode(base::BytesView payload) {
  const Opened opened = TRY(open_message(payload));
  const base::Reader body(opened.body);
  switch (opened.kind) {
    case Kind::hello: return read_hello(body);
    case Kind::changes: return read_changes(body);
    case Kind::seen: return read_seen(body);
    case Kind::command: return read_command(body);
    case Kind::answer: return read_answer(body);
  }
  return damaged("the kind");
}

bool is_subject(std::string_view text) {
  if (text.empty() || text.size() > 128) return false;
  return std::ranges::all_of(text, [](char c) {
    return c > 0x20 && c < 0x7F && c != '/' && c != '+' && c != '#';
  });
}

std::string up_topic(std::string_view node) { return "up/" + std::string(node) + "/twins"; }
std::string down_topic(std::string_view node) { return "down/" + std::string(node) + "/twins"; }

}  // namespace selvedge::codec::twin
