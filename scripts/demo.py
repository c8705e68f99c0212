"""The demo: see scripts/demo, which installs and builds first."""
import argparse
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import demo_data
import tour
import tour_models
import tour_tasks
from fleet import ROOT, Failed, Fleet, fetch, metric, pss_bytes

NODES = 3
BLOCK_AGE = 1.0
SITE = f"""
[store]
block-age = "{int(BLOCK_AGE * 1000)}ms"
[devices]
certificates = "required"
"""


def say(text):
    print(text, file=sys.stderr, flush=True)


def replay(fleet, node, files, name, arguments):
    """Starts a site's devices; returns the process and its ledger."""
    ledger = fleet.folder / f"{name}.ledger"
    command = [fleet.program("selvedge"), "device", "replay", *map(str, files),
               "--to", f"mqtts://localhost:{node.mqtts}", "--ledger", str(ledger), "--json",
               *fleet.device_certificate(name), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True), ledger


def progress(fleet, began):
    totals = json.loads(json.dumps(fleet.cli("fleet", "status")))
    backlog = sum(node.status()["blocks_undelivered"] for node in fleet.nodes)
    say(f"  {time.monotonic() - began:5.1f} s  {totals['readings']:>9,} readings in the cloud, "
        f"{totals['frame_bytes']:>9,} bytes, {backlog} blocks on their way")


def latency(fleet, node, series):
    """Device publish to arrival in the cloud, for each reading of a series stamped when published."""
    rows = fleet.cli("series", "query", series, "--of", node.name, "--limit", "1000000")["rows"]
    blocks = fleet.cli("series", "blocks", series, "--of", node.name)
    spans = sorted((b["first_ns"], b["last_ns"], b["arrived_ns"], b["sealed_ns"]) for b in blocks)
    total, beyond, at = [], [], 0
    for time_ns in sorted(fleet_time(row[0]) for row in rows):
        while at < len(spans) and spans[at][1] < time_ns:
            at += 1
        if at == len(spans):
            break
        arrived, sealed = spans[at][2], spans[at][3]
        total.append(arrived - time_ns)
        beyond.append(arrived - max(sealed, time_ns))   # without the block's own waiting
    return sorted(total), sorted(beyond)


def fleet_time(text):
    """ISO 8601 to nanoseconds, without losing any."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    import calendar
    seconds = calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S"))
    return seconds * 1_000_000_000 + int((fraction or "0").ljust(9, "0"))


def histogram_quantile(page, name, share):
    """Upper bound of a quantile, in microseconds, from a Prometheus histogram."""
    buckets = re.findall(rf'^{name}_bucket{{le="([^"]+)"}} (\d+)', page, re.M)
    total = int(buckets[-1][1]) if buckets else 0
    for bound, count in buckets:
        if int(count) >= share * total and bound != "+Inf":
            return round(float(bound) * 1e6)
    return 0


def quantile(ordered, share):
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0


def start(arguments, folder):
    fleet = Fleet(folder, ROOT / arguments.build, tour_tasks.CLOUD)
    say(f"starting the cloud and {NODES} nodes in {folder}")
    fleet.cloud.start()
    for i in range(NODES):
        node = fleet.add_node(f"site-{i + 1}", SITE)
        node.process.start()
    return fleet


def run(fleet, arguments, files):
    probe_file = fleet.folder / "probe.csv"
    probe_file.write_text("ts_ms,value\n" + "".join(f"{i},{i % 100 / 4}\n" for i in range(arguments.probe)))
    began = time.monotonic()
    running = []
    for node in fleet.nodes:
        rate = ["--rate", str(arguments.rate / NODES)] if arguments.rate else ["--rate", "max"]
        running.append((node, *replay(fleet, node, files, f"{node.name}-devices", rate)))
    probe, probe_ledger = replay(fleet, fleet.nodes[0], [probe_file], "probe",
                                 ["--stamp", "now", "--rate", str(arguments.probe_rate)])
    running.append((fleet.nodes[0], probe, probe_ledger))
    while any(p.poll() is None for _, p, _ in running):
        time.sleep(1)
        progress(fleet, began)
    sent = [json.loads(p.stdout.read()) for _, p, _ in running]
    if any(p.returncode != 0 for _, p, _ in running):
        raise Failed("a replay did not finish: " + json.dumps(sent))
    fleet.wait_drained()
    progress(fleet, began)

    verdict = {"acknowledged": 0, "stored": 0, "lost": 0, "duplicated": 0}
    for node in fleet.nodes:
        ledgers = [str(ledger) for n, _, ledger in running if n is node]
        found = fleet.cli("series", "verify", *ledgers, "--of", node.name, check=False)
        for key in verdict:
            verdict[key] += found[key]
    total, beyond = latency(fleet, fleet.nodes[0], "probe/value")
    # From arrival to the commit that the acknowledgement waits for: its own quantile is added, which
    # is more than the quantile of the sum.
    page = fetch(f"http://127.0.0.1:{fleet.metrics_port}/metrics")
    commit = {share: histogram_quantile(page, "selvedge_cloud_store_seconds", share) for share in (0.5, 0.99)}
    cloud = fleet.cli("fleet", "status")
    wire = sum(metric(node.metrics(), "selvedge_uplink_sent_bytes_total") for node in fleet.nodes)
    raw = 16 * verdict["stored"]
    return {
        "devices": sum(s["devices"] for s in sent),
        "nodes": NODES,
        "series": cloud["series"],
        "readings_acknowledged": verdict["acknowledged"],
        "readings_stored": verdict["stored"],
        "lost": verdict["lost"],
        "duplicated": verdict["duplicated"],
        "bytes_raw": raw,
        "bytes_on_wire": int(wire),
        "bytes_stored": cloud["frame_bytes"],
        "compression_ratio": round(raw / cloud["frame_bytes"], 2),
        "p50_us": quantile(total, 0.5) // 1000 + commit[0.5],
        "p99_us": quantile(total, 0.99) // 1000 + commit[0.99],
        "p50_beyond_block_delay_us": quantile(beyond, 0.5) // 1000 + commit[0.5],
        "p99_beyond_block_delay_us": quantile(beyond, 0.99) // 1000 + commit[0.99],
        "block_delay_us": int(BLOCK_AGE * 1e6),
        "ack_p50_us": round(max(s["ack_p50_us"] for s in sent)),
        "ack_p99_us": round(max(s["ack_p99_us"] for s in sent)),
        "node_pss_bytes": max(pss_bytes(node.process.pid) for node in fleet.nodes),
        "cloud_pss_bytes": pss_bytes(fleet.cloud.pid),
        "seconds": round(time.monotonic() - began, 1),
    }


def show(summary):
    width = max(map(len, summary))
    for key, value in summary.items():
        print(f"{key:<{width}}  {value:,}" if type(value) is int else f"{key:<{width}}  {value}")


def stay_up(fleet):
    program = fleet.program("selvedge")
    print(f"""
The fleet is up. Look around (another terminal):

  {program} node list --cloud {fleet.url} --identity {fleet.identity}
  {program} series list --node {fleet.nodes[0].url}
  {program} series query hourly/temperature --node {fleet.nodes[0].url} --step 30d --agg min,mean,max
  {program} node status --node {fleet.nodes[0].url}
  curl {fleet.nodes[0].url}/metrics
  pkill -9 -f selvedge-cloud      (pull a plug; start it again with: {' '.join(fleet.cloud.command)})

Everything is in {fleet.folder}. Ctrl-C ends it.""", flush=True)
    signal.sigwait({signal.SIGINT, signal.SIGTERM})


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="run through once and end")
    parser.add_argument("--json", metavar="FILE", help="write the summary here")
    parser.add_argument("--data", metavar="DIR", help="CSV files: a time column, then value columns")
    parser.add_argument("--rate", type=float, default=0, help="readings a second in all (default: as fast as it goes)")
    parser.add_argument("--probe", type=int, default=10_000, help="readings of the latency probe")
    parser.add_argument("--probe-rate", type=int, default=1_000, help="probe readings a second")
    parser.add_argument("--keep", metavar="DIR", help="keep all state here")
    parser.add_argument("--build", default="build/release", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM}) if not arguments.once else None

    if arguments.data:
        files = sorted(pathlib.Path(arguments.data).glob("*.csv"))
        if not files:
            raise SystemExit(f"demo: no CSV files in {arguments.data}")
    else:
        files = demo_data.prepare(ROOT / "build" / "demo-data")
    with tempfile.TemporaryDirectory(prefix="selvedge-demo-") as temporary:
        fleet = None
        try:
            fleet = start(arguments, arguments.keep or temporary)
            summary = run(fleet, arguments, files)
            made, moving = tour_tasks.begin(fleet, say)
            try:
                summary |= made | tour.show(fleet, say) | tour_models.show(fleet, say)
            finally:
                moving.thread.join()
            summary |= moving.end()
            show(summary)
            if arguments.json:
                pathlib.Path(arguments.json).write_text(json.dumps(summary, indent=2) + "\n")
            if not arguments.once:
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
                stay_up(fleet)
            fleet.stop()
        except (Failed, KeyboardInterrupt) as problem:
            say(f"demo: {problem or 'interrupted'}")
            return 1
        finally:
            if fleet:
                fleet.kill_all()
    return 0 if summary["lost"] == 0 and summary["duplicated"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
