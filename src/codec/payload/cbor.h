// Cbor: a bounded reader of CBOR (RFC 8949): one item after another, nothing believed.
//
// A length is compared with what is left before it is used, and nothing is allocated for it. The
// reader stands on the head of an item; the caller looks at it and takes or skips the rest.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "codec/payload/number.h"

namespace selvedge::codec::payload {

class CborReader {
 public:
  enum class Type : std::uint8_t {
    unsigned_integer,
    negative_integer,
    bytes,
    text,
    array,
    map,
    tag,
    simple,
  };

  struct Head {
    Type type = Type::simple;
    std::uint64_t argument = 0;  // value, length, tag or the bits of a float
    std::uint8_t bytes = 0;      // that the argument took: 0, 1, 2, 4, 8; tells the floats apart
    bool indefinite = false;
  };

  // `depth`: how deep arrays, maps and tags may be nested.
  CborReader(base::BytesView bytes, std::uint32_t depth) : bytes_(bytes), depth_(depth) {}

  std::size_t position() const { return position_; }
  bool at_end() const { return position_ == bytes_.size(); }

  // Reads the next head. The second goes on past tags other than 4 (decimal fraction), which mean
  // nothing to us.
  base::Result<void> next();
  base::Result<void> next_untagged();
  // The head read last.
  const Head& head() const { return head_; }

  // True, and past it, if the next byte ends an indefinite array, map or string.
  bool take_break();

  // What follows a head of text or bytes. Parts of an indefinite one are joined in `joined`.
  base::Result<std::string_view> string(std::string& joined);
  // The value of a head that is a half, single or double float.
  std::optional<double> float_value() const;
  // The value of a head that is an integer; none beyond int64.
  std::optional<std::int64_t> integer_value() const;
  // After a head of tag 4: [exponent, mantissa].
  base::Result<Decimal> decimal_fraction();
  // The rest of the item.
  base::Result<void> skip() { return skip(depth_); }

  std::unexpected<base::Error> error(std::string_view what) const;

 private:
  base::Result<void> skip(std::uint32_t depth);
  base::Result<void> skip_items(std::uint32_t depth);
  base::Result<std::optional<std::int64_t>> next_integer();
  base::Result<std::string_view> take(std::uint64_t size);

  base::BytesView bytes_;
  std::uint32_t depth_;
  std::size_t position_ = 0;
  Head head_;
};

}  // namespace selvedge::codec::payload
