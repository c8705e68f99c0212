#include "codec/payload/senml_cbor.h"

#include <array>

#include "base/text.h"
#include "codec/payload/cbor.h"
#include "codec/payload/senml.h"

namespace selvedge::codec::payload {
namespace {

using base::Code;
using base::fail;
using base::Result;
using Type = CborReader::Type;

constexpr std::uint32_t most_depth = 64;
constexpr std::uint64_t cbor_false = 20, cbor_true = 21;

std::string base64url(std::string_view bytes) {
  std::string text = base::to_base64(base::as_bytes(bytes));
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

class PackReader {
 public:
  PackReader(base::BytesView bytes, const Options& options, base::Time arrival, Output& out)
      : in_(bytes, std::min(options.bounds.depth, most_depth)), options_(options), out_(out) {
    pack_.begin_pack(options, arrival);
  }

  Result<void> read() {
    TRY(in_.next_untagged());
    const CborReader::Head head = in_.head();
    if (head.type != Type::array) return in_.error("not an array of records");
    for (std::uint64_t i = 0; head.indefinite ? !in_.take_break() : i < head.argument; ++i) {
      Result<void> result = record();
      if (!result)
        return std::unexpected(std::move(result).error().while_doing("record " + std::to_string(i)));
    }
    if (!in_.at_end()) return in_.error("something follows the end of the pack");
    return {};
  }

 private:
  Result<void> record() {
    TRY(in_.next_untagged());
    if (in_.head().type != Type::map) return in_.error("not a map");
    const bool indefinite = in_.head().indefinite;
    const std::uint64_t count = in_.head().argument;
    pack_.begin_record();
    for (std::uint64_t i = 0; indefinite ? !in_.take_break() : i < count; ++i)
      TRY(field(TRY(label())));
    return pack_.end_record(out_);
  }

  Result<SenmlLabel> label() {
    TRY(in_.next_untagged());
    const Type type = in_.head().type;
    if (type == Type::text) return senml_label(TRY(in_.string(joined_label_)));
    if (type != Type::unsigned_integer && type != Type::negative_integer)
      return in_.error("a label that is neither an integer nor text");
    const auto number = in_.integer_value();
    return number ? senml_label(*number) : SenmlLabel::other;
  }

  Result<void> field(SenmlLabel label) {
    TRY(in_.next_untagged());
    switch (in_.head().type) {
      case Type::unsigned_integer:
      case Type::negative_integer: return integer(label);
      case Type::text: return pack_.text(label, TRY(in_.string(joined(label))));
      case Type::bytes: return bytes(label);
      case Type::tag: return pack_.number(label, TRY(in_.decimal_fraction()));
      case Type::simple: return simple(label);
      case Type::array:
      case Type::map: break;
    }
    if (label != SenmlLabel::other) return in_.error("an array or map as the value of a field");
    return in_.skip();
  }

  Result<void> integer(SenmlLabel label) {
    if (const auto whole = in_.integer_value()) return pack_.number(label, Decimal::of(*whole));
    const auto size = static_cast<double>(in_.head().argument);
    return pack_.number(label, in_.head().type == Type::unsigned_integer ? size : -1 - size);
  }

  Result<void> simple(SenmlLabel label) {
    if (const auto number = in_.float_value()) return pack_.number(label, *number);
    const std::uint64_t value = in_.head().bytes == 0 ? in_.head().argument : 0;
    if (value == cbor_false || value == cbor_true) return pack_.boolean(label, value == cbor_true);
    if (label == SenmlLabel::other) return {};
    return in_.error("null or another simple value as the value of a field");
  }

  Result<void> bytes(SenmlLabel label) {
    const std::string_view raw = TRY(in_.string(joined(label)));
    if (label == SenmlLabel::other) return {};
    if (label != SenmlLabel::data) return in_.error("bytes in a field other than 'vd'");
    if (raw.size() > options_.bounds.text_bytes) return in_.error("data longer than a text may be");
    data_ = base64url(raw);
    return pack_.data(data_);
  }

  // Joined strings of the fields of one record live side by side until its end. Only those that
  // SenmlPack keeps a view of need a place of their own.
  std::string& joined(SenmlLabel label) {
    return joined_[label == SenmlLabel::name ? 0 : label == SenmlLabel::text ? 1 : 2];
  }

  CborReader in_;
  const Options& options_;
  Output& out_;
  SenmlPack pack_;
  std::array<std::string, 3> joined_;
  std::string joined_label_, data_;
};

}  // namespace

Result<void> decode_senml_cbor(base::BytesView bytes, const Options& options, base::Time arrival,
                               Output& out) {
  return PackReader(bytes, options, arrival, out).read();
}

}  // namespace selvedge::codec::payload
