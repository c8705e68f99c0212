"""The chaos test: see scripts/chaos, which installs and builds first."""
import argparse
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from fleet import ROOT, Failed, Fleet

SETTINGS = """
[store]
block-age = "200ms"
[uplink]
backoff-max = "1s"
[devices]
certificates = "required"
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def write_series(folder, count, rows):
    """Series with distinct times and values that are exact in decimal."""
    files = []
    for i in range(count):
        path = folder / f"device{i}.csv"
        value = random.Random(i)
        path.write_text("ts_ms,value\n" + "".join(
            f"{1_700_000_000_000 + 100 * row},{value.randint(-5000, 5000) / 100}\n" for row in range(rows)))
        files.append(path)
    return files


class Packets:
    """Drops packets to the cloud's port in a network namespace of our own, where the kernel allows it."""

    def __init__(self, port):
        self.port, self.active = port, False
        self.tool = shutil.which("iptables") or shutil.which("nft")

    def usable(self):
        return self.tool is not None and os.geteuid() == 0 and os.environ.get("SELVEDGE_CHAOS_NETNS") == "1"

    def rule(self, verb):
        if self.tool.endswith("iptables"):
            subprocess.run([self.tool, verb, "OUTPUT", "-p", "tcp", "--dport", str(self.port), "-j", "DROP"],
                           check=True, capture_output=True)
        elif verb == "-A":
            script = (f"add table inet chaos\nadd chain inet chaos out {{ type filter hook output priority 0; }}\n"
                      f"add rule inet chaos out tcp dport {self.port} drop\n")
            subprocess.run([self.tool, "-f", "-"], input=script, text=True, check=True, capture_output=True)
        else:
            subprocess.run([self.tool, "delete", "table", "inet", "chaos"], check=True, capture_output=True)


class Chaos:
    def __init__(self, fleet, node, seed):
        self.fleet, self.node, self.random = fleet, node, random.Random(seed)
        self.packets = Packets(fleet.mqtt)
        self.done = {"node": 0, "cloud": 0, "stopped": 0, "dropped": 0}

    def kill(self, which):
        process = self.node.process if which == "node" else self.fleet.cloud
        process.kill()
        time.sleep(self.random.uniform(0, 0.3))
        ready = process.start()
        self.done[which] += 1
        say(f"  killed {which} ({self.done['node'] + self.done['cloud']}), ready again in {ready * 1000:.0f} ms")

    def stop_cloud(self, seconds):
        """A link that is there and does not answer: the cloud's process stands still."""
        os.kill(self.fleet.cloud.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(self.fleet.cloud.pid, signal.SIGCONT)
        self.done["stopped"] += 1
        say(f"  cloud stood still for {seconds:.1f} s")

    def drop_packets(self, seconds):
        if not self.packets.usable():
            return
        self.packets.rule("-A")
        time.sleep(seconds)
        self.packets.rule("-D")
        self.done["dropped"] += 1
        say(f"  packets to the cloud dropped for {seconds:.1f} s")

    def run(self, kills, seconds):
        end = time.monotonic() + seconds
        acts = ["node", "cloud"] * (kills // 2) + ["node"] * (kills % 2)
        for i, act in enumerate(acts):
            pause = max(0.0, (end - time.monotonic()) / (len(acts) - i + 1))
            time.sleep(self.random.uniform(0.5, 1.0) * pause)
            self.kill(act)
            if i == len(acts) // 3:
                self.stop_cloud(min(3.0, seconds / 15))
            if i == 2 * len(acts) // 3:
                self.drop_packets(min(3.0, seconds / 15))


def start_replay(fleet, node, files, arguments):
    ledger = fleet.folder / "ledger.csv"
    command = [fleet.program("selvedge"), "device", "replay", *map(str, files), "--to",
               f"mqtts://localhost:{node.mqtts}", "--qos", str(arguments.qos), "--rate", str(arguments.rate),
               "--loop", "--for", f"{arguments.seconds + 5}s", "--ledger", str(ledger), "--json",
               *fleet.device_certificate("chaos-devices")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True), ledger


def run(fleet, arguments):
    fleet.cloud.start()
    node = fleet.add_node("site", SETTINGS)
    node.process.start()
    files = write_series(fleet.folder, arguments.devices, 5000)
    replay, ledger = start_replay(fleet, node, files, arguments)
    time.sleep(1)
    chaos = Chaos(fleet, node, arguments.seed)
    chaos.run(arguments.kills, arguments.seconds)
    sent = json.loads(replay.communicate()[0])
    fleet.wait_drained()
    found = fleet.cli("series", "verify", str(ledger), "--of", node.name, check=False)
    return {**{f"kills_{k}" if k in ("node", "cloud") else k: v for k, v in chaos.done.items()},
            "kills": chaos.done["node"] + chaos.done["cloud"], "seed": arguments.seed,
            "published": sent["published"], "reconnects": sent["reconnects"], **found}


def main():
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--devices", type=int, default=20)
    parser.add_argument("--rate", type=float, default=2000, help="readings a second")
    parser.add_argument("--qos", type=int, default=1, choices=[1, 2])
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"))
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--keep", metavar="DIR", help="keep all state here")
    parser.add_argument("--build", default="build/release", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    enter_namespace()
    with tempfile.TemporaryDirectory(prefix="selvedge-chaos-") as temporary:
        fleet = Fleet(arguments.keep or temporary, ROOT / arguments.build)
        try:
            summary = run(fleet, arguments)
            fleet.stop()
        except (Failed, KeyboardInterrupt) as problem:
            say(f"chaos (seed {arguments.seed}): {problem or 'interrupted'}")
            return 1
        finally:
            fleet.kill_all()
    if arguments.json:
        print(json.dumps(summary))
    else:
        for key, value in summary.items():
            print(f"{key:<24}{value:,}")
    return 0 if summary["lost"] == 0 and summary["duplicated"] == 0 else 1


def enter_namespace():
    """Starts again in a network namespace of its own, so that dropping packets touches nobody else."""
    if os.environ.get("SELVEDGE_CHAOS_NETNS") or os.geteuid() != 0 or not shutil.which("unshare"):
        return
    if not (shutil.which("iptables") or shutil.which("nft")):
        return
    probe = subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True)
    if probe.returncode != 0:
        return
    os.environ["SELVEDGE_CHAOS_NETNS"] = "1"
    command = "ip link set lo up && exec \"$0\" \"$@\""
    os.execvp("unshare", ["unshare", "--net", "sh", "-c", command, sys.executable, *sys.argv])


if __name__ == "__main__":
    sys.exit(main())
