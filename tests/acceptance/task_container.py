"""Containers: an OCI image made by hand, pushed as an artifact, run with the limits of any task, taken over by the next program."""
import gzip
import hashlib
import io
import json
import pathlib
import platform
import tarfile
import time

from artifact import publish
from common import OPEN, check, equal
from tasks_common import (can_hide_tools, ended, fleet_of_tasks, hide_tools, log_of, on_node, processes_of, said_by, submit, until_runs, wait,
                          withdraw)

BUSYBOX = pathlib.Path("/bin/busybox")


def layer(entries):
    """A layer as (name, kind, content or target, mode) each."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, kind, content, mode in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = kind, mode
            if kind == tarfile.REGTYPE:
                entry.size = len(content)
            else:
                entry.linkname = content
            tar.addfile(entry, io.BytesIO(content if kind == tarfile.REGTYPE else b""))
    return whole.getvalue()


def image(layers, config, architecture=None):
    """An OCI image layout in a tar."""
    architecture = architecture or {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    blobs = {}

    def put(kind, content):
        digest = hashlib.sha256(content).hexdigest()
        blobs[digest] = content
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}
    manifest = {"schemaVersion": 2,
                "config": put("config.v1+json", json.dumps({"architecture": architecture, "os": "linux", "config": config}).encode()),
                "layers": [put("layer.v1.tar+gzip", gzip.compress(one)) for one in layers]}
    entry = put("manifest.v1+json", json.dumps(manifest).encode())
    entry["platform"] = {"os": "linux", "architecture": architecture}
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode(),
             **{f"blobs/sha256/{digest}": content for digest, content in blobs.items()}}
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


SERVE = b"""#!/bin/sh
trap 'echo asked; exit 0' TERM
echo "hello from $(cat /etc/name), $GREETING, $*"
count=0
while :; do sleep 0.1; count=$((count + 1)); echo $count; done
"""

TRY = rb"""
try() { what=$1; shift; if "$@" >/dev/null 2>&1; then echo "done: $what"; else echo "refused: $what"; fi; }
try shadow cat /etc/shadow
try state ls "$1/identity"
try write touch /etc/new /bin/new
try mount mount -t tmpfs none /tmp
try unshare unshare -U true
try chroot chroot / true
try node kill -9 "$2"
try device mknod /tmp/disk b 254 0
try host cat /proc/1/root/etc/hostname
try network wget -q -O - "http://127.0.0.1:$3/healthz"
echo "user $(id -u), files $(ls / | tr '\n' ' ')"
cd "$HOME" && echo written >own && cat own
"""


def test_a_container_runs_within_its_image_and_its_limits():
    if not BUSYBOX.exists():
        return print("    skipped: needs /bin/busybox (busybox-static)", flush=True)
    tools = ["sh", "cat", "sleep", "ls", "touch", "mount", "unshare", "chroot", "kill", "mknod", "wget", "id", "tr", "dd", "true", "seq"]
    file, link, folder = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE
    base = layer([("usr/", folder, "", 0o755), ("usr/bin/busybox", file, BUSYBOX.read_bytes(), 0o755), ("bin", link, "usr/bin", 0o777),
                  ("etc/name", file, b"the lower layer\n", 0o644),
                  ("etc/secret", file, b"gone\n", 0o644)] + [(f"usr/bin/{tool}", link, "busybox", 0o777) for tool in tools])
    top = layer([("bin/serve", file, SERVE, 0o755), ("bin/attempts", file, TRY, 0o755), ("etc/.wh.secret", file, b"", 0o644), ("etc/name", file, b"the image\n", 0o644)])
    config = {"Entrypoint": ["/bin/sh"], "Cmd": ["/bin/serve", "as the image says"], "Env": ["PATH=/bin", "GREETING=good day"], "WorkingDir": "/srv"}
    with fleet_of_tasks() as fleet:
        node = fleet.add_node("boxed", OPEN)
        node.process.start()
        publish(fleet, "image", image([base, top], config))
        of = {"kind": "container", "image": "image", "artifacts": [{"name": "image", "version": 1}]}

        # As the image says, with what the task says beside it; over a restart of the node's program.
        task = submit(fleet, "serve", [], node, mode="service", resources={"memory": "64MiB"}, stop_grace="2s", **of)
        said = until_runs(node, task)
        wait(lambda: f"it counts: {log_of(node, task)}", lambda: len(said_by(node, task)) > 5)
        equal(said_by(node, task)[0], "hello from the image, good day, as the image says", "its first line")
        processes = processes_of(task)
        node.process.kill()
        time.sleep(0.3)
        node.process.start()
        equal(until_runs(node, task)["run"], said["run"], "the same run")
        check(set(processes) & set(processes_of(task)), "the same process")
        end = len(said_by(node, task))
        wait("it goes on", lambda: len(said_by(node, task)) > end + 3)
        numbers = [int(line) for line in said_by(node, task)[1:]]
        equal(numbers, list(range(1, len(numbers) + 1)), "lines, also of the time when nobody read")

        # Arguments of the task, and what it cannot do.
        tried = submit(fleet, "attempts", ["/bin/attempts", node.state, node.process.pid, node.http], node, **of)
        outcome = ended(fleet, "attempts")
        lines = said_by(node, tried)
        equal(outcome["state"], "done", f"{outcome} {log_of(node, tried)}")
        equal([line for line in lines if line.startswith("done: ")], [], "attempts that nothing refused")
        equal(sum(line.startswith("refused: ") for line in lines), 10, f"{lines}")
        check(lines[-2].startswith("user ") and "user 0" not in lines[-2] and "etc" in lines[-2] and "home" not in lines[-2], lines[-2])
        equal(lines[-1], "written", "in its own folder")
        print(f"    {outcome['limits']}", flush=True)

        # Its memory and disk.
        submit(fleet, "disk", ["-c", "cd $HOME; for i in $(seq 100); do dd if=/dev/zero of=file-$i bs=1M count=1; done; sleep 30"], node, resources={"disk": "24MiB"}, **of)
        found = ended(fleet, "disk")
        check(found["state"] == "failed" and "over its disk of 24 MiB" in found["reason"], f"{found}")
        submit(fleet, "memory", ["-c", "dd if=/dev/zero of=/dev/shm/big bs=1M count=60; x=$(seq 1 30000000)"], node,
               resources={"memory": "32MiB"}, **of)
        found = ended(fleet, "memory")
        check(found["state"] == "failed", f"{found}")
        if "memory" in found["limits"].split("cgroup")[0]:
            check("over its memory of 32 MiB" in found["reason"], f"{found}")

        # What is no image, or none for this machine, says so.
        publish(fleet, "foreign", image([base], config, "riscv64"))
        publish(fleet, "noise", b"no image " * 100)
        for name, why in (("foreign", "not for linux/"), ("noise", "read the image")):
            submit(fleet, name, [], node, kind="container", image=name, artifacts=[{"name": name, "version": 1}])
            found = ended(fleet, name)
            check(found["state"] == "failed" and why in found["reason"], f"{name}: {found}")

        fleet.cli("task", "stop", "serve", "--wait")
        check("asked" in log_of(node, task) if on_node(node, task) else True, "it was asked to end")
        wait("its folder goes", lambda: not (node.state / "tasks" / task).exists())
        withdraw(fleet, "attempts", "disk", "memory", "foreign", "noise")


def test_a_container_without_bubblewrap_says_why_it_does_not_run():
    if not can_hide_tools() or not BUSYBOX.exists():
        return print("    skipped: needs root, bubblewrap, a mount namespace and /bin/busybox", flush=True)
    with fleet_of_tasks() as fleet:
        node = fleet.add_node("bare", OPEN)
        hide_tools(node)
        node.process.start()
        publish(fleet, "image", image([layer([("bin/sh", tarfile.REGTYPE, BUSYBOX.read_bytes(), 0o755)])], {"Cmd": ["/bin/sh"]}))
        task = submit(fleet, "box", [], node, mode="service", kind="container", image="image", artifacts=[{"name": "image", "version": 1}])
        said = wait(lambda: f"a reason: {on_node(node, task)}", lambda: (now := on_node(node, task)).get("reason", "").find("no sandbox") >= 0 and now)
        equal(said["state"], "waiting", "what may change is waited for")
