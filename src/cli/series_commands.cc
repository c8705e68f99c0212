#include <cstdio>

#include "base/text.h"
#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/unseal.h"

namespace selvedge::cli {

using base::Result;

namespace {

std::string query_target(const Arguments& arguments) {
  std::string target = "/api/v1/query?series=" + encode_query(arguments.positional[0]);
  for (const auto& [name, text] : query_parameters(arguments)) target += "&" + name + "=" + encode_query(text);
  if (arguments.has("of")) target += "&node=" + encode_query(arguments.text("of"));
  if (arguments.has("raw-from-node")) target += "&raw=node";
  return target;
}

Result<int> list(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  std::string target = "/api/v1/series?limit=" +
                       std::to_string(TRY(arguments.integer("limit", 1000, 1, 1'000'000)));
  if (!arguments.positional.empty()) target += "&match=" + encode_query(arguments.positional[0]);
  if (arguments.has("of")) target += "&node=" + encode_query(arguments.text("of"));
  std::vector<Column> columns = {{"name", "NAME"},         {"kind", "KIND"},
                                 {"readings", "READINGS"}, {"bytes", "BYTES"},
                                 {"first_time", "FIRST"},  {"last_time", "LAST"}};
  if (api.is_cloud()) columns.insert(columns.begin(), {"node", "NODE"});
  print_rows(session.out, TRY(api.request("GET", target)), columns);
  return 0;
}

Result<int> query(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  if (arguments.has("unseal"))
    return print_readings(session.out, TRY(query_sealed(arguments, session, api, "json")).body);
  return print_readings(session.out, TRY(api.request("GET", query_target(arguments))));
}

Result<int> export_csv(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::either(arguments, session));
  const std::string csv = arguments.has("unseal")
                              ? TRY(query_sealed(arguments, session, api, "csv")).body
                              : TRY(api.request("GET", query_target(arguments) + "&format=csv"));
  std::fwrite(csv.data(), 1, csv.size(), stdout);
  return 0;
}

Result<int> blocks(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  print_rows(session.out,
             TRY(api.request("GET", "/api/v1/blocks?series=" + encode_query(arguments.positional[0]) +
                                        "&node=" + encode_query(arguments.text("of")))),
             {{"seq", "SEQ"},
              {"count", "READINGS"},
              {"bytes", "BYTES"},
              {"codec", "CODEC"},
              {"first_ns", "FIRST NS"},
              {"last_ns", "LAST NS"},
              {"arrived_ns", "ARRIVED NS"}});
  return 0;
}

std::vector<Flag> range_flags() {
  return either_flags({{"of", "NODE", "Whose series; needed when the cloud is asked."},
                       {"from", "TIME", "ISO 8601, a count since 1970, or -1h.", "the beginning"},
                       {"to", "TIME", "Up to, without it.", "now"},
                       {"step", "DURATION", "One row for each window of this length."},
                       {"window", "DURATION", "Length of the windows, if longer than the step: they slide."},
                       {"agg", "LIST", "mean, min, max, sum, count, first, last, twa, stddev, variance, increase, "
                                       "rate, median, p99.9.", "mean"},
                       {"hold", "DURATION", "How long a reading holds for twa if none follows.", "one window"},
                       {"downsample", "HOW", "Points for a chart: lttb, m4 or minmax; without --step."},
                       {"points", "N", "Most points of it.", "1000"},
                       {"limit", "N", "Most rows.", "100000"},
                       {"stats", "", "Say how many blocks were decoded for the answer."},
                       {"raw-from-node", "", "Have the cloud ask the node for readings that stayed there."},
                       {"unseal", "FILE", "Private key of a recipient, for sealed blocks; opened here."}});
}

}  // namespace

Result<int> print_readings(Out& out, const std::string& answer) {
  if (out.json()) {
    out.document(answer);
    return 0;
  }
  const auto parsed = TRY(codec::json::parse(answer));
  std::vector<std::string> header;
  for (const auto& column : parsed["columns"].array()) header.push_back(column.print());
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : parsed["rows"].array()) {
    std::vector<std::string>& cells = rows.emplace_back();
    for (const auto& cell : row.array()) cells.push_back(cell.print());
  }
  out.table(header, rows);
  if (parsed["truncated"].boolean()) out.line("(more; raise --limit)");
  const auto& stats = parsed["stats"];
  if (stats.is_object())
    out.line("(blocks: " + stats["blocks_decoded"].print() + " decoded, " +
             stats["blocks_from_header"].print() + " from their headers)");
  return 0;
}

std::vector<Command> series_commands() {
  return {
      {"series", "list", "[PATTERN]", 0, 1, "List series; '*' in PATTERN stands for any text.", {},
       {"selvedge series list 'boiler/*'", "selvedge series list --cloud https://cloud:8443 --of gateway-7"},
       either_flags({{"of", "NODE", "Only this node's, when the cloud is asked."},
                     {"limit", "N", "Most rows.", "1000"}}),
       list},
      {"series", "query", "SERIES", 1, 1, "Show readings, or windows of them.", {},
       {"selvedge series query boiler/temp --from -1h", "selvedge series query boiler/temp --step 5m --agg mean,max",
        "selvedge series query boiler/temp --from -1d --step 1m --window 5m --agg p99,twa",
        "selvedge series query boiler/temp --from -7d --downsample lttb --points 800"},
       range_flags(), query},
      {"series", "blocks", "SERIES", 1, 1, "List the blocks that hold a series in the cloud.", {},
       {"selvedge series blocks boiler/temp --of gateway-7"},
       cloud_flags({{"of", "NODE", "Whose series."}}), blocks},
      {"series", "export", "SERIES", 1, 1, "Write readings or windows as CSV.", {},
       {"selvedge series export boiler/temp --from 2026-01-01 > temp.csv",
        "selvedge series export boiler/temp --cloud https://cloud:8443 --of gateway-7 --unseal archive.key"}, range_flags(), export_csv},
  };
}

}  // namespace selvedge::cli
