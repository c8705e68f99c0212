"""Tasks that try to get out, or to take more than they may have: each ends in a limit, and its status says in which."""
import io
import json
import os
import subprocess
import tarfile
import threading
import time

from artifact import publish
from common import OPEN, check, equal, fetch
from tasks_common import (can_hide_tools, ended, fleet_of_tasks, hide_tools, log_of, on_node, processes_of, publish_files, resident_most, said_by,
                          submit, until_runs, wait, withdraw)

MOST_RESIDENT = 160 << 20

# Prints a line for each attempt: what stopped it, or that nothing did.
ATTEMPTS = r'''
import ctypes, errno, json, os, pathlib, signal, socket, subprocess, sys

node, other, state, canary, port, unix = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:5], int(sys.argv[5]), sys.argv[6]
libc = ctypes.CDLL(None, use_errno=True)


def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0:
        raise OSError(ctypes.get_errno(), "call")
    return "it was allowed"


def read(path):
    return pathlib.Path(path).read_bytes()[:40].hex()


def read_all_below(path):
    found = [str(p) for p in pathlib.Path(path).rglob("*") if p.is_file() and os.access(p, os.R_OK)]
    found = [p for p in found if not p.startswith(os.getcwd()) and not p.endswith("/lock")]
    if not found:
        raise PermissionError(errno.EACCES, "nothing to read")
    return found[:5]


def write(path):
    pathlib.Path(path).write_text("written")
    return path


def through_link(target):
    os.symlink(target, "a-link")
    try:
        return read("a-link")
    finally:
        os.unlink("a-link")


def through_hard_link(target):
    os.link(target, "a-hard-link")
    return read("a-hard-link")


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    return f"killed {pid}"


def run(*command):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(errno.EPERM, done.stderr[:80])
    return done.stdout[:80]


def own_setuid():
    with open("/usr/bin/id", "rb") as source, open("id", "wb") as copy:
        copy.write(source.read())
    os.chmod("id", 0o6755)
    found = run("./id", "-u")
    if found.strip() == "0":
        return "root"
    raise PermissionError(errno.EPERM, found)


def become(function, *arguments):
    function(*arguments)
    return f"now {os.getresuid()} {os.getresgid()}"


def privileges():
    found = {line.split(":")[0]: line.split(":")[1].strip() for line in open("/proc/self/status") if ":" in line}
    if os.getuid() == 0 or found["NoNewPrivs"] != "1" or any(int(found[c], 16) for c in ("CapEff", "CapPrm", "CapInh", "CapAmb")):
        return found
    raise PermissionError(errno.EPERM, "none")


def descriptors():
    more = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if int(fd) > 2}
    more = {fd: path for fd, path in more.items() if not path.startswith("/proc/")}
    if more:
        return more
    raise PermissionError(errno.EPERM, "none")


def connect(family, where):
    with socket.socket(family) as s:
        s.settimeout(3)
        s.connect(where)
    return f"connected to {where}"


def see_others():
    names = [open(f"/proc/{p}/comm").read().strip() for p in os.listdir("/proc") if p.isdigit()]
    if "selvedge-node" in names:
        return names[:20]
    raise PermissionError(errno.EPERM, "only its own")


root = f"/proc/{node}/root"
attempts = {
    "shadow": lambda: read("/etc/shadow"),
    "shadow through a link": lambda: through_link("/etc/shadow"),
    "shadow through a hard link": lambda: through_hard_link("/etc/shadow"),
    "shadow through /proc": lambda: read(f"{root}/etc/shadow"),
    "shadow through the first process": lambda: read("/proc/1/root/etc/shadow"),
    "state of the node": lambda: read_all_below(state),
    "keys of the node": lambda: read_all_below(f"{state}/identity"),
    "keys through a link": lambda: through_link(f"{state}/identity/node.key"),
    "list of the state": lambda: sorted(set(os.listdir(state)) - {"tasks"}) or read("/nothing"),
    "environment of the node": lambda: read(f"/proc/{node}/environ"),
    "memory of the node": lambda: open(f"/proc/{node}/mem", "rb+").name,
    "write in the state": lambda: write(f"{state}/canary"),
    "write in /etc": lambda: write("/etc/canary"),
    "write in /usr": lambda: write("/usr/canary"),
    "write over the canary": lambda: write(canary),
    "write through /proc": lambda: write(f"{root}{canary}"),
    "core pattern": lambda: write("/proc/sys/kernel/core_pattern"),
    "release agent": lambda: write("/sys/fs/cgroup/memory/release_agent"),
    "own group": lambda: write("/sys/fs/cgroup/memory/cgroup.procs"),
    "sysrq": lambda: write("/proc/sysrq-trigger"),
    "device": lambda: call(133, b"disk", 0o60666, os.makedev(254, 0)),
    "memory of the machine": lambda: open("/dev/mem", "rb").name,
    "mount": lambda: call(165, b"none", b"/tmp", b"tmpfs", 0, None),
    "unmount": lambda: call(166, b"/proc", 2),
    "open_tree": lambda: call(428, -100, b"/", 1),
    "fsopen": lambda: call(430, b"tmpfs", 0),
    "pivot_root": lambda: call(155, b".", b"."),
    "chroot": lambda: call(161, b"."),
    "unshare of users": lambda: call(272, 0x10000000),
    "unshare of mounts": lambda: call(272, 0x20000),
    "clone of users": lambda: call(56, 0x10000000 | 17, None, None, None, None),
    "setns": lambda: call(308, os.open("/proc/self/ns/net", os.O_RDONLY), 0),
    "ptrace of the node": lambda: call(101, 16, node, 0, 0),
    "ptrace of another task": lambda: call(101, 16, other, 0, 0),
    "memory of another": lambda: call(310, other, None, 0, None, 0, 0),
    "kill of the node": lambda: kill(node),
    "kill of another task": lambda: kill(other),
    "kill by process group": lambda: (os.killpg(node, 9), "killed")[1],
    "priority of the node": lambda: (os.setpriority(os.PRIO_PROCESS, node, 19), "set")[1],
    "higher priority": lambda: (os.nice(-5), "set")[1],
    "higher limits": lambda: (__import__("resource").setrlimit(7, (1 << 20, 1 << 20)), "set")[1],
    "keyctl": lambda: call(250, 0, -3, 1),
    "add_key": lambda: call(248, b"user", b"a", b"b", 1, -3),
    "bpf": lambda: call(321, 0, None, 0),
    "io_uring": lambda: call(425, 8, ctypes.create_string_buffer(256)),
    "userfaultfd": lambda: call(323, 0),
    "perf": lambda: call(298, ctypes.create_string_buffer(128), 0, -1, -1, 0),
    "open by handle": lambda: call(304, -100, None, 0),
    "modules": lambda: call(313, 0, b"", 0),
    "kexec": lambda: call(246, 0, 0, None, 0),
    "clock": lambda: call(227, 0, ctypes.create_string_buffer(16)),
    "name of the machine": lambda: call(170, b"x", 1),
    "raw packets": lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW).family,
    "raw sockets": lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1).family,
    "kernel crypto": lambda: socket.socket(38, socket.SOCK_SEQPACKET).family,
    "vsock": lambda: socket.socket(40, socket.SOCK_STREAM).family,
    "setuid": lambda: become(os.setuid, 0),
    "groups": lambda: become(os.setgroups, [0]),
    "su": lambda: run("/usr/bin/su", "-c", "id"),
    "setuid of its own": own_setuid,
    "privileges": privileges,
    "descriptors": descriptors,
    "network of the node": lambda: connect(socket.AF_INET, ("127.0.0.1", port)),
    "network abroad": lambda: connect(socket.AF_INET, ("192.0.2.1", 9)),
    "socket of the machine": lambda: connect(socket.AF_UNIX, "\0" + unix),
    "processes of others": see_others,
}
for name, attempt in attempts.items():
    try:
        print(json.dumps({"attempt": name, "done": str(attempt())}), flush=True)
    except Exception as refused:
        print(json.dumps({"attempt": name, "refused": f"{type(refused).__name__}: {refused}"}), flush=True)
print("all tried", flush=True)
'''

# Where only system calls are filtered a task shares files that everybody may read, network and processes with its user.
SHARED_WITHOUT_A_SANDBOX = {"network of the node", "socket of the machine", "processes of others", "kill of another task",
                            "network abroad", "memory of another", "list of the state"}

BOMBS = {
    "forks.py": r'''
import os, time
made, refused = 0, ""
for i in range(2000):
    try:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        made += 1
    except OSError as error:
        refused = error.strerror
        break
print(made, refused, flush=True)
''',
    "wild.py": r'''
import os
while True:
    try:
        os.fork()
    except OSError:
        pass
''',
    "memory.py": r'''
import sys
print("takes memory", flush=True)
held = []
try:
    for i in range(4096):
        held.append(bytearray(b"x" * (1 << 20)))
except MemoryError:
    held = None
    print("no more", flush=True)
    sys.exit(3)
''',
    "shm.py": r'''
print("takes memory", flush=True)
for i in range(4096):
    with open(f"/dev/shm/{i}", "wb") as file:
        file.write(b"x" * (1 << 20))
''',
    "files.py": r'''
import time
for i in range(400):
    with open(f"file-{i}", "wb") as file:
        file.write(b"x" * (1 << 20))
    time.sleep(0.01)
time.sleep(30)
''',
    "deep.py": r'''
import os, time
for i in range(3000):
    os.mkdir("d" * 200)
    os.chdir("d" * 200)
time.sleep(30)
''',
    "links.py": r'''
import os, sys, time
os.symlink(sys.argv[1], "outside")
os.symlink("/", "root")
os.symlink(".", "around")
os.mkdir("closed", 0o000)
print("placed", flush=True)
time.sleep(60)
''',
}


class Watch:
    """Asks a node all the time; how long the slowest answer took."""

    def __init__(self, node):
        self.node, self.slowest, self.failed, self.over = node, 0.0, 0, False
        self.thread = threading.Thread(target=self.look)
        self.thread.start()

    def look(self):
        while not self.over:
            began = time.monotonic()
            try:
                fetch(f"{self.node.url}/healthz", 5)
            except OSError:
                self.failed += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
            time.sleep(0.05)

    def end(self):
        self.over = True
        self.thread.join()
        equal(self.failed, 0, "health checks of the node that were not answered within 5 s")


def gone(task):
    wait(lambda: f"end of all processes of {task}, now {processes_of(task)}", lambda: not processes_of(task))


def try_to_get_out(fleet, node, scripts, canary, unix):
    """Every attempt of a task on a node; returns what was refused and what was not."""
    bystander = f"bystander-{node.name}"
    other = submit(fleet, bystander, ["/usr/bin/sleep", "600"], node, mode="service")
    until_runs(node, other)
    victim = wait(f"{other} runs", lambda: processes_of(other))[-1]
    name = f"attempts-{node.name}"
    task = submit(fleet, name, ["/usr/bin/python3", "-u", "escape.py", node.process.pid, victim, node.state, canary, node.http, unix],
                  node, artifacts=scripts)
    outcome = ended(fleet, name)
    lines = said_by(node, task)
    check(lines and lines[-1] == "all tried", f"the attempts came to their end: {outcome} {log_of(node, task)[-800:]}")
    tried = [json.loads(line) for line in lines[:-1]]
    withdraw(fleet, bystander)
    return outcome, {t["attempt"]: t["refused"] for t in tried if "refused" in t}, {t["attempt"]: t["done"] for t in tried if "done" in t}


def bombs(fleet, node, scripts, held):
    """Tasks that take all they can get; each is ended, and says by what. `held` tells which limits there are."""
    python = ["/usr/bin/python3", "-u"]
    some = {"memory": "96MiB"}
    names = {
        "forks": (["forks.py"], dict(resources=some, sandbox={"processes": 20})),
        "wild": (["wild.py"], dict(resources=some, sandbox={"processes": 20}, time_limit="3s", stop_grace="1s")),
        "memory": (["memory.py"], dict(resources=some)),
        "files": (["files.py"], dict(resources={**some, "disk": "24MiB"})),
        "deep": (["deep.py"], dict(resources={**some, "disk": "24MiB"})),
    }
    if held["groups"] and held["sandbox"]:
        names["shm"] = (["shm.py"], dict(resources=some, sandbox={"tmp": "1GiB"}))
    for name, (script, task) in names.items():
        submit(fleet, f"{name}-{node.name}", python + script, node, artifacts=scripts, **task)
    submit(fleet, f"file-{node.name}", ["/usr/bin/dd", "if=/dev/zero", "of=one", "bs=1M", "count=400"], node, resources={"disk": "24MiB"})
    submit(fleet, f"flood-{node.name}", ["/usr/bin/yes", "a line of a flood"], node, time_limit="3s", log="256KiB")
    found = {name: ended(fleet, f"{name}-{node.name}") for name in [*names, "file", "flood"]}

    made, _, refused = said_by(node, f"forks-{node.name}.main.0")[0].partition(" ")
    check(1 <= int(made) <= 20 and "temporarily unavailable" in refused, f"forks: made {made}, then {refused}")
    check("ran longer than 3s" in found["wild"]["reason"], f"wild forks: {found['wild']}")
    if held["groups"]:
        for name in set(names) & {"memory", "shm"}:
            check("over its memory of 96 MiB" in found[name]["reason"] and found[name]["exit"] == -9, f"{name}: {found[name]}")
        check("memory, processes: cgroup" in found["memory"]["limits"], str(found["memory"]))
    else:
        equal(found["memory"]["exit"], 3, f"memory: {found['memory']}")
        check("memory: address space of each process" in found["memory"]["limits"], str(found["memory"]))
        check("processes: of its user" in found["forks"]["limits"], str(found["forks"]))
    for name in ("files", "deep"):
        check("over its disk of 24 MiB" in found[name]["reason"], f"{name}: {found[name]}")
    check("a file over its disk of 24 MiB" in found["file"]["reason"] and found["file"]["exit"] == -25, f"file: {found['file']}")
    check("ran longer than 3s" in found["flood"]["reason"], f"flood: {found['flood']}")
    for name in found:
        equal(found[name]["state"], "failed" if name != "forks" else "done", f"state of {name}: {found[name]}")
        gone(f"{name}-{node.name}.main.0")
    folder = node.state / "tasks" / f"flood-{node.name}.main.0"
    kept = sum((folder / name).stat().st_size for name in ("log", "log.old") if (folder / name).exists())
    check(kept <= 400 << 10, f"the log of a flood has {kept} bytes, of 256 KiB asked for")
    withdraw(fleet, *(f"{name}-{node.name}" for name in found))


def evil_archives():
    """Archives whose members would lead out of the folder."""
    def tar_with(*entries):
        whole = io.BytesIO()
        with tarfile.open(fileobj=whole, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for name, kind, target in entries:
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname, entry.mode = kind, target, 0o6777
                data = b"written" if kind == tarfile.REGTYPE else b""
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        return whole.getvalue()
    file = tarfile.REGTYPE
    return {
        "by-link": (tar_with(("out", tarfile.SYMTYPE, "/etc"), ("out/canary", file, "")), "a symbolic link"),
        "by-hard-link": (tar_with(("shadow", tarfile.LNKTYPE, "/etc/shadow")), "a hard link"),
        "by-dots": (tar_with(("../../../canary", file, "")), "no clean relative path"),
        "by-root": (tar_with(("/etc/canary", file, "")), "no clean relative path"),
        "by-device": (tar_with(("disk", tarfile.BLKTYPE, "")), "a device"),
        "by-pipe": (tar_with(("pipe", tarfile.FIFOTYPE, "")), "a pipe"),
    }


def refused_wishes(fleet, node):
    """Tasks that never begin, since what they ask for leads out."""
    archives = evil_archives()
    for name, (content, _) in archives.items():
        publish(fleet, name, content)
        submit(fleet, name, ["/usr/bin/true"], node, artifacts=[{"name": name, "version": 1}])
    folders = {
        "sees-all": ({"read_only": ["/"]}, "the whole machine is not for tasks"),
        "sees-state": ({"read_only": [str(node.state)]}, "is not for tasks"),
        "writes-above": ({"writable": [str(fleet.folder)]}, "is not for tasks"),
        "sees-kernel": ({"writable": ["/proc/sys"]}, "the kernel's"),
        "sees-disk": ({"devices": ["/dev/fd/3"]}, "let a task use /dev/fd/3"),
    }
    for name, (sandbox, _) in folders.items():
        submit(fleet, name, ["/usr/bin/true"], node, sandbox=sandbox)
    for name, (_, why) in {**archives, **folders}.items():
        outcome = ended(fleet, name)
        check(outcome["state"] == "failed" and why in outcome["reason"], f"{name}: {outcome}")
    for path in ("/etc/canary", node.state / "canary", node.state / "tasks" / "canary"):
        check(not os.path.exists(path), f"{path} was written")


def a_node_of_tasks(hidden):
    """One story on a node with what this machine has, or without bubblewrap and control groups."""
    with fleet_of_tasks() as fleet:
        node = fleet.add_node("bare" if hidden else "boxed", OPEN)
        if hidden:
            hide_tools(node)
        node.process.start()
        outside = fleet.folder / "outside"
        outside.mkdir()
        canary = outside / "canary"
        canary.write_text("safe")
        unix = f"selvedge-escape-{node.process.pid}"
        server = subprocess.Popen(["python3", "-c", f"import socket,time; s=socket.socket(socket.AF_UNIX); s.bind('\\0{unix}'); s.listen(); time.sleep(120)"])
        watch = Watch(node)
        try:
            scripts = publish_files(fleet, "scripts", {"escape.py": ATTEMPTS, **BOMBS})
            outcome, refused, allowed = try_to_get_out(fleet, node, scripts, canary, unix)
            limits = outcome["limits"]
            held = {"sandbox": "sandbox: bubblewrap" in limits, "groups": "cgroup" in limits}
            print(f"    {node.name}: {limits}", flush=True)
            if hidden:
                check(not held["sandbox"] and not held["groups"] and "system calls only (bubblewrap" in limits, limits)
            shared = set() if held["sandbox"] else SHARED_WITHOUT_A_SANDBOX
            wrong = {name: done for name, done in allowed.items() if name not in shared}
            check(not wrong, f"attempts that nothing refused: {wrong}")
            check(len(refused) >= 55, f"attempts: {refused}")
            for name in ("mount", "unshare of users", "ptrace of the node", "keyctl", "bpf", "io_uring", "userfaultfd"):
                check("Errno 1]" in refused[name], f"{name}: {refused[name]}")

            planted = submit(fleet, "links", ["/usr/bin/python3", "-u", "links.py", outside], node, artifacts=scripts)
            wait("links are there", lambda: "placed" in said_by(node, planted) if on_node(node, planted) else False)
            bombs(fleet, node, scripts, held)
            refused_wishes(fleet, node)
            fleet.cli("task", "stop", "links", "--wait")
            folder = node.state / "tasks" / planted
            wait(f"{folder} goes", lambda: not folder.exists())
            equal(canary.read_text(), "safe", "what a task's link led to, once its folder is removed")
            check(node.process.alive(), "the node runs")
        finally:
            watch.end()
            server.kill()
            server.wait()
        most = resident_most(node.process.pid)
        print(f"    {node.name}: {most >> 20} MiB resident at most, the slowest answer took {watch.slowest * 1000:.0f} ms", flush=True)
        check(most < MOST_RESIDENT, f"the node had {most >> 20} MiB")


def test_tasks_do_not_get_out_of_their_limits():
    a_node_of_tasks(hidden=False)


def test_tasks_do_not_get_out_without_bubblewrap_and_control_groups():
    if not can_hide_tools():
        return print("    skipped: needs root, bubblewrap and a mount namespace", flush=True)
    a_node_of_tasks(hidden=True)
