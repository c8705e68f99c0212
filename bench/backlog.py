"""A node with a large backlog: how soon it is back after kill -9, and how fast the backlog drains.

    bench/backlog.py --build build/release --megabytes 1000 [--json]

Readings with random values (they hardly compress) are posted to a node whose cloud is away, until the
block log holds that much. Then the node is killed and started again, and the cloud after it. The last
check is that the cloud holds every reading.
"""
import argparse
import http.client
import json
import pathlib
import random
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
from fleet import Failed, Fleet, pss_bytes  # noqa: E402

SETTINGS = """
[devices]
anonymous-loopback = true
[store]
blocks = "4GiB"
journal = "256MiB"
block-age = "30s"
[log]
level = "warn"
[uplink]
backoff-max = "1s"
"""
SERIES, ROWS = 100, 200


def bodies():
    """Line protocol, SERIES x ROWS readings each, times always new."""
    chance = random.Random(1)
    values = [repr(chance.uniform(-1e6, 1e6)) for _ in range(100_003)]
    at, now = 0, 1_700_000_000_000
    while True:
        lines = []
        for _ in range(ROWS):
            now += 1000
            for series in range(SERIES):
                at = (at + 7919) % len(values)
                lines.append(f"s{series} v={values[at]} {now}000000")
        yield "\n".join(lines)


def fill(node, megabytes):
    connection = http.client.HTTPConnection("127.0.0.1", node.http)
    posted = 0
    for body in bodies():
        connection.request("POST", "/api/v1/readings?format=line-protocol", body)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise Failed(f"POST answered {answer.status}: {text[:200]}")
        posted += SERIES * ROWS
        if posted % (SERIES * ROWS * 50) == 0:
            held = node.status()["bytes_undelivered"] / 1e6
            print(f"  {held:.0f} MB", file=sys.stderr, flush=True)
            if held >= megabytes:
                return posted


def run(fleet, megabytes):
    fleet.cloud.start()
    node = fleet.add_node("site", SETTINGS)
    node.process.start()
    fleet.cloud.kill()
    posted = fill(node, megabytes)
    node.process.kill()
    ready = node.process.start()
    status = node.status()
    rest = pss_bytes(node.process.pid)
    fleet.cloud.start()
    began, most = time.monotonic(), 0
    while not fleet.drained(node):
        most = max(most, pss_bytes(node.process.pid))
        if time.monotonic() - began > 600:
            raise Failed("not drained after 600 s: " + json.dumps(node.status()))
        time.sleep(0.1)
    seconds = time.monotonic() - began
    cloud = fleet.cli("fleet", "status")
    return {"readings": posted, "backlog_bytes": status["bytes_undelivered"], "backlog_blocks": status["blocks_undelivered"],
            "ready_seconds": round(ready, 3), "pss_after_start": rest, "drain_seconds": round(seconds, 2),
            "readings_per_second": round(posted / seconds), "bytes_per_second": round(status["bytes_undelivered"] / seconds),
            "pss_while_draining": most, "cloud_readings": cloud["readings"], "lost": posted - cloud["readings"]}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="selvedge-backlog-") as folder:
        fleet = Fleet(folder, (pathlib.Path.cwd() / arguments.build).resolve())
        try:
            result = run(fleet, arguments.megabytes)
            fleet.stop()
        finally:
            fleet.kill_all()
    if arguments.json:
        print(json.dumps(result))
    else:
        for key, value in result.items():
            print(f"{key:<22}{value:,}")
    return 0 if result["lost"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
