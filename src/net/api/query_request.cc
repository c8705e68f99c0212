#include "net/api/query_request.h"

#include <algorithm>

#include "base/text.h"
#include "base/wire.h"

namespace selvedge::net::api {
namespace {

using base::Code;
using base::fail;
using base::Result;

Result<void> check_parameters(const http::Request& request, std::vector<std::string> known) {
  for (const auto& [name, value] : request.query) {
    if (std::ranges::find(known, name) != known.end()) continue;
    const auto near = base::did_you_mean(name, known);
    return fail(Code::invalid_input, "unknown parameter '" + base::printable(name) + "'" +
                                         (near ? "; did you mean '" + *near + "'?" : ""));
  }
  return {};
}

Result<base::Time> parse_moment(std::string_view text, base::Time now) {
  if (text == "now") return now;
  if (text.size() > 1 && text.front() == '-' && (text.back() < '0' || text.back() > '9'))
    return now - TRY(base::parse_duration(text.substr(1)));
  return base::parse_time(text);
}

Result<void> take_chart(const http::Request& request, engine::QueryRange& range) {
  if (const auto how = request.parameter("downsample"))
    range.downsample = TRY(engine::parse_downsample(*how));
  const auto points = request.parameter("points");
  if (!points) return {};
  if (!range.downsample) return fail(Code::invalid_input, "points needs downsample");
  const auto number = base::parse_int(*points);
  if (!number || *number < 4 || *number > static_cast<std::int64_t>(engine::QueryRange::most_points))
    return fail(Code::invalid_input,
                "points: expected 4 to " + std::to_string(engine::QueryRange::most_points));
  range.points = static_cast<std::uint64_t>(*number);
  return {};
}

}  // namespace

Result<QueryRequest> parse_query_request(const http::Request& request, base::Time now) {
  TRY(check_parameters(request, {"series", "node", "from", "to", "step", "window", "hold", "agg", "downsample", "points",
                                   "limit", "format", "raw", "stats"}));
  QueryRequest parsed;
  parsed.series = request.parameter("series").value_or("");
  parsed.node = request.parameter("node").value_or("");
  if (parsed.series.empty()) return fail(Code::invalid_input, "series: which one is needed");
  parsed.range.from = {INT64_MIN};
  parsed.range.to = {INT64_MAX};
  if (const auto from = request.parameter("from"))
    parsed.range.from = TRY(base::while_doing("from", parse_moment(*from, now)));
  if (const auto to = request.parameter("to"))
    parsed.range.to = TRY(base::while_doing("to", parse_moment(*to, now)));
  const std::pair<const char*, std::optional<base::Duration>&> durations[] = {
      {"step", parsed.range.step}, {"window", parsed.range.window}, {"hold", parsed.range.hold}};
  for (const auto& [name, into] : durations)
    if (const auto text = request.parameter(name))
      into = TRY(base::while_doing(name, base::parse_duration(*text)));
  TRY(take_chart(request, parsed.range));
  if (const auto agg = request.parameter("agg")) {
    std::string_view rest = *agg;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      parsed.range.aggregates.push_back(
          TRY(base::while_doing("agg", engine::parse_aggregate(rest.substr(0, comma)))));
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    if (!parsed.range.step) return fail(Code::invalid_input, "agg needs step");
    if (parsed.range.aggregates.size() > 64) return fail(Code::invalid_input, "agg: more than 64");
  }
  if (const auto limit = request.parameter("limit")) {
    const auto rows = base::parse_int(*limit);
    if (!rows || *rows < 1 || *rows > 10'000'000)
      return fail(Code::invalid_input, "limit: expected 1 to 10000000");
    parsed.range.rows = static_cast<std::uint64_t>(*rows);
  }
  if (const auto raw = request.parameter("raw")) {
    if (*raw != "node" && *raw != "cloud") return fail(Code::invalid_input, "raw: expected cloud or node");
    parsed.raw_from_node = *raw == "node";
  }
  const std::string_view format = request.parameter("format").value_or("");
  if (!format.empty() && format != "json" && format != "csv" && format != "frames")
    return fail(Code::invalid_input, "format: expected json, csv or frames");
  if (format == "frames") {
    if (parsed.range.step) return fail(Code::invalid_input, "format=frames gives no windows; leave step out");
    if (parsed.range.downsample)
      return fail(Code::invalid_input, "format=frames gives no points; leave downsample out");
    parsed.range.want = engine::QueryRange::Want::frames;
  }
  if (const auto stats = request.parameter("stats")) {
    if (*stats != "true" && *stats != "false") return fail(Code::invalid_input, "stats: expected true or false");
    parsed.stats = *stats == "true" ? engine::Stats::tell : engine::Stats::leave_out;
  }
  TRY(engine::validate(parsed.range));
  parsed.csv = format == "csv" || (format.empty() && request.header("accept") == "text/csv");
  return parsed;
}

Result<SeriesRequest> parse_series_request(const http::Request& request) {
  TRY(check_parameters(request, {"node", "match", "limit"}));
  SeriesRequest parsed;
  parsed.node = request.parameter("node").value_or("");
  if (const auto match = request.parameter("match")) parsed.match = *match;
  if (const auto limit = request.parameter("limit")) {
    const auto rows = base::parse_int(*limit);
    if (!rows || *rows < 1 || *rows > 1'000'000)
      return fail(Code::invalid_input, "limit: expected 1 to 1000000");
    parsed.limit = static_cast<std::uint64_t>(*rows);
  }
  return parsed;
}

bool matches(std::string_view pattern, std::string_view text) {
  // Greedy with one point to fall back to: linear for one star, never exponential.
  std::size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

base::Result<std::vector<base::BytesView>> read_frames(base::BytesView body) {
  std::vector<base::BytesView> frames;
  base::Reader in(body);
  while (in.ok() && !in.at_end()) frames.push_back(in.bytes());
  if (!in.ok()) return fail(Code::corrupt, "read frames: the answer is cut short");
  return frames;
}

http::Response answer(const QueryRequest& request, const engine::QueryResult& result) {
  if (request.range.want == engine::QueryRange::Want::frames) {
    if (result.truncated)
      return http::Response::problem({Code::exhausted, "more than " + base::size_text(request.range.frame_bytes) +
                                                           " of blocks; choose a shorter range"});
    base::Bytes body;
    body.reserve(result.frame_bytes + result.frames.size() * 4);
    base::Writer out(body);
    for (const base::Bytes& frame : result.frames) out.bytes(frame);
    http::Response response;
    response.content_type = "application/vnd.selvedge.frames";
    response.body = base::as_text(body);
    return response;
  }
  if (!request.csv)
    return http::Response::json(engine::to_json(request.series, request.range, result, request.stats));
  http::Response response;
  response.content_type = "text/csv";
  response.body = engine::to_csv(request.series, request.range, result);
  return response;
}

std::string_view payload_format(const http::Request& request) {
  if (const auto format = request.parameter("format")) return *format;
  const std::string_view type = request.header("content-type");
  const std::string_view bare = type.substr(0, type.find(';'));
  if (bare == "application/json") return "json";
  if (bare == "application/x-ndjson" || bare == "application/ndjson") return "ndjson";
  if (bare == "application/senml+json") return "senml-json";
  if (bare == "application/senml+cbor" || bare == "application/cbor") return "senml-cbor";
  return "";
}

}  // namespace selvedge::net::api
