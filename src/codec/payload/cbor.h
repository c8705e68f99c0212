// Cbor: a bounded reader of CBOR (RFC 8949): one item after another, nothing believed.
//
// A length is compared with what is left before it is used, and nothing is allocated for it. The
// reader stands on an item; the caller looks at its head and takes it or skips it.

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

  base::Result<Head> head();
  // Like head(), but past any tags except 4 (decimal fraction), which mean nothing to us.
  base::Result<Head> untagged_head();
  // True, and past it, if the next byte ends an indefinite array, map or string.
  bool take_break();

  // What follows a head of text or bytes. Parts of an indefinite one are joined in `joined`.
  base::Result<std::string_view> string(const Head& head, std::string& joined);
  // The value of a head that is a half, single or double float.
  static std::optional<double> float_of(const Head& head);
  // The value of a head that is an integer; none beyond int64.
  static std::optional<std::int64_t> integer_of(const Head& head);
  // After a head of tag 4: [exponent, mantissa].
  base::Result<Decimal> decimal_fraction();
  // The rest of the item that `head` begins.
  base::Result<void> skip(const Head& head) { return skip(head, depth_); }

  std::unexpected<base::Error> error(std::string_view what) const;

 private:
  base::Result<void> skip(const Head& head, std::uint32_t depth);
  base::Result<void> skip_items(const Head& head, std::uint32_t depth);
  base::Result<std::string_view> take(std::uint64_t size);

  base::BytesView bytes_;
  std::uint32_t depth_;
  std::size_t position_ = 0;
};

}  // namespace selvedge::codec::payload
