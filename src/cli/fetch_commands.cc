#include <fstream>
#include <iostream>

#include "base/json.h"
#include "base/text.h"
#include "cli/api_client.h"
#include "cli/commands.h"

namespace selvedge::cli {

using base::Result;

namespace {

Result<int> fetch(const Arguments& arguments, Session& session) {
  std::vector<net::http::Fetch> wanted;
  for (const std::string& url : arguments.positional) {
    if (url != "-") {
      wanted.push_back({"GET", url, {}, {}});
      continue;
    }
    for (std::string line; std::getline(std::cin, line);)
      if (!line.empty()) wanted.push_back({"GET", line, {}, {}});
  }
  net::http::ClientLimits limits;
  limits.connections = static_cast<std::uint32_t>(TRY(arguments.integer("at-once", 1000, 1, 20'000)));
  limits.connections_per_host = limits.connections;
  limits.timeout = TRY(base::while_doing("--timeout", base::parse_duration(arguments.text("timeout", "10s"))));
  std::shared_ptr<os::Tls> tls;
  if (arguments.has("ca")) {
    std::ifstream in(arguments.text("ca"));
    os::TlsConfig config;
    config.trusted.assign(std::istreambuf_iterator<char>(in), {});
    tls = TRY(session.world.network().client_tls(config));
  }
  net::http::Client client(session.world, limits, tls);
  const auto results = wait_for<std::vector<Result<net::http::Fetched>>>(
      session.world, [&](auto done) { net::http::fetch_all(client, wanted, done); });
  base::JsonWriter json;
  json.begin_array();
  std::vector<std::vector<std::string>> rows;
  int failed = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    json.begin_object().field("url", wanted[i].url);
    if (results[i]) {
      json.field("status", results[i]->status).field("body", results[i]->body);
      rows.push_back({wanted[i].url, std::to_string(results[i]->status),
                      std::to_string(results[i]->body.size()),
                      base::to_text(static_cast<double>(results[i]->took.count()) / 1e6)});
    } else {
      ++failed;
      json.field("error", results[i].error().message);
      rows.push_back({wanted[i].url, results[i].error().message, "", ""});
    }
    json.end_object();
  }
  if (session.out.json()) session.out.document(json.end_array().take());
  else session.out.table({"URL", "STATUS", "BYTES", "MS"}, rows);
  return failed == 0 ? 0 : base::exit_status(base::Code::unavailable);
}

}  // namespace

std::vector<Command> fetch_commands() {
  return {{"fetch", "", "URL...", 1, 100'000, "Get many URLs at once.",
           "'-' reads one URL a line from standard input.",
           {"selvedge fetch http://sensor-1/value http://sensor-2/value", "selvedge fetch - < urls.txt"},
           {{"at-once", "N", "Connections at a time.", "1000"},
            {"timeout", "DURATION", "For each URL.", "10s"},
            {"ca", "FILE", "CA certificates, for https."}},
           fetch}};
}

}  // namespace selvedge::cli
