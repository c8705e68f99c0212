"""scripts/bench ingest: a Selvedge node against mosquitto, by the same load in the same run.

Rounds are interleaved: each row runs on one server and then on the other, and again, each time on a
fresh process; a row is the median of its rounds. The CPU time a message is the number to trust, for
it moves least when the machine has other work. The node has every QoS 1 reading on disk before it
acknowledges; mosquitto keeps messages in memory.
"""
import argparse
import json
import pathlib
import resource
import signal
import statistics
import subprocess
import sys
import tempfile

import machine
from servers import Failed, Mosquitto, Selvedge


def load(name, qos, publishers, messages, *arguments, tls=False, only=(), also=()):
    mode = "paced" if "--rate" in arguments else "fanin"
    return {"table": "load", "name": name, "tls": tls, "only": only, "also": also, "messages": messages,
            "options": [mode, "--qos", str(qos), "--pubs", str(publishers), *arguments]}


def batch(name, messages, *arguments):
    return {"table": "batch", "name": name, "tls": False, "only": ("selvedge",), "also": (), "messages": messages,
            "options": list(arguments)}


def idle(name, connections, tls):
    return {"table": "idle", "name": name, "tls": tls, "only": (), "also": (), "messages": None,
            "options": ["hold", "--connections", str(connections)]}


ROWS = [
    load("QoS 0, 1 publisher", 0, 1, 100_000),
    load("QoS 0, 100 publishers", 0, 100, 200_000),
    load("QoS 0, 1000 publishers", 0, 1000, 200_000),
    load("QoS 1, 1 publisher", 1, 1, 20_000),
    load("QoS 1, 100 publishers", 1, 100, 100_000, also=("mosquitto, persistence",)),
    load("QoS 1, 1000 publishers", 1, 1000, 100_000),
    load("QoS 1, 100, JSON of 64 bytes", 1, 100, 100_000, "--payload", "json", "--size", "64"),
    load("QoS 1, 100, no subscriber", 1, 100, 100_000, "--no-subscriber"),
    load("mTLS, QoS 0, 100 publishers", 0, 100, 100_000, tls=True),
    load("mTLS, QoS 0, 1000 publishers", 0, 1000, 100_000, tls=True),
    load("mTLS, QoS 1, 100 publishers", 1, 100, 60_000, tls=True),
    load("mTLS, QoS 1, 1000 publishers", 1, 1000, 60_000, tls=True),
    load("QoS 1, 200, paced 1000/s", 1, 200, 5_000, "--rate", "1000"),
    load("QoS 1, 200, paced 8000/s", 1, 200, 40_000, "--rate", "8000"),
    batch("MQTT QoS 1, JSON", 10_000, "batch", "--qos", "1", "--pubs", "20", "--format", "json", "--no-subscriber"),
    batch("MQTT QoS 1, line protocol", 10_000, "batch", "--qos", "1", "--pubs", "20", "--format", "line",
          "--no-subscriber"),
    batch("HTTP POST, line protocol", 10_000, "post", "--connections", "20"),
    idle("8000 plain", 8000, False),
    idle("1000 mTLS", 1000, True),
]


def say(text):
    """What is going on, on one line of a terminal."""
    if sys.stderr.isatty():
        print(f"\r{text:78}\r", end="", file=sys.stderr, flush=True)


def run_once(program, row, server, messages):
    server.start()
    try:
        tls = server.client_tls if row["tls"] else []
        count = ["--msgs", str(messages)] if messages else []
        command = [str(program), *row["options"], *count, "--maxsec", "30", "--port", str(port_of(row, server)),
                   "--pid", str(server.pid), *tls]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failed(f"{server.name}, {row['name']}: {' '.join(command)}\n{done.stderr.strip()}")
        measured = json.loads(done.stdout)
        if messages and server.name == "selvedge":
            check_taken(row, measured, server.taken())
        return measured
    finally:
        server.stop()


def port_of(row, server):
    return server.node.http if row["options"][0] == "post" else server.port(row["tls"])


def check_taken(row, measured, taken):
    """Every message that the load counted must be readings in the node's store."""
    sent = measured.get("readings") or measured.get("acknowledged") or measured["delivered"]
    if taken < sent:
        raise Failed(f"{row['name']}: {sent} readings went in, the store has {taken}")


def summarize(row, server, runs):
    def median(key):
        values = [run[key] for run in runs if run.get(key) is not None]
        return statistics.median(values) if values else None
    keys = {key for run in runs for key, value in run.items() if isinstance(value, (int, float))}
    summary = {"table": row["table"], "name": row["name"], "server": server, "rounds": len(runs),
               "durable_before_ack": server == "selvedge", "mtls": row["tls"], "cipher": runs[0].get("tls", "")}
    summary.update({key: median(key) for key in sorted(keys) if key != "tls"})
    for key in ("server_us_per_message", "rss_per_connection_bytes"):
        if key in keys:
            summary[key + "_each_round"] = [run[key] for run in runs]
    return summary


def compare(results):
    """Adds to each row what it costs in terms of mosquitto's row: below 1 is cheaper."""
    for result in results:
        key = "rss_per_connection_bytes" if result["table"] == "idle" else "server_us_per_message"
        other = [r for r in results if r["name"] == result["name"] and r["server"] == "mosquitto"]
        if other and other[0].get(key) and other[0] is not result:
            result["ratio"] = round(result[key] / other[0][key], 3)


def measure(arguments, folder):
    program = pathlib.Path(arguments.build) / "bin" / "mqtt_load"
    servers, results = [], []
    ours = Selvedge(folder, arguments.build) if "selvedge" in arguments.servers else None
    if ours:
        servers.append(ours)
    identity = ours.identity if ours else None
    if "mosquitto" in arguments.servers:
        servers += [Mosquitto(folder, identity), Mosquitto(folder, identity, persistent=True)]
    for server in servers:
        server.client_tls = ours.client_tls if ours else []
    try:
        for row in ROWS:
            if arguments.match not in row["name"] or row["tls"] and not ours:
                continue
            wanted = row["only"] or ("selvedge", "mosquitto", *row["also"])
            chosen = [server for server in servers if server.name in wanted]
            messages = row["messages"] and max(1, row["messages"] // (10 if arguments.quick else 1))
            runs = {server.name: [] for server in chosen}
            for turn in range(arguments.rounds):
                for server in chosen if turn % 2 == 0 else reversed(chosen):
                    say(f"{row['name']}: round {turn + 1}, {server.name}")
                    runs[server.name].append(run_once(program, row, server, messages))
            results += [summarize(row, name, measured) for name, measured in runs.items() if measured]
    finally:
        say("")
        for server in servers:
            server.kill()
    compare(results)
    return results


def cell(value, digits=0, scale=1.0):
    return "-" if value is None else f"{value * scale:,.{digits}f}"


COLUMNS = {
    "load": ("one reading a message, one subscriber on everything", [
        ("CPU us/msg", "server_us_per_message", 2, 1), ("msgs/s", "messages_per_second", 0, 1),
        ("arrive p50 us", "delivery_p50_us", 0, 1), ("p99", "delivery_p99_us", 0, 1),
        ("PUBACK p50 us", "ack_p50_us", 0, 1), ("p99", "ack_p99_us", 0, 1),
        ("RSS MiB", "rss_bytes", 1, 2**-20), ("lost", "lost", 0, 1)]),
    "batch": ("100 readings a message, from the socket to the log on disk", [
        ("readings/s a core", "readings_per_cpu_second", 0, 1), ("CPU us/msg", "server_us_per_message", 2, 1),
        ("msgs/s", "messages_per_second", 0, 1), ("answer p50 us", "ack_p50_us", 0, 1), ("p99", "ack_p99_us", 0, 1),
        ("RSS MiB", "rss_bytes", 1, 2**-20), ("written MiB", "server_written_bytes", 1, 2**-20)]),
    "idle": ("idle connections", [
        ("RSS bytes each", "rss_per_connection_bytes", 0, 1), ("PSS bytes each", "pss_per_connection_bytes", 0, 1),
        ("RSS MiB", "rss_bytes", 1, 2**-20), ("CPU us/connect", "server_us_per_connect", 1, 1)]),
}


def table(head, rows):
    """A Markdown table that is also easy to read as it stands."""
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    texts = 2   # columns of words; the others are numbers

    def line(cells):
        return "| " + " | ".join(c.ljust(w) if i < texts else c.rjust(w)
                                 for i, (c, w) in enumerate(zip(cells, widths))) + " |"
    rule = "|".join("-" * (w + 2) if i < texts else "-" * (w + 1) + ":" for i, w in enumerate(widths))
    return "\n".join([line(head), f"|{rule}|", *map(line, rows)])


def show(results, rounds):
    print(f"medians of {rounds} interleaved rounds")
    for kind, (title, columns) in COLUMNS.items():
        lines = [[result["name"], result["server"],
                  *(cell(result.get(key), digits, scale) for _, key, digits, scale in columns),
                  f"{result['ratio']:.2f}" if "ratio" in result else ""]
                 for result in results if result["table"] == kind]
        if lines:
            print(f"\n{title}\n\n{table(['', 'server', *(c[0] for c in columns), 'ratio'], lines)}")
    print("""
ratio: CPU a message, or RSS a connection, as a share of mosquitto's; below 1 is cheaper.
Where the rate is not paced, latencies are those of up to 4000 messages under way.
selvedge has each QoS 1 reading on disk before PUBACK; mosquitto, also with persistence, has not.""")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench ingest", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a tenth of the messages: to see that it runs")
    parser.add_argument("--match", default="", metavar="TEXT", help="only rows with this in their name")
    parser.add_argument("--servers", default="selvedge,mosquitto", type=lambda text: text.split(","))
    parser.add_argument("--build", default="build/release", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)   # so that it, too, ends the servers
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    build = pathlib.Path(arguments.build)
    build.mkdir(parents=True, exist_ok=True)
    # Beside the build, because /tmp may be in memory and the node's disk is part of what is measured.
    with tempfile.TemporaryDirectory(prefix="ingest-", dir=build) as temporary:
        on = machine.describe(temporary)
        try:
            results = measure(arguments, pathlib.Path(temporary).resolve())
        except (Failed, KeyboardInterrupt) as problem:
            print(f"bench ingest: {problem or 'interrupted'}", file=sys.stderr)
            return 1
    if arguments.json:
        print(json.dumps({"benchmark": "ingest", "machine": on, "rounds": arguments.rounds, "results": results}))
    else:
        show(results, arguments.rounds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
