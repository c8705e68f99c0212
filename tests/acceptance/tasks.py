"""Jobs of the fleet, with the real programs: placed, changed, taken back, moved, and left alone."""
import json
import time

from common import OPEN, check, equal, fetch, fleet_of, program, run

# Each run of it says a word of its own, so that a log shows how often it began.
SERVICE = 'echo "run $(cat /proc/sys/kernel/random/uuid)"; while :; do sleep 1; done'


def until(what, found, good, patience=30):
    end = time.monotonic() + patience
    while not good(seen := found()):
        check(time.monotonic() < end, f"{what}: found {seen!r}")
        time.sleep(0.1)
    return seen


def nodes_ready(fleet):
    """All nodes have told the cloud what they have for tasks."""
    for node in fleet.nodes:
        until(f"{node.name} reports", lambda: fleet.cli("twin", "get", f"{node.name}:_node", check=False) or {},
              lambda twin: "resources" in twin.get("features", {}).get("node", {}).get("properties", {}))


def members(fleet, job):
    return {row["task"]: row for row in fleet.cli("task", "status", job)["members"]}


def places(fleet, job):
    return sorted(row["node"] for row in members(fleet, job).values() if row["state"] == "running")


def starts(fleet, task):
    """The words of its runs that the log has, of whichever node has the log."""
    node = next(node for node in fleet.nodes if node.name == members(fleet, task.split(".")[0])[task]["node"])
    lines = fetch(f"{node.url}/api/v1/tasks/{task}/logs?tail=1000").splitlines()
    return [line.split()[-1] for line in lines if " out run" in line]


def job_file(fleet, name, script, count=1, mode="service", task=""):
    path = fleet.folder / f"{name}.toml"
    path.write_text(f"name = {json.dumps(name)}\nupdate = {{ healthy = \"1s\", deadline = \"10s\" }}\n[[groups]]\nname = \"main\"\ncount = {count}\n[groups.task]\nmode = \"{mode}\"\n"
                    f"command = [\"/bin/sh\", \"-c\", {json.dumps(script)}]\nstop_grace = \"500ms\"\n{task}\n")
    return str(path)


def refused(fleet, *words):
    command = [program("selvedge"), *words, "--cloud", fleet.url, "--identity", fleet.identity]
    done = run(*command, status=None)
    check(done.returncode != 0, f"{words} is refused: {done.stdout}")
    return done.stderr


def test_a_program_is_run_seen_and_stopped():
    with fleet_of(OPEN, OPEN) as fleet:
        nodes_ready(fleet)
        words = ("task", "run", "hello", "--count", "2", "--spread", "node", "--cpu", "0.1", "--memory", "32MiB", "--env", "WORD=hei")
        script = ("--", "/bin/sh", "-c", "echo $WORD from the task; sleep 1000")
        plan = fleet.cli(*words, "--plan", *script)
        equal((plan["new"], plan["groups"][0]["start"], plan["groups"][0]["fit"]), (True, 2, 2), "the plan")
        equal(fleet.cli("task", "list"), [], "a plan does nothing")
        fleet.cli(*words, "--wait", *script)
        equal(places(fleet, "hello"), ["node-1", "node-2"], "spread over both")
        row = fleet.cli("task", "list")[0]
        equal((row["name"], row["state"], row["running"], row["wanted"]), ("hello", "well", 2, 2), "listed")
        node = next(node for node in fleet.nodes if node.name == members(fleet, "hello")["hello.main.1"]["node"])
        said = run(program("selvedge"), "task", "logs", "hello.main.1", "--node", node.url).stdout
        check("hei from the task" in said, f"its log: {said}")
        equal(len(fleet.cli("task", "list", "--on-node", "node-1")), 1, "tasks of one node")
        fleet.cli("task", "stop", "hello", "--wait")
        until("nothing of it is left on the node", lambda: json.loads(fetch(f"{node.url}/api/v1/tasks")), lambda rows: rows == [])
        fleet.cli("task", "stop", "hello", "--forget")
        equal(fleet.cli("task", "list"), [], "forgotten")


def test_jobs_run_to_their_end_once_and_failures_say_why():
    with fleet_of(OPEN) as fleet:
        nodes_ready(fleet)
        fleet.cli("task", "submit", job_file(fleet, "good", "echo run once; exit 0", mode="job"), "--wait")
        equal(members(fleet, "good")["good.main.0"]["state"], "done", "ended")
        fleet.cli("task", "submit", job_file(fleet, "bad", "echo run; exit 3", mode="job", task="retries = 1\n[groups.task.restart]\nbackoff_first = \"100ms\""))
        row = until("fails", lambda: members(fleet, "bad")["bad.main.0"], lambda row: row["state"] == "failed")
        check("3" in row["reason"], f"why: {row['reason']}")
        equal(len(starts(fleet, "bad.main.0")), 2, "and was tried twice")
        node = fleet.nodes[0]
        node.process.kill()
        node.process.start()
        until("the node is back", lambda: fleet.cli("node", "list"), lambda rows: rows[0].get("connected", rows[0].get("state")) in (True, "connected"))
        time.sleep(1)
        equal(len(starts(fleet, "good.main.0")), 1, "what is done is not done again")


def test_a_change_that_does_not_work_is_taken_back_and_the_good_ones_run_on():
    with fleet_of(OPEN, OPEN) as fleet:
        nodes_ready(fleet)
        fleet.cli("task", "submit", job_file(fleet, "web", SERVICE, count=3), "--wait")
        before = {task: starts(fleet, task) for task in members(fleet, "web")}
        said = refused(fleet, "task", "submit", job_file(fleet, "web", "exit 7", count=3), "--wait")
        check("went back to what was well" in said, f"the command says so: {said}")
        status = until("all run again", lambda: fleet.cli("task", "status", "web"), lambda status: status["running"] == 3)
        check(status["rolled_back"] and "generation 2" in status["reason"], f"status: {status}")
        after = {task: starts(fleet, task) for task in members(fleet, "web")}
        untouched = [task for task in before if after[task] == before[task]]
        equal(len(untouched), 2, "only one member was ever changed")


def test_a_drained_node_gives_its_tasks_away_and_takes_new_ones_when_ready():
    with fleet_of(OPEN, OPEN) as fleet:
        nodes_ready(fleet)
        fleet.cli("task", "submit", job_file(fleet, "web", SERVICE, count=4), "--wait")
        fleet.cli("node", "drain", "node-1")
        until("all are on the other", lambda: places(fleet, "web"), lambda at: at == ["node-2"] * 4)
        fleet.cli("node", "cordon", "node-2")
        fleet.cli("node", "ready", "node-1")
        path = job_file(fleet, "more", SERVICE, count=2)
        fleet.cli("task", "submit", path, "--wait")
        equal(places(fleet, "more"), ["node-1"] * 2, "a cordoned node takes none")
        equal(places(fleet, "web"), ["node-2"] * 4, "and keeps what it has")


def test_without_the_cloud_a_task_outlives_its_node_and_is_not_touched_by_the_reunion():
    with fleet_of(OPEN) as fleet:
        nodes_ready(fleet)
        node = fleet.nodes[0]
        fleet.cli("task", "submit", job_file(fleet, "web", SERVICE), "--wait")
        equal(len(starts(fleet, "web.main.0")), 1, "begun")
        fleet.cloud.kill()
        node.process.kill()
        node.process.start()
        states = lambda: {row["name"]: row["state"] for row in json.loads(fetch(f"{node.url}/api/v1/tasks"))}
        until("taken over", states, lambda found: found == {"web.main.0": "running"})
        fleet.cloud.start()
        until("well", lambda: fleet.cli("task", "status", "web"), lambda status: status["state"] == "well" and status["running"] == 1)
        equal(len(starts(fleet, "web.main.0")), 1, "never begun again")
        equal(members(fleet, "web")["web.main.0"]["restarts"], 0, "restarts")


def test_what_finds_no_node_says_why_and_bad_jobs_are_refused():
    with fleet_of(OPEN) as fleet:
        nodes_ready(fleet)
        fleet.cli("task", "run", "huge", "--cpu", "900", "--", "/bin/true")
        equal(members(fleet, "huge")["huge.main.0"]["node"], "", "placed nowhere")
        group = fleet.cli("task", "explain", "huge")[0]
        check("cpu" in json.dumps(group), f"why not: {group}")
        fleet.cli("task", "run", "elsewhere", "--on", "site=moon", "--", "/bin/true")
        check("site" in json.dumps(fleet.cli("task", "explain", "elsewhere")), "which label it lacks")
        path = fleet.folder / "bad.toml"
        path.write_text('name = "bad"\n[[groups]]\nname = "main"\n[groups.task]\ncomand = ["/bin/true"]\n')
        said = refused(fleet, "task", "submit", str(path))
        check("comand" in said, f"names what it does not know: {said}")
