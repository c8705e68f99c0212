#include "cli/unseal.h"

#include "cli/keyring.h"
#include "codec/series/sealed.h"
#include "engine/seal/frame_sealer.h"
#include "os/file_at.h"

namespace selvedge::cli {

using base::Result;

namespace {

Result<base::Bytes> opened(const std::string& series, base::BytesView frame, const crypto::SealKey& secret) {
  if (codec::is_sealed(TRY(codec::read_summary(frame)))) return engine::unseal_frame(series, frame, secret);
  return base::Bytes(frame.begin(), frame.end());
}

}  // namespace

std::vector<std::pair<std::string, std::string>> query_parameters(const Arguments& arguments) {
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const char* name : {"from", "to", "step", "window", "hold", "agg", "downsample", "points", "limit"})
    if (arguments.has(name)) parameters.emplace_back(name, arguments.text(name));
  if (arguments.has("stats")) parameters.emplace_back("stats", "true");
  return parameters;
}

Result<net::http::Response> query_sealed(const Arguments& arguments, Session& session, ApiClient& api,
                                         std::string_view format) {
  const std::string path = arguments.text("unseal");
  const std::string pem = TRY(os::read_text(session.world, path, 64 << 10));
  const auto keys = TRY(base::while_doing(path, crypto::parse_seal_keys(pem)));
  net::http::Request asked;
  asked.query = {{"series", arguments.positional[0]}, {"format", std::string(format)}};
  for (auto& parameter : query_parameters(arguments)) asked.query.push_back(std::move(parameter));
  const auto parsed = TRY(net::api::parse_query_request(asked, session.world.loop().wall_now()));

  std::string target = "/api/v1/query?format=frames&series=" + encode_query(parsed.series);
  // What was held then may have come before.
  if (arguments.has("from")) target += "&from=" + encode_query(base::to_iso8601(parsed.range.needed_from()));
  if (arguments.has("to")) target += "&to=" + encode_query(arguments.text("to"));
  if (arguments.has("of")) target += "&node=" + encode_query(arguments.text("of"));
  if (arguments.has("raw-from-node")) target += "&raw=node";
  const std::string body = TRY(api.request("GET", target));
  std::vector<base::Bytes> frames;
  for (const base::BytesView frame : TRY(net::api::read_frames(base::as_bytes(body))))
    frames.push_back(TRY(base::while_doing("series " + parsed.series, opened(parsed.series, frame, keys.secret))));
  return net::api::answer(parsed, TRY(engine::answer_frames(parsed.range, frames)));
}

}  // namespace selvedge::cli
