#!/usr/bin/env python3
"""An artifact fetched by a node against the same bytes fetched by curl, from one cloud over the same TLS.

    bench/artifact.py --build build/release [--megabytes 256] [--rounds 3] [--json]

In each round curl and the node fetch in turn, in changing order. The node verifies every chunk and the whole, makes them durable
and only then counts as done; curl writes to a file. Memory is what the node's resident set grows by while it fetches, files in the
page cache not counted.
"""
import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
sys.path.insert(0, str(ROOT / "bench"))
from fleet import Fleet, metric  # noqa: E402


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) * 1024


class Watch:
    """The most memory a process had while the block ran."""

    def __init__(self, pid):
        self.pid, self.most, self.over = pid, 0, threading.Event()

    def __enter__(self):
        self.before = resident(self.pid)
        self.thread = threading.Thread(target=self.look, daemon=True)
        self.thread.start()
        return self

    def look(self):
        while not self.over.wait(0.005):
            self.most = max(self.most, resident(self.pid))

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def growth(self):
        return max(0, self.most - self.before)


def make_file(path, megabytes):
    with open(path, "wb") as out:
        for _ in range(megabytes):
            out.write(os.urandom(1 << 20))


def curl(fleet, node, digest, out):
    identity = node.state / "identity"
    ca, certificate, key = (next(identity.glob(f"{what}")) for what in ("ca*.crt", "node*.crt", "node*.key"))
    command = ["curl", "--silent", "--show-error", "--fail", "--cacert", ca, "--cert", certificate, "--key", key, "--output", out, "--write-out", "%{time_total}",
               f"{fleet.url}/api/v1/artifacts/blobs/{digest}"]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    os.unlink(out)
    return float(done.stdout)


def hold(node, name):
    request = urllib.request.Request(f"{node.url}/api/v1/artifacts/{name}/1?wait=true", b"", method="PUT")
    began = time.monotonic()
    with urllib.request.urlopen(request, timeout=600) as answer:
        answer.read()
    return time.monotonic() - began


def fetch_rounds(fleet, node, folder, arguments):
    keys, rows = folder / "keys", []
    fleet.cli("keys", "push", "--dir", str(keys))
    for i in range(arguments.rounds):
        name, path = f"bench-{i}", folder / "bytes"
        make_file(path, arguments.megabytes)
        subprocess.run([fleet.program("selvedge"), "artifact", "sign", str(path), "--name", name, "--version", "1", "--kind", "data",
                        "--keys", str(keys)], check=True, capture_output=True)
        pushed = fleet.cli("artifact", "push", str(path), "--manifest", str(folder / "bytes.manifest"))
        path.unlink()
        row = {}

        def by_curl():
            row["curl_seconds"] = curl(fleet, node, pushed["digest"], folder / "copy")

        def by_node():
            with Watch(node.process.pid) as watch:
                row["node_seconds"] = hold(node, name)
            row["node_growth_bytes"] = watch.growth()

        for one in (by_curl, by_node) if i % 2 == 0 else (by_node, by_curl):
            one()
        rows.append(row)
        urllib.request.urlopen(urllib.request.Request(f"{node.url}/api/v1/artifacts/{name}", method="DELETE")).read()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="artifact-bench-", dir=arguments.build) as name:
        folder = pathlib.Path(name)
        fleet = Fleet(folder / "fleet", arguments.build)
        try:
            fleet.cloud.start()
            subprocess.run([fleet.program("selvedge"), "keys", "init", "--dir", str(folder / "keys")], check=True, capture_output=True)
            budget = (arguments.rounds + 1) * (arguments.megabytes + 8)
            node = fleet.add_node("bench", f'[artifacts]\nbudget = "{budget}MiB"\n')
            node.process.start()
            fetch_rounds_result = fetch_rounds(fleet, node, folder, arguments)
            received = metric(node.metrics(), "selvedge_artifact_received_bytes_total")
            fleet.stop()
        finally:
            fleet.kill_all()
    rows = fetch_rounds_result
    size = arguments.megabytes << 20
    rates = {who: [size / row[f"{who}_seconds"] for row in rows] for who in ("curl", "node")}
    result = {
        "megabytes": arguments.megabytes,
        "rounds": arguments.rounds,
        "curl_bytes_per_second": round(statistics.median(rates["curl"])),
        "node_bytes_per_second": round(statistics.median(rates["node"])),
        "node_of_curl": round(statistics.median(n / c for n, c in zip(rates["node"], rates["curl"])), 3),
        "node_growth_bytes": max(row["node_growth_bytes"] for row in rows),
        "received_of_size": round(received / (size * arguments.rounds), 4),
        "rows": rows,
    }
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"curl  {result['curl_bytes_per_second'] / 1e6:8.0f} MB/s")
    print(f"node  {result['node_bytes_per_second'] / 1e6:8.0f} MB/s, {100 * result['node_of_curl']:.0f} % of curl")
    print(f"node's memory grew by {result['node_growth_bytes'] / 1e6:.1f} MB while it fetched")


if __name__ == "__main__":
    main()
