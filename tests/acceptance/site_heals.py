"""A site without its cloud, with the real programs: a node dies, and what it ran runs on another."""
import json
import os
import pathlib
import signal
import sys
import time

from common import OPEN, check, equal, fetch, fleet_of, free_port

NAMES = ["node-1", "node-2", "node-3"]


def until(what, found, good, patience=60):
    end = time.monotonic() + patience
    while not good(seen := found()):
        check(time.monotonic() < end, f"{what}: found {seen!r}")
        time.sleep(0.05)
    return seen


def site_settings():
    """For each node, which site it is in and where."""
    ports = {name: free_port() for name in NAMES}
    members = "".join(f'[[site.member]]\nname = "{name}"\naddress = "127.0.0.1:{port}"\n' for name, port in ports.items())
    return [OPEN + f'[uplink]\nbackoff-max = "2s"\n[site]\nname = "hall"\nlisten = "127.0.0.1:{ports[name]}"\n' + members for name in NAMES]


def processes(task=None):
    """(node, task, process) of what runs: the program itself, not the sandbox around it."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = dict(one.split("=", 1) for one in (entry / "environ").read_text(errors="replace").split("\0") if "=" in one)
            command = (entry / "cmdline").read_text(errors="replace").split("\0")
        except OSError:
            continue
        if words.get("SELVEDGE_NODE") in NAMES and words.get("SELVEDGE_TASK", "").startswith("vital.") and command[0].endswith("sleep"):
            if task in (None, words["SELVEDGE_TASK"]):
                found.append((words["SELVEDGE_NODE"], words["SELVEDGE_TASK"], int(entry.name)))
    return sorted(found, key=lambda one: one[2])


def places(fleet):
    return {row["task"]: (row["node"], row["state"]) for row in fleet.cli("task", "status", "vital")["members"]}


def test_a_site_heals_the_loss_of_a_node_without_the_cloud():
    with fleet_of(*site_settings()) as fleet:
        job = fleet.folder / "vital.toml"
        job.write_text('name = "vital"\nupdate = { healthy = "1s", deadline = "30s" }\n[[groups]]\nname = "main"\ncount = 3\nspread = "node"\n'
                       '[groups.task]\ncommand = ["/bin/sleep", "86399"]\nstop_grace = "200ms"\n'
                       'disconnect = { policy = "site" }\nresources = { cpu = 0.2 }\n')
        for node in fleet.nodes:
            until(f"{node.name} reports", lambda: fleet.cli("twin", "get", f"{node.name}:_node", check=False) or {},
                  lambda twin: "resources" in twin.get("features", {}).get("node", {}).get("properties", {}))
        fleet.cli("task", "submit", str(job), "--wait")
        before = until("three run", lambda: places(fleet), lambda rows: sorted(rows.values()) == [(name, "running") for name in NAMES])
        pids = {task: pid for _, task, pid in processes()}
        site = json.loads(fetch(f"{fleet.nodes[0].url}/api/v1/site"))
        equal((site["fenced"], len(site["members"]), len(site["tasks"])), (False, 3, 3), "the site")

        fleet.cloud.kill()
        time.sleep(2)
        task = next(name for name, (node, _) in before.items() if node == "node-2")
        lost = fleet.nodes[1]
        lost.process.kill()
        for node, _, pid in processes():
            if node == "node-2":
                os.kill(pid, signal.SIGKILL)
        began = time.monotonic()
        until("it runs elsewhere", lambda: [one for one in processes(task) if one[0] != "node-2"], bool, 15)
        print(f"    {time.monotonic() - began:.2f} s from the loss of a node to its task on another", file=sys.stderr)
        time.sleep(2)
        where = [one[0] for one in processes(task)]
        check(len(set(where)) == 1 and where[0] != "node-2", f"it runs once: {where}")
        taken = {name: pid for _, name, pid in processes()}
        equal({name: pid for name, pid in taken.items() if name != task}, {name: pid for name, pid in pids.items() if name != task}, "the others go on")

        lost.process.start()                       # back, with the cloud's old wish, and the cloud still away
        time.sleep(5)
        equal({name: pid for _, name, pid in processes()}, taken, "a node that is back takes nothing back")
        fleet.cloud.start()
        after = until("the cloud follows", lambda: places(fleet), lambda rows: rows[task] == (where[0], "running") and all(s == "running" for _, s in rows.values()))
        time.sleep(35)                             # longer than a node waits for a wish of what it took over
        equal(places(fleet), after, "and leaves it there")
        equal({name: pid for _, name, pid in processes()}, taken, "nothing that is well started again")
        wished = json.loads(fetch(f"{lost.url}/api/v1/tasks"))
        check(task not in [one["name"] for one in wished], f"the old wish is gone: {wished}")
