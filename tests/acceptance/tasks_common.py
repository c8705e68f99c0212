"""Jobs of a fleet of real programs, for the stories of tasks."""
import contextlib
import io
import json
import os
import pathlib
import subprocess
import tarfile
import time

from artifact import publish
from common import check, fleet_of
from fleet import Failed, fetch

ENDED = ("done", "failed")


def wait(what, condition, patience=30):
    """What `condition` answers once that is true."""
    end = time.monotonic() + patience
    while not (answer := condition()):
        check(time.monotonic() < end, f"{what() if callable(what) else what}: not within {patience} s")
        time.sleep(0.03)
    return answer


def job_of(name, command, node=None, count=1, mode="job", **task):
    group = {"name": "main", "count": count, "task": {"command": list(map(str, command)), "mode": mode, **task}}
    if not command:
        del group["task"]["command"]
    if node:
        group["constraints"] = [{"label": "node", "is": "equal", "values": [node.name]}]
    return {"name": name, "groups": [group]}


def submit(fleet, name, command, node=None, **task):
    """Returns the name of the job's first task."""
    path = fleet.folder / f"{name}.json"
    path.write_text(json.dumps(job_of(name, command, node, **task)))
    fleet.cli("task", "submit", str(path))
    return f"{name}.main.0"


def member(fleet, name):
    members = fleet.cli("task", "status", name)["members"]
    return members[0] if members else {}


def ended(fleet, name, patience=30):
    """The member of a job that has ended, as `task status --json` shows it."""
    last = {}

    def look():
        last.update(member(fleet, name))
        return last if last.get("task_state") in ENDED else None
    return wait(lambda: f"end of job {name}, now {last}", look, patience)


def on_node(node, task):
    try:
        return json.loads(fetch(f"{node.url}/api/v1/tasks/{task}"))
    except OSError:
        return {}


def until_runs(node, task, patience=30):
    return wait(lambda: f"{task} runs, now {on_node(node, task)}",
                lambda: (said := on_node(node, task)).get("state") == "running" and said, patience)


def log_of(node, task):
    return fetch(f"{node.url}/api/v1/tasks/{task}/logs?tail=10000")


def said_by(node, task):
    """What the task wrote to its output: the lines without time and stream."""
    return [line.split(" ", 2)[2] for line in log_of(node, task).splitlines() if line.split(" ", 2)[1] == "out"]


def tar_of(files):
    """A tar of {name: text}."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    return whole.getvalue()


def publish_files(fleet, name, files, version=1):
    publish(fleet, name, tar_of(files), version)
    return [{"name": name, "version": version}]


def processes_of(task):
    """Ids, here, of the processes that have the task in their environment."""
    wanted = f"SELVEDGE_TASK={task}\0".encode()
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and wanted in (entry / "environ").read_bytes() + b"\0":
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@contextlib.contextmanager
def fleet_of_tasks(*settings):
    """A fleet whose tasks reach their folders also where there is no sandbox."""
    with fleet_of(*settings) as fleet:
        fleet.folder.chmod(0o711)
        yield fleet


def resident_most(pid):
    """Bytes of memory that a process had at most."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def can_hide_tools():
    """Whether a node can be started that sees neither bubblewrap nor control groups."""
    if os.geteuid() != 0 or not os.path.exists("/usr/bin/bwrap"):
        return False
    return subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "none", "/sys/fs/cgroup"],
                          capture_output=True).returncode == 0


def hide_tools(node):
    """The node is to see neither bubblewrap nor control groups."""
    script = 'mount --bind /dev/null /usr/bin/bwrap && mount -t tmpfs none /sys/fs/cgroup && exec "$0" "$@"'
    node.process.command = ["unshare", "--mount", "sh", "-c", script, *node.process.command]


def withdraw(fleet, *names):
    for name in names:
        try:
            fleet.cli("task", "stop", name)
        except Failed:
            pass
