// task: jobs of the fleet, and their tasks.

#include <cstdio>

#include "cli/api_client.h"
#include "cli/commands.h"
#include "cli/task_file.h"
#include "codec/task/task.h"

namespace selvedge::cli {

using base::Code;
using base::fail;
using base::Result;
using codec::json::Value;

namespace {

constexpr base::Duration look_again = std::chrono::seconds(1);

std::string path_of(std::string_view job) { return "/api/v1/jobs/" + encode_query(job); }

std::string counts_of(const Value& job) {
  std::string text = job["running"].print() + " of " + job["wanted"].print() + " running";
  for (const char* const count : {"done", "failed", "unplaced"})
    if (job[count].integer() > 0) text += ", " + job[count].print() + " " + count;
  return text;
}

// Until a job is as it should be, or cannot be. Ctrl-C leaves it as it is.
Result<int> wait_for_job(ApiClient& api, Session& session, const std::string& name, bool stops) {
  for (;;) {
    const Value job = TRY(api.get(path_of(name)));
    const std::string state = job["state"].text();
    if (stops && job["members"].array().empty()) break;
    if (!stops && state != "rolling-out") {
      session.out.progress_done();
      const bool back = job["rolled_back"].boolean();
      if (state == "well" && !back) break;
      return fail(Code::conflict, "job " + name + (back ? " went back to what was well: " : " failed: ") + job["reason"].text());
    }
    session.out.progress(name + ": " + state + ", " + counts_of(job));
    if (api.rest(look_again) == ApiClient::Followed::stopped) {
      session.out.progress_done();
      session.out.note("not waited for to the end; see selvedge task status " + name);
      return 130;
    }
  }
  session.out.progress_done();
  return 0;
}

void print_plan(Session& session, const Value& plan) {
  std::vector<std::vector<std::string>> rows;
  for (const Value& group : plan["groups"].array())
    rows.push_back({group["group"].text(), group["change"].text(), group["start"].print(), group["stop"].print(),
                    group["replace"].print(), group["fit"].print(), group["reason"].text()});
  session.out.line("job " + plan["name"].text() + ": " + (plan["new"].boolean() ? "is new" : "would be generation " + plan["generation"].print()));
  session.out.table({"GROUP", "CHANGE", "START", "STOP", "REPLACE", "FIT NOW", "WHY NOT MORE"}, rows);
}

Result<int> submit_job(const model::Job& job, const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string document = codec::task::write_job(job);
  if (arguments.has("plan")) {
    const std::string plan = TRY(api.request("PUT", path_of(job.name) + "?plan=true", document));
    if (session.out.json()) session.out.document(plan);
    else print_plan(session, TRY(codec::json::parse(plan)));
    return 0;
  }
  const std::string answer = TRY(api.request("PUT", path_of(job.name), document));
  if (session.out.json()) session.out.document(answer);
  else session.out.line("job " + job.name + ", generation " + TRY(codec::json::parse(answer))["generation"].print());
  return arguments.has("wait") ? wait_for_job(api, session, job.name, false) : Result<int>(0);
}

Result<int> submit(const Arguments& arguments, Session& session) {
  return submit_job(TRY(read_job_file(arguments.positional[0])), arguments, session);
}

Result<int> run(const Arguments& arguments, Session& session) {
  return submit_job(TRY(job_of(arguments)), arguments, session);
}

const std::vector<Column> task_columns{{"task", "TASK"},     {"node", "NODE"},        {"state", "STATE"},
                                       {"generation", "GEN"}, {"restarts", "RESTARTS"}, {"reason", "REASON"}};

Result<int> list(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  if (arguments.has("on-node") || arguments.has("tasks")) {
    const std::string target = "/api/v1/tasks?node=" + encode_query(arguments.text("on-node"));
    print_rows(session.out, TRY(api.request("GET", target)), task_columns);
    return 0;
  }
  print_rows(session.out, TRY(api.request("GET", "/api/v1/jobs")),
             {{"name", "JOB"}, {"tenant", "TENANT"}, {"generation", "GEN"}, {"state", "STATE"}, {"wanted", "WANTED"},
              {"running", "RUNNING"}, {"done", "DONE"}, {"failed", "FAILED"}, {"unplaced", "UNPLACED"}, {"reason", "REASON"}});
  return 0;
}

Result<int> status(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string& name = arguments.positional[0];
  if (arguments.has("wait"))
    if (const int waited = TRY(wait_for_job(api, session, name, false)); waited != 0) return waited;
  const std::string answer = TRY(api.request("GET", path_of(name)));
  if (session.out.json()) {
    session.out.document(answer);
    return 0;
  }
  const Value job = TRY(codec::json::parse(answer));
  session.out.line("job " + name + ", generation " + job["generation"].print() + ": " + job["state"].text() + ", " + counts_of(job));
  if (!job["reason"].text().empty()) session.out.line((job["rolled_back"].boolean() ? "rolled back: " : "why: ") + job["reason"].text());
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  for (const Column& column : task_columns) header.push_back(column.heading);
  for (const Value& member : job["members"].array()) {
    auto& row = rows.emplace_back();
    for (const Column& column : task_columns) row.push_back(member[column.member].print());
  }
  session.out.table(header, rows);
  return 0;
}

Result<int> stop(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  const std::string& name = arguments.positional[0];
  TRY(api.request("DELETE", path_of(name)));
  if (arguments.has("wait") || arguments.has("forget"))
    if (const int waited = TRY(wait_for_job(api, session, name, true)); waited != 0) return waited;
  if (arguments.has("forget")) TRY(api.request("DELETE", path_of(name) + "?forget=true"));
  const char* const now = arguments.has("forget") ? "forgotten" : arguments.has("wait") ? "stopped" : "stopping";
  if (session.out.json()) session.out.document("{\"name\":\"" + name + "\",\"state\":\"" + now + "\"}");
  else session.out.line("job " + name + " is " + now);
  return 0;
}

Result<int> explain(const Arguments& arguments, Session& session) {
  auto api = TRY(ApiClient::cloud(arguments, session));
  const auto nodes = TRY(arguments.integer("nodes", 10, 0, 1'000));
  std::string target = path_of(arguments.positional[0]) + "/explain?nodes=" + std::to_string(nodes);
  if (arguments.positional.size() > 1) target += "&group=" + encode_query(arguments.positional[1]);
  const std::string answer = TRY(api.request("GET", target));
  if (session.out.json()) {
    session.out.document(answer);
    return 0;
  }
  const Value groups = TRY(codec::json::parse(answer));
  for (const Value& group : groups.array()) {
    session.out.line("group " + group["group"].text() + ": " + group["unplaced"].print() + " without a node; one more fits on " + group["summary"].text());
    if (!group["quota"].text().empty()) session.out.line("  " + group["quota"].text());
    std::vector<std::vector<std::string>> rows;
    for (const Value& node : group["closest"].array()) rows.push_back({node["node"].text(), node["why"].text()});
    if (!rows.empty()) session.out.table({"NODE", "WHY NOT"}, rows);
  }
  return 0;
}

// From its node, by way of the cloud or, if the node is named, directly: what tasks write stays there.
Result<int> logs(const Arguments& arguments, Session& session) {
  auto api = TRY(arguments.has("node") ? ApiClient::node(arguments, session) : ApiClient::cloud(arguments, session));
  const std::string path = "/api/v1/tasks/" + encode_query(arguments.positional[0]) + "/logs?tail=";
  const auto tail = TRY(arguments.integer("tail", 100, 0, 10'000));
  const auto print = [](base::BytesView bytes) -> Result<void> {
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    std::fflush(stdout);
    return {};
  };
  TRY(print(base::as_bytes(TRY(api.request("GET", path + std::to_string(tail))))));
  if (!arguments.has("follow")) return 0;
  // A log that is silent for long costs its connection, which is made again.
  for (;;) {
    const auto followed = api.follow(path + "0&follow=true", {}, print, [] { return false; });
    if (followed || followed.error().code == Code::not_found) return 0;
    if (followed.error().code != Code::unavailable) return std::unexpected(followed.error());
    if (api.rest(look_again) != ApiClient::Followed::ended) return 0;
  }
}

std::vector<Flag> waiting_flags(std::vector<Flag> more = {}) {
  more.push_back({"plan", "", "Say what would be done, and do nothing."});
  more.push_back({"wait", "", "Wait until it is well; a failure or a way back to the last good one is an error."});
  return cloud_flags(std::move(more));
}

}  // namespace

std::vector<Command> task_commands() {
  return {
      {"task", "submit", "FILE", 1, 1, "Run a job on the fleet, or change it.",
       "FILE is TOML or JSON; - is standard input. A job of the same name becomes its next generation: members whose task is "
       "as it was go on, the others are replaced some at a time, and if that fails the job goes back to what was well.",
       {"selvedge task submit gateway.toml --wait", "selvedge task submit gateway.toml --plan"}, waiting_flags(), submit},
      {"task", "run", "NAME [PROGRAM...]", 1, 257, "Run a program on the fleet: a job of one group, \"main\".",
       "What begins with a dash belongs to the program after --. A program is a path below the folder of its artifacts, "
       "or of the machine if it begins with /.",
       {"selvedge task run sync --artifact sync:1 --cpu 0.5 --memory 64MiB --network -- ./sync --verbose",
        "selvedge task run fahrenheit --artifact fahrenheit.py:1 --feed +/celsius --output fahrenheit -- /usr/bin/python3 -u fahrenheit.py",
        "selvedge task run report --mode job --on site=hall-2 -- /usr/bin/python3 report.py"},
       waiting_flags({{"image", "NAME:VERSION", "An OCI image that is an artifact; PROGRAM is one of it, its own if there is none."},
                      {"artifact", "LIST", "NAME:VERSION, or NAME:VERSION=FOLDER, apart by commas."},
                      {"cpu", "CORES", "Of each task."},
                      {"memory", "SIZE", "Of each task, as 64MiB."},
                      {"disk", "SIZE", "Of each task."},
                      {"count", "N", "How many of it.", "1"},
                      {"mode", "WORD", "service, job or cron.", "service"},
                      {"schedule", "CRON", "Of cron: five fields, UTC."},
                      {"env", "LIST", "NAME=VALUE, apart by commas."},
                      {"secret", "LIST", "NAME=SECRET of the node, apart by commas."},
                      {"feed", "LIST", "MQTT filters of series, apart by commas: each reading is a line of its input."},
                      {"topic", "LIST", "The same of topics: each message is a line of its input."},
                      {"output", "PREFIX", "Lines of its output become readings of series below it."},
                      {"network", "", "It may use the machine's network."},
                      {"on", "LIST", "Labels of nodes: LABEL=VALUE, apart by commas."},
                      {"spread", "LABEL", "Spread over its values; node: one a node if it can be."},
                      {"priority", "N", "0 to 100; more may displace less.", "50"},
                      {"tenant", "NAME", "Whose quota it counts for.", "default"}}),
       run},
      {"task", "list", "", 0, 0, "List jobs, or tasks.", {}, {"selvedge task list", "selvedge task list --on-node gateway-7"},
       cloud_flags({{"tasks", "", "Each task instead of each job."}, {"on-node", "NAME", "Tasks of one node."}}), list},
      {"task", "status", "JOB", 1, 1, "Show a job and its tasks.", {}, {"selvedge task status gateway"},
       cloud_flags({{"wait", "", "Wait until it is well."}}), status},
      {"task", "stop", "JOB", 1, 1, "Stop a job; what it was is kept until it is forgotten.", {},
       {"selvedge task stop gateway --wait", "selvedge task stop gateway --forget"},
       cloud_flags({{"wait", "", "Wait until its tasks have ended."}, {"forget", "", "The same, and then forget it."}}), stop},
      {"task", "logs", "TASK", 1, 1, "Print what a task wrote, from its node.",
       "Lines stay on the node, as many as the task's log holds; the cloud asks the node for them. With --node the node is asked "
       "directly. TASK is job.group.index, as task status shows it.",
       {"selvedge task logs gateway.http.0 -f", "selvedge task logs gateway.http.0 --node https://gateway-7:8444 --identity ops"},
       either_flags({{"follow", "", "Go on with what it writes, until Ctrl-C; also -f."}, {"tail", "N", "Begin with so many lines.", "100"}}), logs},
      {"task", "explain", "JOB [GROUP]", 1, 2, "Say for each node why a task is not there.", {},
       {"selvedge task explain gateway http --nodes 50"}, cloud_flags({{"nodes", "N", "How many, the closest first.", "10"}}), explain},
  };
}

}  // namespace selvedge::cli
