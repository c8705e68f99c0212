#!/usr/bin/env python3
"""From a wish in the cloud to its effect on a node, and to the report of it back in the cloud.

    bench/wish.py --build build/release [--wishes 300] [--json]

One cloud and one node that is connected and idle, real processes on loopback over mutual TLS. Each wish is a PATCH of the
node's twin at the cloud that sets store.block-readings to another value; it is over when the cloud's event stream says that
the node reports the value, so the time holds: the cloud's commit, the way down, the node's commit, the setting changed,
the report's commit, the way up, the cloud's commit, and the event. Acted on is less than that.
"""
import argparse
import http.client
import json
import pathlib
import queue
import ssl
import statistics
import sys
import tempfile
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from fleet import Fleet  # noqa: E402

WISH = "/api/2/things/node-1:_node/features/settings/desiredProperties/store/block-readings"
SAID = "/api/2/things/node-1:_node/features/settings/properties/store/block-readings"


def connect(fleet):
    context = ssl.create_default_context(cafile=str(fleet.identity / "ca.crt"))
    context.load_cert_chain(fleet.identity / "operator.crt", fleet.identity / "operator.key")
    where = urllib.parse.urlsplit(fleet.url)
    return http.client.HTTPSConnection(where.hostname, where.port, context=context, timeout=30)


def ask(connection, method, path, body=None):
    connection.request(method, path, body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    return answer.status, text


def listen(fleet, said):
    """Puts (time, value) into `said` for each value that the cloud's stream says the node reports."""
    connection = connect(fleet)
    connection.request("GET", "/api/2/things/node-1:_node", headers={"Accept": "text/event-stream"})
    answer = connection.getresponse()
    while True:
        line = answer.fp.readline()
        if not line:
            return
        if not line.startswith(b"data:"):
            continue
        now = time.monotonic()
        try:
            value = json.loads(line[5:])["features"]["settings"]["properties"]["store"]["block-readings"]
        except (ValueError, KeyError, TypeError):
            continue
        said.put((now, value))


def wait_for(said, value):
    while True:
        at, found = said.get(timeout=30)
        if found == value:
            return at


def measure(fleet, wishes):
    said = queue.Queue()
    connection = connect(fleet)
    end = time.monotonic() + 30
    while ask(connection, "GET", "/api/2/things/node-1:_node")[0] != 200:    # the node has said what it is
        if time.monotonic() > end:
            raise SystemExit("the node's twin does not reach the cloud")
        time.sleep(0.1)
    threading.Thread(target=listen, args=(fleet, said), daemon=True).start()
    time.sleep(1)
    took, answered = [], []
    for i in range(wishes + 20):
        value = 1000 + i
        began = time.monotonic()
        status, text = ask(connection, "PUT", WISH, str(value))
        if status >= 300:
            raise SystemExit(f"the wish was refused: {status} {text}")
        answer = time.monotonic()
        done = wait_for(said, value)
        if i >= 20:    # what came before warmed up
            took.append(done - began)
            answered.append(answer - began)
        time.sleep(0.01)
    return took, answered


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))] * 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--wishes", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="selvedge-wish-", dir=arguments.build) as folder:
        fleet = Fleet(folder, arguments.build)
        try:
            fleet.cloud.start()
            fleet.add_node("node-1").process.start()
            took, answered = measure(fleet, arguments.wishes)
            fleet.stop()
        finally:
            fleet.kill_all()
    result = {"wishes": len(took),
              "wish_to_reported_ms": {"median": quantile(took, 0.5), "p90": quantile(took, 0.9), "p99": quantile(took, 0.99),
                                      "most": max(took) * 1000, "mean": statistics.fmean(took) * 1000},
              "wish_to_answer_ms": {"median": quantile(answered, 0.5), "p99": quantile(answered, 0.99)}}
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"{len(took)} wishes, one after the other, node connected and idle")
    print(f"  {'':38} {'median':>9} {'p90':>9} {'p99':>9} {'most':>9}")
    row = result["wish_to_reported_ms"]
    print(f"  {'wish to its report in the cloud':38} {row['median']:6.2f} ms {row['p90']:6.2f} ms {row['p99']:6.2f} ms {row['most']:6.2f} ms")
    row = result["wish_to_answer_ms"]
    print(f"  {'of that: the answer to the wish':38} {row['median']:6.2f} ms {'':9} {row['p99']:6.2f} ms")


if __name__ == "__main__":
    main()
