#include "engine/site/frame.h"

#include <algorithm>

#include "base/text.h"
#include "base/wire.h"
#include "crypto/crypto.h"

namespace selvedge::engine {
namespace {

using base::Code;
using base::fail;
using base::Result;

enum class Kind : std::uint8_t { greeting = 1, beat = 2, document = 3 };
constexpr std::uint8_t version = 1;
constexpr std::size_t length_bytes = 4, most_members_text = 64;

std::string read_name(base::Reader& from) { return std::string(from.text().substr(0, SiteLimits::name_bytes)); }

void write(const SiteGreeting& greeting, base::Bytes& out) {
  base::Writer to(out);
  to.u8(static_cast<std::uint8_t>(Kind::greeting));
  to.u8(version);
  to.text(greeting.site);
  to.text(greeting.node);
  to.text(greeting.members);
}

void write(const SiteBeat& beat, base::Bytes& out) {
  base::Writer(out).u8(static_cast<std::uint8_t>(Kind::beat));
  encode_site_beat(beat, out);
}

void write(const SiteDocument& document, base::Bytes& out) {
  base::Writer to(out);
  to.u8(static_cast<std::uint8_t>(Kind::document));
  to.text(document.task);
  to.varint(document.generation);
  to.varint(document.epoch);
  to.varint(document.change);
  to.text(document.json);
}

}  // namespace

std::string site_members(std::vector<std::string> names) {
  std::ranges::sort(names);
  std::string text = "selvedge site 1\n";
  for (const std::string& name : names) text += name + "\n";
  return base::to_hex(base::BytesView(crypto::sha256(base::as_bytes(text))).first(16));
}

void encode_site_frame(const SiteFrame& frame, base::Bytes& out) {
  const std::size_t begin = out.size();
  base::Writer to(out);
  to.u32(0);
  std::visit([&](const auto& one) { write(one, out); }, frame);
  to.patch_u32(begin, static_cast<std::uint32_t>(out.size() - begin - length_bytes));
}

Result<SiteFrame> decode_site_frame(base::BytesView bytes) {
  base::Reader from(bytes);
  const std::uint8_t kind = from.u8();
  const auto corrupt = [](const char* why) { return fail(Code::corrupt, std::string("frame of a site's member: ") + why); };
  switch (static_cast<Kind>(kind)) {
    case Kind::greeting: {
      if (from.u8() != version) return corrupt("it is of another version");
      SiteGreeting greeting;
      greeting.site = read_name(from);
      greeting.node = read_name(from);
      greeting.members = from.text().substr(0, most_members_text);
      if (!from.ok()) return corrupt("the greeting is cut off");
      return greeting;
    }
    case Kind::beat: return TRY(decode_site_beat(from.rest()));
    case Kind::document: {
      SiteDocument document;
      document.task = read_name(from);
      document.generation = from.varint();
      document.epoch = from.varint();
      document.change = from.varint();
      document.json = from.text();
      if (!from.ok()) return corrupt("the document is cut off");
      return document;
    }
  }
  return corrupt("it is of a kind that is not known");
}

Result<std::optional<SiteFrame>> SiteFrameReader::next() {
  const base::BytesView rest = base::BytesView(buffer_).subspan(at_);
  const auto more = [&]() -> std::optional<SiteFrame> {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ = 0;
    return std::nullopt;
  };
  if (rest.size() < length_bytes) return more();
  const std::uint32_t length = base::Reader(rest).u32();
  if (length > most_site_frame) return fail(Code::corrupt, "frame of a site's member: it is longer than any");
  if (rest.size() - length_bytes < length) return more();
  at_ += length_bytes + length;
  SiteFrame frame = TRY(decode_site_frame(rest.subspan(length_bytes, length)));
  return std::optional(std::move(frame));
}

}  // namespace selvedge::engine
