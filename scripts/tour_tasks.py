"""The tour's tasks: a Python script that becomes an edge function, and services that leave a node that has died.

The script is docs/examples/fahrenheit.py. The services have a lease: a node that is silent for so long has ended them by its own
clock, and only then do they run elsewhere. While that passes, the rest of the tour goes on.
"""
import json
import subprocess
import threading
import time

from fleet import ROOT, Failed, end_tasks
from tour import publish, wait

EXAMPLES = ROOT / "docs" / "examples"
CLOUD = '[jobs]\nsilence-margin = "2s"\n'
SERVICES = 6
LEASE = "21s"


def rows_of(fleet):
    return fleet.cli("task", "list", "--tasks")


def running(fleet, job):
    """Task -> node, of a job's tasks that run."""
    return {row["task"]: row["node"] for row in rows_of(fleet) if row["task"].startswith(job + ".") and row["state"] == "running"}


def edge_function(fleet, node, say):
    """A device measures Celsius; the node's task makes Fahrenheit of it, and the cloud has both."""
    script = publish(fleet, "fahrenheit.py", (EXAMPLES / "fahrenheit.py").read_bytes())
    fleet.cli("artifact", "push", str(script))
    job = fleet.folder / "fahrenheit.toml"
    job.write_text((EXAMPLES / "job_fahrenheit.toml").read_text() +
                   f'\n[[groups.constraints]]\nlabel = "node"\nvalues = ["{node.name}"]\n')
    fleet.cli("task", "submit", str(job), "--wait")
    measured = fleet.folder / "oven.csv"
    celsius = [20 + i % 160 / 8 for i in range(1_000)]
    measured.write_text("ts_ms,celsius\n" + "".join(f"{1_700_000_000_000 + i * 1000},{value}\n" for i, value in enumerate(celsius)))
    subprocess.run([fleet.program("selvedge"), "device", "replay", measured, "--to", f"mqtts://localhost:{node.mqtts}",
                    "--rate", "2000", *fleet.device_certificate("oven-1")], check=True, capture_output=True)

    def values(series):
        answer = fleet.cli("series", "query", series, "--of", node.name, "--limit", "10000", check=False)
        return [row[1] for row in answer["rows"]] if answer else []

    of, made = "oven/celsius", "fahrenheit/oven"
    wanted = [value * 9 / 5 + 32 for value in celsius]
    wait("the Fahrenheit of all readings", lambda: len(values(made)) >= len(celsius))
    if values(made) != wanted or values(of) != celsius:
        raise Failed(f"{made} is not what {of} makes")
    say(f"  {node.name} runs fahrenheit.py in a sandbox: {len(wanted):,} readings of {of} became {made}, none missing, none wrong")
    return len(wanted)


def spread(fleet, say):
    job = fleet.folder / "guard.toml"
    job.write_text(f"""name = "guard"
[[groups]]
name = "main"
count = {SERVICES}
spread = "node"
[groups.task]
command = ["/bin/sh", "-c", "echo begins; while :; do sleep 1; done"]
resources = {{ cpu = 0.05, memory = "16MiB" }}
stop_grace = "1s"
[groups.task.disconnect]
policy = "replace"
after = "{LEASE}"
[update]
parallel = {SERVICES}
healthy = "1s"
""")
    fleet.cli("task", "submit", str(job), "--wait")
    places = running(fleet, "guard")
    each = {node.name: sum(place == node.name for place in places.values()) for node in fleet.nodes}
    say(f"  {SERVICES} services are spread over the nodes: " + ", ".join(f"{count} on {name}" for name, count in each.items()))
    return places


class Moving:
    """Watches, beside the rest of the tour, until all services run on nodes that live."""

    def __init__(self, fleet, before, dead, say):
        self.fleet, self.before, self.dead, self.say = fleet, before, dead, say
        self.lost = [task for task, place in before.items() if place == dead.name]
        self.began, self.seconds, self.problem = time.monotonic(), None, None
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self):
        try:
            while self.seconds is None:
                places = running(self.fleet, "guard")
                if len(places) == SERVICES and self.dead.name not in places.values():
                    self.seconds = time.monotonic() - self.began
                    self.after = places
                elif time.monotonic() - self.began > 120:
                    raise Failed(f"the services of {self.dead.name} did not move within 120 s: {json.dumps(rows_of(self.fleet))}")
                time.sleep(0.2)
        except Exception as problem:   # raised again where it is waited for
            self.problem = problem

    def end(self):
        """What came of it; then the dead node comes back, and runs nothing that others run."""
        self.thread.join()
        if self.problem:
            raise self.problem
        stayed = [task for task, place in self.before.items() if place != self.dead.name]
        if any(self.after[task] != self.before[task] for task in stayed):
            raise Failed(f"services moved that had no cause to: {self.before} {self.after}")
        self.say(f"  {self.dead.name} lost its power: its {len(self.lost)} services ran elsewhere after {self.seconds:.0f} s "
                 f"(a lease of {LEASE}); the other {len(stayed)} stayed where they were")
        self.dead.process.start()
        wait("the node that came back", lambda: self.fleet.cli("twin", "get", f"{self.dead.name}:_node")["features"].get("tasks", {})
             .get("properties", {}).get("_heard") is not None)
        restarts = {row["task"]: row["restarts"] for row in rows_of(self.fleet) if row["task"].startswith("guard.")}
        if running(self.fleet, "guard") != self.after or any(restarts.values()):
            raise Failed(f"a node that came back disturbed what had moved: {rows_of(self.fleet)}")
        self.say(f"  {self.dead.name} is back, and nothing runs twice or was started again")
        return {"tasks_moved": len(self.lost), "tasks_moved_after_seconds": round(self.seconds, 1), "tasks_left_alone": len(stayed)}


def begin(fleet, say):
    say("tasks")
    converted = edge_function(fleet, fleet.nodes[0], say)
    before = spread(fleet, say)
    dead = fleet.nodes[1]
    dead.process.kill()            # the machine loses its power: the program, and all that it started
    end_tasks(dead.state)
    return {"edge_function_readings": converted}, Moving(fleet, before, dead, say)
