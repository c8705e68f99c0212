#include <algorithm>

#include "base/text.h"
#include "cloud/artifacts_state.h"
#include "cloud/blob_sender.h"
#include "cloud/byte_range.h"
#include "crypto/crypto.h"

namespace selvedge::cloud {

using base::Code;
using base::Result;
using net::http::Request;
using net::http::Respond;
using net::http::Response;

namespace {

constexpr std::uint32_t downloads = 256;

std::string tag_of(const model::Sha256& digest) { return "\"" + base::to_hex(digest) + "\""; }

Response with_offset(Response response, std::uint64_t have) {
  response.headers.emplace_back("Upload-Offset", std::to_string(have));
  return response;
}

// RFC 9530: Content-Digest: sha-256=:<base64>:
bool digest_fits(std::string_view header, std::string_view body) {
  if (header.empty()) return true;
  constexpr std::string_view begin = "sha-256=:";
  if (!header.starts_with(begin) || !header.ends_with(':') || header.size() <= begin.size()) return false;
  header.remove_prefix(begin.size());
  header.remove_suffix(1);
  const auto said = base::from_base64(header);
  const auto is = crypto::sha256(base::as_bytes(body));
  return said && std::ranges::equal(*said, is);
}

}  // namespace

void Artifacts::State::get_blob(const model::Sha256& digest, const Request& request, const Respond& respond) {
  const BlobState state = catalog->blob(digest);
  if (!state.whole)
    return respond(with_offset(Response::problem({Code::not_found, "these bytes are not here"}), state.have));
  if (request.header("if-none-match") == tag_of(digest)) {
    Response same;
    same.status = 304;
    same.headers.emplace_back("ETag", tag_of(digest));
    return respond(std::move(same));
  }
  if (sending >= downloads) {
    Response later = Response::problem({Code::unavailable, "too many artifacts are being sent"});
    later.headers.emplace_back("Retry-After", "5");
    return respond(std::move(later));
  }
  const auto wanted = std::make_shared<Request>(request);
  catalog->read(digest, [shared = shared_from_this(), digest, wanted, size = state.have,
                         respond](Result<std::unique_ptr<os::File>> file) {
    if (!file) return respond(Response::problem(file.error()));
    shared->send_blob(digest, *wanted, size, std::move(*file), respond);
  });
}

void Artifacts::State::send_blob(const model::Sha256& digest, const Request& request, std::uint64_t size,
                                 std::unique_ptr<os::File> file, const Respond& respond) {
  // A condition that does not hold makes the range void (RFC 9110, 13.1.5).
  const std::string_view if_range = request.header("if-range");
  const bool may = if_range.empty() || if_range == tag_of(digest);
  const RangeWanted wanted = may ? parse_range(request.header("range"), size) : RangeWanted{};
  Response response;
  response.content_type = "application/octet-stream";
  response.headers = {{"ETag", tag_of(digest)}, {"Accept-Ranges", "bytes"},
                      {"Cache-Control", "immutable, max-age=31536000"}};
  if (wanted.is == RangeIs::not_satisfiable) {
    response = Response::problem(416, "invalid_input", "there are " + std::to_string(size) + " bytes");
    response.headers.emplace_back("Content-Range", "bytes */" + std::to_string(size));
    return respond(std::move(response));
  }
  ByteRange range{0, size == 0 ? 0 : size - 1};
  if (wanted.is == RangeIs::satisfiable) {
    range = wanted.range;
    response.status = 206;
    response.headers.emplace_back("Content-Range", "bytes " + std::to_string(range.first) + "-" +
                                                       std::to_string(range.last) + "/" + std::to_string(size));
  }
  response.length = range.length();
  ++sending;
  const auto sender = std::make_shared<BlobSender>(
      world, std::move(file), 40 + last_lane++ % 8, range.first, range.length(),
      [weak = weak_from_this()](std::uint64_t sent) {
        const auto self = weak.lock();
        if (!self) return;
        --self->sending;
        self->sent_bytes->add(sent);
      });
  response.stream = [sender](std::shared_ptr<net::http::BodyWriter> to) { sender->send(std::move(to)); };
  respond(std::move(response));
}

void Artifacts::State::put_blob(const model::Sha256& digest, Request request, const Respond& respond) {
  const auto carried = parse_range_carried(request.header("content-range"));
  if (!carried || carried->range.length() != request.body.size())
    return respond(Response::problem(
        {Code::invalid_input, "Content-Range: expected \"bytes FIRST-LAST/SIZE\" of the bytes in the body"}));
  if (!digest_fits(request.header("content-digest"), request.body))
    return respond(Response::problem({Code::invalid_input, "Content-Digest: these are not the bytes that were sent"}));
  received_bytes->add(request.body.size());
  catalog->put(digest, carried->range.first, carried->size, std::move(request.body),
               [weak = weak_from_this(), digest, respond](Result<BlobState> outcome) {
                 const auto self = weak.lock();
                 if (!self) return;
                 const std::uint64_t have = outcome ? outcome->have : self->catalog->blob(digest).have;
                 if (!outcome) {
                   const base::Error& why = outcome.error();
                   // Wrong bytes are the sender's fault, not ours.
                   return respond(with_offset(why.code == Code::corrupt
                                                  ? Response::problem(422, "corrupt", why.message)
                                                  : Response::problem(why),
                                              have));
                 }
                 Response done;
                 done.status = outcome->whole ? 201 : 202;
                 done.content_type.clear();
                 respond(with_offset(std::move(done), have));
               });
}

}  // namespace selvedge::cloud
