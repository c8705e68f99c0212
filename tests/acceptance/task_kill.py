"""The node's program and the cloud's are killed while tasks are made ready, started, run, changed and stopped: none runs
twice at a time, none is lost, what is well goes on, and a job that ended is not run again."""
import contextlib
import json
import os
import random
import threading
import time

from artifact import publish
from common import OPEN, check, equal
from fleet import Failed
from tasks_common import (ended, fleet_of_tasks, job_of, log_of, member, on_node, processes_of, publish_files, said_by, submit, tar_of, until_runs, wait,
                          withdraw)

# Holds a lock as long as it lives, and writes down when it began and how it ended.
KEEPER = r'''
import fcntl, os, signal, sys, time

folder, how = sys.argv[1], sys.argv[2]
task = os.environ["SELVEDGE_TASK"]
book = open(f"{folder}/book", "a", buffering=1)
lock = open(f"{folder}/{task}.lock", "w")
try:
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
except OSError:
    book.write(f"overlap {task} {how}\n")
    time.sleep(1)
    sys.exit(9)


def write(what):
    book.write(f"{what} {task} {how}\n")


def ask_to_end(number, frame):
    write("asked")
    if how != "stubborn":
        write("stopped")
        os._exit(0 if how != "job" else 9)


signal.signal(signal.SIGTERM, ask_to_end)
write("began")
print("began", how, flush=True)
if how.startswith("job"):
    time.sleep(0.3)
    write("done")
    sys.exit(0)
count = 0
while True:
    time.sleep(0.1)
    count += 1
    print(count, flush=True)
'''


class Book:
    """What the keepers wrote: for each task its events in order."""

    def __init__(self, folder):
        self.folder = folder / "volume"
        self.folder.mkdir()
        self.folder.chmod(0o777)

    def lines(self):
        path = self.folder / "book"
        return [tuple(line.split()) for line in path.read_text().splitlines()] if path.exists() else []

    def of(self, task, what=None):
        return [(event, how) for event, name, how in self.lines() if name == task and what in (None, event)]

    def check(self):
        overlaps = [line for line in self.lines() if line[0] == "overlap"]
        check(not overlaps, f"two runs of one task at a time: {overlaps}")

    def free(self, task):
        """Whether nobody holds the lock of a task."""
        import fcntl
        with open(self.folder / f"{task}.lock", "a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return False
        return True


def keep(fleet, book, name, how, node=None, **task):
    sandbox = {"writable": [str(book.folder)]}
    return submit(fleet, name, ["/usr/bin/python3", "-u", "keeper.py", book.folder, how], node, sandbox=sandbox, stop_grace="1s",
                  **{"mode": "job" if how.startswith("job") else "service", **task})


@contextlib.contextmanager
def a_fleet_that_keeps_a_book(*settings):
    with fleet_of_tasks(*settings) as fleet:
        yield fleet, Book(fleet.folder), publish_files(fleet, "keeper", {"keeper.py": KEEPER})


def done_well(fleet, name, patience=30):
    outcome = ended(fleet, name, patience)
    node = next(node for node in fleet.nodes if node.name == outcome["node"])
    check(outcome["state"] == "done", f"{outcome}\n{log_of(node, outcome['task'])[-2000:]}")


def kill_and_start(process, pause=0.0):
    process.kill()
    time.sleep(pause)
    process.start()


def test_a_node_killed_while_it_makes_a_task_ready_starts_it_once():
    settings = OPEN + '[artifacts]\nbytes-per-second = "4MiB"\n'
    with a_fleet_that_keeps_a_book(settings) as (fleet, book, keeper):
        node = fleet.nodes[0]
        # While it fetches.
        publish(fleet, "large", os.urandom(3 << 20))
        large = keep(fleet, book, "fetching", "job", artifacts=keeper + [{"name": "large", "version": 1}])
        parts = node.state / "artifacts"
        for most in (1 << 20, 2 << 20):
            wait(f"{most} bytes of it", lambda: sum(f.stat().st_size for f in parts.glob("*part*")) >= most if parts.exists() else False)
            check(not book.of(large), "it is not there yet")
            kill_and_start(node.process)
        # While it unpacks: many files, and the folder is looked at.
        many = tar_of({f"d{i % 50}/f{i}": "x" * 200 for i in range(6000)})
        publish(fleet, "many", many)
        unpacking = keep(fleet, book, "unpacking", "job", artifacts=[{"name": "many", "version": 1}] + keeper)
        folder = node.state / "tasks" / unpacking
        for least in (3, 20):
            wait(f"{least} folders of it", lambda: any(len(list(p.iterdir())) >= least for p in folder.glob("[0-9]*"))
                 if folder.exists() else False)
            kill_and_start(node.process)
        for name, task in (("fetching", large), ("unpacking", unpacking)):
            done_well(fleet, name, 60)
            equal(book.of(task, "began"), [("began", "job")], f"runs of {name}")
        wait("what was unpacked goes", lambda: not any(p.name.isdigit() for p in folder.iterdir()))
        book.check()


def test_a_node_killed_while_it_starts_tasks_starts_each_once():
    with a_fleet_that_keeps_a_book(OPEN) as (fleet, book, keeper):
        node = fleet.nodes[0]
        chance = random.Random(11)
        tasks = []
        for i in range(6):
            name = f"start-{i}"
            tasks.append(keep(fleet, book, name, "job" if i % 2 else "service", artifacts=keeper))
            folder = node.state / "tasks" / tasks[-1]
            # At the run's file, at its folder, at its record, and moments after each.
            step = ["run-*.json", "run/*", "run/*/*", "run/*/status"][i % 4]
            wait(f"{step} of {name}", lambda: any(folder.glob(step)) if folder.exists() else False)
            time.sleep(chance.choice((0, 0, 0.003, 0.02)))
            kill_and_start(node.process)
        for i, task in enumerate(tasks):
            if i % 2:
                done_well(fleet, f"start-{i}")
                equal(len(book.of(task, "done")), 1, f"ends of start-{i}: {book.of(task)}")
            else:
                until_runs(node, task)
                wait(f"{task} began", lambda: book.of(task, "began"))
                check(not book.free(task), f"{task} runs")
            equal(len(book.of(task, "began")), 1, f"starts of {task}, of which none was stopped: {book.of(task)}")
        book.check()
        withdraw(fleet, *(f"start-{i}" for i in range(0, 6, 2)))


def test_a_running_task_is_taken_over_by_the_next_program():
    with a_fleet_that_keeps_a_book(OPEN) as (fleet, book, keeper):
        node = fleet.nodes[0]
        task = keep(fleet, book, "steady", "service", artifacts=keeper, resources={"memory": "64MiB"})
        before = until_runs(node, task)
        wait("it counts", lambda: len(said_by(node, task)) > 3)
        processes = processes_of(task)
        for pause in (0, 0.5, 0.1):
            kill_and_start(node.process, pause)
            said = until_runs(node, task)
            equal((said["run"], said["restarts"]), (before["run"], before["restarts"]), "the same run")
        equal(processes_of(task), processes, "the same processes")
        end = len(said_by(node, task))
        wait("it goes on counting", lambda: len(said_by(node, task)) > end + 3)
        numbers = [int(line) for line in said_by(node, task)[1:]]
        equal(numbers, list(range(1, len(numbers) + 1)), "lines, also of the time when nobody read")
        check("memory" in said["limits"], said["limits"])
        # While it is being stopped: it does not end by itself.
        stubborn = keep(fleet, book, "stubborn", "stubborn", artifacts=keeper)
        until_runs(node, stubborn)
        wait("it began", lambda: book.of(stubborn, "began"))
        fleet.cli("task", "stop", "stubborn")
        wait("it is asked to end", lambda: book.of(stubborn, "asked"))
        kill_and_start(node.process)
        wait("it is gone", lambda: not fleet.cli("task", "status", "stubborn")["members"])
        check(book.free(stubborn) and not processes_of(stubborn), "nothing of it runs")
        equal(len(book.of(stubborn, "began")), 1, "starts of it")
        # A new generation, while the old one ends: first that, then the new one.
        changed = keep(fleet, book, "changed", "stubborn", artifacts=keeper)
        until_runs(node, changed)
        wait("it began", lambda: book.of(changed, "began"))
        keep(fleet, book, "changed", "second", artifacts=keeper)
        wait("the old one is asked to end", lambda: book.of(changed, "asked"))
        kill_and_start(node.process)
        wait("the new one began", lambda: ("began", "second") in book.of(changed))
        until_runs(node, changed)
        equal(book.of(changed, "began"), [("began", "stubborn"), ("began", "second")], "starts")
        equal(processes_of(task), processes, "the steady one is still the same")
        book.check()
        withdraw(fleet, "steady", "changed")


def test_a_cloud_killed_while_it_places_tasks_places_each_once():
    with a_fleet_that_keeps_a_book(OPEN, OPEN) as (fleet, book, keeper):
        chance = random.Random(7)
        wait("both nodes are there", lambda: len(fleet.cli("node", "list")) == 2)
        sandbox = {"writable": [str(book.folder)]}
        names = []
        for i in range(4):
            name = f"placed-{i}"
            names.append(name)
            path = fleet.folder / f"{name}.json"
            path.write_text(json.dumps(job_of(name, ["/usr/bin/python3", "-u", "keeper.py", book.folder, "service"], count=6,
                                              mode="service", artifacts=keeper, sandbox=sandbox, stop_grace="1s")))
            killer = threading.Timer(chance.uniform(0.005, 0.12), fleet.cloud.kill)
            killer.start()
            with contextlib.suppress(Failed):                     # the answer may be lost
                fleet.cli("task", "submit", str(path))
            killer.join()
            fleet.cloud.start()
            # Whoever got no answer asks again: the same document changes nothing.
            fleet.cli("task", "submit", str(path))
        tasks = [f"{name}.main.{i}" for name in names for i in range(6)]
        for name in names:
            wait(f"{name} is well", lambda: fleet.cli("task", "status", name)["running"] == 6, 40)
        for task in tasks:
            wait(f"{task} began", lambda: book.of(task, "began"))
        # Also while they leave.
        for name in names:
            killer = threading.Timer(chance.uniform(0.005, 0.08), fleet.cloud.kill)
            killer.start()
            with contextlib.suppress(Failed):
                fleet.cli("task", "stop", name)
            killer.join()
            fleet.cloud.start()
            fleet.cli("task", "stop", name)
        for name in names:
            wait(f"{name} is gone", lambda: not fleet.cli("task", "status", name)["members"], 40)
        for task in tasks:
            equal([event for event, _ in book.of(task)], ["began", "asked", "stopped"], f"what became of {task}")
        book.check()


def test_kills_at_any_moment_leave_what_is_wished():
    with a_fleet_that_keeps_a_book(OPEN, OPEN) as (fleet, book, keeper):
        chance = random.Random(3)
        generations = {}
        jobs = []
        end = time.monotonic() + 12
        turn = 0
        while time.monotonic() < end:
            turn += 1
            name = f"service-{turn % 3}"
            generations[name] = f"s{turn}"
            keep(fleet, book, name, f"s{turn}", artifacts=keeper)
            jobs.append((f"job-{turn}", keep(fleet, book, f"job-{turn}", "job", artifacts=keeper)))
            time.sleep(chance.uniform(0, 0.4))
            victim = chance.choice([*(node.process for node in fleet.nodes), fleet.cloud])
            kill_and_start(victim, chance.choice((0, 0.1)))
        for name, how in generations.items():
            wait(lambda: f"{name} as wished last ({how}): {book.of(f'{name}.main.0')[-4:]}, {member(fleet, name)}",
                 lambda: [e for e in book.of(f"{name}.main.0") if e[0] == "began"][-1:] == [("began", how)] and
                 member(fleet, name).get("task_state") == "running", 40)
        for name, task in jobs:
            done_well(fleet, name, 40)
            equal([event for event, _ in book.of(task)], ["began", "done"], f"what became of {task}")
        book.check()
        print(f"    {turn} kills", flush=True)
        withdraw(fleet, *generations)
