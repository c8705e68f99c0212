#!/usr/bin/env python3
"""From the submission of a job to its tasks running: how many a second, and how long one takes.

    bench/tasks.py --build build/release [--nodes 500] [--tasks 20000] [--rounds 3] [--quick] [--json]

Real processes on loopback over mutual TLS, the cloud's state on disk.

fleet: one selvedge-cloud and many nodes that only speak (bench/tasks/wire_node.h: one program, an MQTT connection for
each, tasks report as running at once). Jobs with all tasks together are submitted at once, and then single tasks at a
fixed rate. A task is placed when its node has the wish, which is sent once record and wish are on disk; it runs when the
cloud has the node's report on disk.

node: one cloud and one selvedge-node with native tasks, one after the other. A small static program says by the machine's
clock when it began; the time is from the submission to that, in a sandbox as every task is. For what the sandbox
costs, see bench/spawn_bench (scripts/bench spawn).
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(ROOT / "bench"))
from fleet import Failed, Fleet, fetch  # noqa: E402
from wish import ask, connect, quantile  # noqa: E402

# Of others, as they published them: not measured here, on other machines, and of placing alone or of more, as noted.
PUBLISHED = [
    ("Nomad C2M, C1M", "1,500; 3,750", "tasks/s to running, 6,100 and 5,000 hosts", "hashicorp.com/c2m, /c1m"),
    ("Goedel", "1,000 mean; 2,500 a shard", "pods/s, 30,000 simulated nodes", "kubewharf/godel-scheduler PR #73"),
    ("kube-scheduler", "300 mean, 430 peak", "pods/s, the same set-up", "kubewharf/godel-scheduler PR #73"),
]


def measure_fleet(arguments, folder, nodes, tasks, singles):
    fleet = Fleet(folder, arguments.build)
    try:
        fleet.cloud.start()
        done = subprocess.run(
            [fleet.program("task_load"), "--identity", str(fleet.identity), "--mqtt", str(fleet.mqtt), "--https", str(fleet.https),
             "--pid", str(fleet.cloud.pid), "--nodes", str(nodes), "--tasks", str(tasks), "--jobs", str(arguments.jobs),
             "--singles", str(singles), "--rate", "100"], capture_output=True, text=True, timeout=600)
        if done.returncode != 0:
            raise Failed(done.stderr.strip() + "\n" + fleet.cloud.log_tail())
        fleet.stop()
    finally:
        fleet.kill_all()
    return json.loads(done.stdout)


def probe(folder):
    """The program of a task, built for this run: static, so that it is the sandbox and not the loader that is measured."""
    where = pathlib.Path(folder) / "probe"
    where.mkdir(parents=True, exist_ok=True)
    program = where / "probe"
    subprocess.run(["cc", "-O2", "-static", "-o", str(program), str(ROOT / "bench" / "tasks" / "probe.c")], check=True)
    for each in [where, *where.parents]:
        if each == pathlib.Path("/"):
            break
        if each.stat().st_uid == os.getuid() and not each.stat().st_mode & 1:
            each.chmod(each.stat().st_mode | 0o111)
    return where, program


def began_at(node, task, patience=30):
    """When the task's program began, in seconds of the clock that does not jump."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            text = fetch(f"{node.url}/api/v1/tasks/{task}/logs?tail=10")
        except OSError:
            text = ""
        for line in text.splitlines():
            words = line.split()
            if words and words[-1].isdigit():
                return int(words[-1]) / 1e9
        time.sleep(0.02)
    raise Failed(f"{task} did not begin within {patience} s: {text}\n{node.process.log_tail()}")


def measure_node(arguments, folder, tasks):
    where, program = probe(folder)
    fleet = Fleet(pathlib.Path(folder) / "fleet", arguments.build)
    started, answered = [], []
    try:
        fleet.cloud.start()
        node = fleet.add_node("node-1", '[tasks]\nstop-with-node = true\n')    # nothing is left of a run
        node.process.start()
        connection = connect(fleet)
        end = time.monotonic() + 30
        while ask(connection, "GET", "/api/2/things/node-1:_node/features/node/properties/resources")[0] != 200:
            if time.monotonic() > end:
                raise Failed("the node does not say what it has")
            time.sleep(0.1)
        for i in range(tasks + 10):
            job = {"name": f"p{i}", "groups": [{"name": "t", "task": {
                "command": [str(program)], "resources": {"cpu": 0.5, "memory": "8MiB"},
                "sandbox": {"read_only": [str(where)]}}}]}
            began = time.monotonic()
            status, text = ask(connection, "PUT", f"/api/v1/jobs/p{i}", json.dumps(job))
            answer = time.monotonic()
            if status != 200:
                raise Failed(f"the job was refused: {status} {text}")
            at = began_at(node, f"p{i}.t.0")
            if i + 1 == tasks + 10:
                limits = json.loads(fetch(f"{node.url}/api/v1/tasks"))
            ask(connection, "DELETE", f"/api/v1/jobs/p{i}")
            # Or the next one waits for its room.
            while ask(connection, "GET", "/api/v1/tasks")[1].strip() != "[]":
                time.sleep(0.01)
            if i >= 10:    # what came before warmed up
                started.append(at - began)
                answered.append(answer - began)
        fleet.stop()
    finally:
        fleet.kill_all()
    row = lambda values: {"p50": quantile(values, .5), "p90": quantile(values, .9), "p99": quantile(values, .99), "most": max(values) * 1000}
    return {"tasks": len(started), "answered_ms": row(answered), "started_ms": row(started),
            "limits": next((one["limits"] for one in limits if one.get("limits")), "")}


def middle(rounds, *path):
    def of(one):
        for name in path:
            one = one[name]
        return one
    return statistics.median(of(one) for one in rounds)


def print_tables(result):
    rounds = result["fleet"]
    first = rounds[0]
    burst, singly = first["burst"], first["singly"]
    print(f"{burst['tasks']:,} tasks in {burst['jobs']} jobs at once on {first['nodes']} nodes, medians of {len(rounds)}")
    print(f"  placed, on disk, and told to their nodes   {middle(rounds, 'burst', 'placed_per_s'):10,.0f} tasks/s")
    print(f"  running, and the report on disk            {middle(rounds, 'burst', 'running_per_s'):10,.0f} tasks/s")
    print(f"  cloud's CPU time a task                    {middle(rounds, 'burst', 'cloud_cpu_s') / burst['tasks'] * 1e6:10.1f} us"
          f"   (of the nodes that only speak: {middle(rounds, 'burst', 'load_cpu_s') / burst['tasks'] * 1e6:.1f} us)")
    print(f"single tasks, {singly['per_s']} a second                       {'p50':>9} {'p99':>9}")
    for name, what in [("answered_ms", "the job is on disk, and answered"), ("placed_ms", "the node has the wish"),
                       ("running_ms", "the report that it runs is on disk")]:
        print(f"  {what:40} {middle(rounds, 'singly', name, 'p50'):9.2f} {middle(rounds, 'singly', name, 'p99'):9.2f} ms")
    node = result["node"]
    print(f"{node['tasks']} native tasks on a node, one after the other      {'p50':>9} {'p99':>9}")
    for name, what in [("answered_ms", "the job is on disk, and answered"), ("started_ms", "the program has begun")]:
        print(f"  {what:40} {node[name]['p50']:9.2f} {node[name]['p99']:9.2f} ms")
    print(f"  with: {node['limits']}")
    print("published by others, not measured here:")
    for who, rate, what, where in PUBLISHED:
        print(f"  {who:16} {rate:26} {what} ({where})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--nodes", type=int, default=500)
    parser.add_argument("--tasks", type=int, default=20_000)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    nodes, tasks = (50, 2_000) if arguments.quick else (arguments.nodes, arguments.tasks)
    result = {"fleet": []}
    for _ in range(1 if arguments.quick else arguments.rounds):
        with tempfile.TemporaryDirectory(prefix="selvedge-tasks-", dir=pathlib.Path(arguments.build).resolve()) as folder:
            result["fleet"].append(measure_fleet(arguments, folder, nodes, tasks, 100 if arguments.quick else 1_000))
    with tempfile.TemporaryDirectory(prefix="selvedge-tasks-", dir=pathlib.Path(arguments.build).resolve()) as folder:
        result["node"] = measure_node(arguments, folder, 20 if arguments.quick else 200)
    result["published"] = [dict(zip(("system", "rate", "of", "source"), one)) for one in PUBLISHED]
    print(json.dumps(result)) if arguments.json else print_tables(result)


if __name__ == "__main__":
    main()
