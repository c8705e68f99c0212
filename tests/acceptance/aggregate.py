"""Aggregation on the node: means go up, raw readings stay, and the cloud asks for them when somebody does."""
import json
import math
import pathlib
import tempfile
import time

from common import OPEN, check, equal, fetch, fleet_of, post, program, readings, run

RULES = OPEN + """
[[aggregate]]
filter = "plant/+/t"
window = "2s"
lateness = "1s"
functions = ["mean", "max", "count"]
raw = "keep"

[[aggregate]]
filter = "door/#"
report = "change"
dead-band = "1"
raw = "drop"
series = "{series}"
"""
START = 1_700_000_000


def send(node, name, values, start=START, step=0.1):
    rows = [{"name": name, "ts": round((start + i * step) * 1000), "value": v} for i, v in enumerate(values)]
    status, answer = post(f"{node.url}/api/v1/readings", json.dumps(rows), "application/json")
    equal(status, 200, answer)


def wait_for(what, patience=20):
    end = time.monotonic() + patience
    while not what():
        check(time.monotonic() < end, "it did not happen in time")
        time.sleep(0.1)


def windows(values, start=START, step=0.1, window=2):
    """The mean of each window, by the plainest means."""
    of = {}
    for i, v in enumerate(values):
        of.setdefault(math.floor((start + i * step) / window + 1e-9), []).append(v)
    return [sum(vs) / len(vs) for _, vs in sorted(of.items())]


def test_only_aggregates_go_up_and_raw_readings_come_on_demand():
    with fleet_of(RULES) as fleet:
        node = fleet.nodes[0]
        values = [20 + (i % 17) / 4 for i in range(200)]
        send(node, "plant/7/t", values)
        send(node, "other", [1, 2, 3])
        mean = lambda: fleet.cli("series", "query", "plant/7/t/mean", "--of", node.name, check=False)
        wait_for(lambda: (answer := mean()) and len(answer["rows"]) == 10)
        for found, wanted in zip((row[1] for row in mean()["rows"]), windows(values)):
            check(abs(found - wanted) < 1e-9, f"mean {found}, wanted {wanted}")
        names = {s["name"] for s in fleet.cli("series", "list", "--of", node.name)}
        equal(names, {"plant/7/t/mean", "plant/7/t/max", "plant/7/t/count", "other"}, "series in the cloud")
        raw = fleet.cli("series", "query", "plant/7/t", "--of", node.name, "--raw-from-node")
        equal([row[1] for row in raw["rows"]], values, "raw readings, from the node")
        counted = fleet.cli("series", "query", "plant/7/t", "--of", node.name, "--raw-from-node", "--step", "1h",
                            "--agg", "count")["rows"]
        equal(counted[0][1], 200, "windows of them")
        names = {s["name"] for s in fleet.cli("series", "list", "--of", node.name)}
        check("plant/7/t" not in names, "the cloud stores nothing of what it asked for")
        status = node.status()
        equal(status["blocks_undelivered"], 0, "what stays does not wait for the cloud")
        page = node.metrics()
        check("selvedge_aggregate_readings_total 200\n" in page, "counted")
        node.process.stop()
        refused = run(program("selvedge"), "series", "query", "plant/7/t", "--of", node.name, "--raw-from-node",
                      "--cloud", fleet.url, "--identity", fleet.identity, status=None)
        check(refused.returncode != 0 and "not connected" in refused.stderr, refused.stderr)
        node.process.start()


def test_windows_survive_kill_9():
    with fleet_of(RULES) as fleet:
        node = fleet.nodes[0]
        values = [round(math.sin(i / 9) * 10, 3) for i in range(400)]
        for at in range(0, 400, 23):
            send(node, "plant/1/t", values[at:at + 23], START + at * 0.1)
            node.process.kill()
            node.process.start()
        wait_for(lambda: len(readings(node, "plant/1/t/count")) == 20)
        equal(readings(node, "plant/1/t"), values, "raw readings")
        equal(sum(readings(node, "plant/1/t/count")), 400, "each reading is in one window")
        for found, wanted in zip(readings(node, "plant/1/t/mean"), windows(values)):
            check(abs(found - wanted) < 1e-9, f"mean {found}, wanted {wanted}")


def test_a_dead_band_stores_only_what_changed():
    with fleet_of(RULES) as fleet:
        node = fleet.nodes[0]
        send(node, "door/gap", [1, 1.2, 1.9, 2.5, 2.4, 9, 9.5])
        equal(readings(node, "door/gap"), [1, 2.5, 9], "reported")
        send(node, "door/state", ["open", "open", "shut"])


def test_a_wrong_rule_is_refused_with_the_reason():
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "node.toml"
        for text, why in (('filter = "a/#"\nwindow = "1m"\nfunctions = ["avg"]', "'avg' is no function"),
                          ('filter = "a/#"\nwindow = "1m"', "window: needs functions"),
                          ('filter = "a/#"\nprecison = "1"', "did you mean 'precision'"),
                          ('filter = "a/#"\nraw = "drop"', "would store nothing")):
            config.write_text(f'state = "{folder}"\n[[aggregate]]\n{text}\n')
            done = run(program("selvedge-node"), "--config", config, "--check", status=None)
            check(done.returncode != 0 and why in done.stderr, f"{why}: {done.stderr}")
        config.write_text(f'state = "{folder}"\n[[aggregate]]\nfilter = "a/#"\nraw = "keep"\nprecision = "0.1% of range"\n')
        run(program("selvedge-node"), "--config", config, "--check")
