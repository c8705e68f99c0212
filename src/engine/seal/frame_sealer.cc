#include "engine/seal/frame_sealer.h"

#include "base/wire.h"
#include "codec/series/frame.h"
#include "codec/series/sealed.h"
#include "crypto/crypto.h"

namespace selvedge::engine {
namespace {

using base::BytesView;
using base::Code;
using base::fail;
using base::Result;

constexpr std::uint8_t layout = 1;
constexpr std::string_view info = "selvedge block data key v1";
constexpr std::size_t id_bytes = 8, wrapped_bytes = 32 + crypto::seal_overhead_bytes;

BytesView id_of(const crypto::Digest& digest) { return BytesView(digest).first(id_bytes); }

crypto::AeadNonce nonce_of(std::uint64_t count) {
  crypto::AeadNonce nonce{};
  for (unsigned i = 0; i < 8; ++i) nonce[4 + i] = static_cast<std::uint8_t>(count >> (56 - 8 * i));
  return nonce;
}

// The header, what stands before the ciphertext, and the series: lengths keep them apart.
base::Bytes bound_to(BytesView header, BytesView front, std::string_view series) {
  base::Bytes bytes;
  base::Writer out(bytes);
  out.bytes(header);
  out.bytes(front);
  out.text(series);
  return bytes;
}

}  // namespace

// Volatile, so that the writes are not taken for dead ones.
FrameSealer::~FrameSealer() {
  for (std::uint8_t& byte : key_) *static_cast<volatile std::uint8_t*>(&byte) = 0;
}

Result<void> FrameSealer::renew(base::Time now) {
  CHECK(!rules_.recipients.empty() && rules_.recipients.size() <= SealRules::max_recipients);
  key_ = crypto::make_aead_key();
  wrapped_.clear();
  base::Writer out(wrapped_);
  out.u8(layout);
  out.u8(static_cast<std::uint8_t>(rules_.recipients.size()));
  for (const crypto::SealKey& recipient : rules_.recipients) {
    auto wrapped = crypto::seal(recipient, base::as_bytes(info), {}, key_);
    if (!wrapped) {
      wrapped_.clear();
      return std::unexpected(std::move(wrapped).error().while_doing("seal blocks"));
    }
    out.raw(id_of(crypto::sha256(recipient)));
    out.raw(*wrapped);
  }
  made_ = now;
  used_ = 0;
  return {};
}

Result<base::Bytes> FrameSealer::seal(std::string_view series, BytesView frame, base::Time now) {
  // A clock that was set back ends the key too: its age cannot be told any more.
  if (wrapped_.empty() || used_ >= rules_.key_blocks || now < made_ || now - made_ >= rules_.key_age)
    TRY(renew(now));
  const base::Bytes header = codec::sealed_header(TRY(codec::read_summary(frame)));
  base::Bytes sealed = wrapped_;
  base::Writer(sealed).varint(used_);
  const base::Bytes associated = bound_to(header, sealed, series);
  crypto::aead_seal(key_, nonce_of(used_++), associated, frame, sealed);
  base::Bytes out;
  TRY(codec::put_sealed_frame(header, sealed, out));
  return out;
}

Result<base::Bytes> unseal_frame(std::string_view series, BytesView frame, const crypto::SealKey& secret) {
  const codec::SealedFrame opened = TRY(codec::open_sealed_frame(frame));
  base::Reader in(opened.sealed);
  if (in.u8() != layout) return fail(Code::corrupt, "unseal a block: unknown layout");
  const std::size_t recipients = in.u8();
  const crypto::Digest own = crypto::sha256(crypto::recipient_of(secret));
  BytesView wrapped;
  for (std::size_t i = 0; i < recipients && in.ok(); ++i) {
    const BytesView id = in.raw(id_bytes), key = in.raw(wrapped_bytes);
    if (in.ok() && std::ranges::equal(id, id_of(own))) wrapped = key;
  }
  const std::uint64_t count = in.varint();
  if (!in.ok()) return fail(Code::corrupt, "unseal a block: it is damaged");
  if (wrapped.empty()) return fail(Code::denied, "unseal a block: it was sealed for other keys");
  const BytesView front = opened.sealed.first(opened.sealed.size() - in.remaining());
  const base::Bytes held = TRY(crypto::unseal(secret, base::as_bytes(info), {}, wrapped));
  crypto::AeadKey key;
  if (held.size() != key.size()) return fail(Code::denied, "unseal a block: what was sealed is no key");
  std::ranges::copy(held, key.begin());
  base::Bytes inner;
  TRY(crypto::aead_open(key, nonce_of(count), bound_to(opened.header, front, series), in.rest(), inner));
  return inner;
}

}  // namespace selvedge::engine
