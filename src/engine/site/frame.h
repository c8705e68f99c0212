// SiteFrame: what one member of a site sends to another, one after the other on a connection of its own.
//
// u32 length, u8 kind, then the kind's contents (docs/spec/site.md). The first frame is a greeting: it says which site
// the sender means and who is in it, so that two members that were told of different sites never count each other.
// Decoding trusts nothing; a frame longer than most_site_frame is refused before it is kept. Belongs to one thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "engine/site/beat.h"
#include "engine/site/documents.h"

namespace selvedge::engine {

inline constexpr std::size_t most_site_frame = 2 << 20;

struct SiteGreeting {
  std::string site, node;
  std::string members;                             // site_members() of the list it was told
  friend bool operator==(const SiteGreeting&, const SiteGreeting&) = default;
};

using SiteFrame = std::variant<SiteGreeting, SiteBeat, SiteDocument>;

// The same for the same set of names, whatever their order; 32 hex digits.
std::string site_members(std::vector<std::string> names);

void encode_site_frame(const SiteFrame& frame, base::Bytes& out);
// Of the bytes behind the length.
base::Result<SiteFrame> decode_site_frame(base::BytesView bytes);

// Cuts a stream into frames.
class SiteFrameReader {
 public:
  void add(base::BytesView bytes) { base::append(buffer_, bytes); }
  // The next whole one; nothing: more bytes are needed. After an error nothing more comes.
  base::Result<std::optional<SiteFrame>> next();

 private:
  base::Bytes buffer_;
  std::size_t at_ = 0;
};

}  // namespace selvedge::engine
