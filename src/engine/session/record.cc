// Each record says once, in fields(), what it consists of; writing and reading follow from that.

#include "engine/session/record.h"

#include <string>
#include <type_traits>
#include <utility>

namespace selvedge::engine::record {
namespace {

template <typename V>
void fields(SessionOpened& r, V& v) {
  v(r.session), v(r.client_id), v(r.device), v(r.version), v(r.expiry), v(r.next_packet_id);
  v(r.will), v(r.will_retain), v(r.will_delay), v(r.will_expiry);
}
template <typename V>
void fields(SessionLeft& r, V& v) { v(r.session), v(r.ends), v(r.will_due); }
template <typename V>
void fields(SessionEnded& r, V& v) { v(r.session); }
template <typename V>
void fields(SubscriptionAdded& r, V& v) {
  v(r.session), v(r.filter), v(r.group), v(r.group_number), v(r.options), v(r.id);
}
template <typename V>
void fields(SubscriptionRemoved& r, V& v) { v(r.session), v(r.filter), v(r.group); }
template <typename V>
void fields(MessageStored& r, V& v) {
  v(r.message), v(r.topic), v(r.payload), v(r.properties), v(r.origin), v(r.qos), v(r.expires);
}
template <typename V>
void fields(Queued& r, V& v) {
  v(r.session), v(r.message), v(r.packet_id), v(r.qos), v(r.retain), v(r.sent), v(r.released);
  v(r.group_number), v(r.ids);
}
template <typename V>
void fields(Stepped& r, V& v) { v(r.session), v(r.packet_id), v(r.step); }
template <typename V>
void fields(RetainedSet& r, V& v) { v(r.message); }
template <typename V>
void fields(RetainedErased& r, V& v) { v(r.topic); }
template <typename V>
void fields(WillSent& r, V& v) { v(r.session); }

struct Put {
  base::Writer out;

  template <typename T>
  void operator()(const T& value) {
    if constexpr (std::is_same_v<T, std::int64_t>) {
      out.u64(static_cast<std::uint64_t>(value));
    } else if constexpr (std::is_same_v<T, std::string_view>) {
      out.text(value);
    } else if constexpr (std::is_same_v<T, base::BytesView>) {
      out.bytes(value);
    } else if constexpr (std::is_same_v<T, std::span<const std::uint32_t>>) {
      out.varint(value.size());
      for (const std::uint32_t id : value) out.varint(id);
    } else {
      out.varint(static_cast<std::uint64_t>(value));
    }
  }
};

struct Take {
  base::Reader in;
  std::vector<std::uint32_t>& ids;
  bool fits = true;

  template <typename T>
  void operator()(T& value) {
    if constexpr (std::is_same_v<T, std::int64_t>) {
      value = static_cast<std::int64_t>(in.u64());
    } else if constexpr (std::is_same_v<T, std::string_view>) {
      value = in.text();
      fits &= value.size() <= 65'535;    // all texts come from MQTT fields
    } else if constexpr (std::is_same_v<T, base::BytesView>) {
      value = in.bytes();
    } else if constexpr (std::is_same_v<T, std::span<const std::uint32_t>>) {
      const std::uint64_t count = in.varint();
      ids.clear();
      for (std::uint64_t i = 0; i < count && in.ok(); ++i) ids.push_back(number<std::uint32_t>());
      value = ids;
    } else if constexpr (std::is_enum_v<T>) {
      const std::uint64_t raw = in.varint();
      fits &= raw <= static_cast<std::uint64_t>(Step::forgotten);
      value = static_cast<T>(raw);
    } else {
      value = number<T>();
    }
  }

  template <typename T>
  T number() {
    const std::uint64_t raw = in.varint();
    fits &= raw <= std::numeric_limits<T>::max();
    return static_cast<T>(raw);
  }
};

template <std::size_t kind = 0>
std::optional<Record> read_kind(std::size_t wanted, Take& take) {
  if constexpr (kind < std::variant_size_v<Record>) {
    if (wanted != kind) return read_kind<kind + 1>(wanted, take);
    std::variant_alternative_t<kind, Record> record;
    fields(record, take);
    if (!take.in.ok() || !take.in.at_end() || !take.fits) return std::nullopt;
    return record;
  } else {
    return std::nullopt;
  }
}

template <typename T, std::size_t kind = 0>
constexpr std::uint8_t kind_of() {
  if constexpr (std::is_same_v<T, std::variant_alternative_t<kind, Record>>) {
    return kind;
  } else {
    return kind_of<T, kind + 1>();
  }
}

std::size_t varint_size(std::uint64_t v) {
  std::size_t size = 1;
  for (; v >= 0x80; v >>= 7) ++size;
  return size;
}

}  // namespace

template <typename T>
void write(const T& record, base::Bytes& out) {
  // The length comes first and is known last: leave one byte, and make room if it takes more.
  const std::size_t begin = out.size();
  out.push_back(0);
  out.push_back(kind_of<T>());
  Put put{base::Writer(out)};
  T copy = record;
  fields(copy, put);
  const std::size_t length = out.size() - begin - 1;
  const std::size_t extra = varint_size(length) - 1;
  if (extra > 0) {
    out.insert(out.begin() + static_cast<std::ptrdiff_t>(begin), extra, 0);
  }
  std::uint64_t rest = length;
  for (std::size_t i = 0; i <= extra; ++i, rest >>= 7) {
    out[begin + i] = static_cast<std::uint8_t>((rest & 0x7F) | (i < extra ? 0x80 : 0));
  }
}

template void write(const SessionOpened&, base::Bytes&);
template void write(const SessionLeft&, base::Bytes&);
template void write(const SessionEnded&, base::Bytes&);
template void write(const SubscriptionAdded&, base::Bytes&);
template void write(const SubscriptionRemoved&, base::Bytes&);
template void write(const MessageStored&, base::Bytes&);
template void write(const Queued&, base::Bytes&);
template void write(const Stepped&, base::Bytes&);
template void write(const RetainedSet&, base::Bytes&);
template void write(const RetainedErased&, base::Bytes&);
template void write(const WillSent&, base::Bytes&);

base::Result<std::optional<Record>> Stream::next() {
  if (in_.ok() && in_.at_end()) return std::nullopt;
  ++count_;
  const base::BytesView bytes = in_.bytes();
  if (in_.ok() && !bytes.empty()) {
    Take take{base::Reader(bytes.subspan(1)), ids_};
    if (std::optional<Record> record = read_kind(bytes[0], take)) return record;
  }
  return base::fail(base::Code::corrupt, "session record " + std::to_string(count_) +
                                             " is damaged");
}

}  // namespace selvedge::engine::record
