"""fetch_merge.py [--json]: the medians of the lines that fetch.sh collected, as a table or as JSON.

Each line of standard input is one measurement with its delay and its round. "Saved" compares the
wall time with libcurl one by one at the same delay.
"""

import json
import statistics
import sys

ORDER = ["ours", "curl_multi", "aiohttp", "curl", "requests"]
NAMES = {
    "ours": "Selvedge client, all at once",
    "curl_multi": "libcurl multi, all at once",
    "aiohttp": "Python aiohttp, all at once",
    "curl": "libcurl, one by one",
    "requests": "Python requests, one by one",
}


def summarize(lines):
    groups = {}
    for line in lines:
        groups.setdefault((line["delay_ms"], line["mode"]), []).append(line)
    rows = []
    for (delay, mode), runs in groups.items():
        rows.append({
            "delay_ms": delay,
            "mode": mode,
            "requests": runs[0]["requests"],
            "rounds": len(runs),
            "wrong": sum(run["requests"] - run["right"] for run in runs),
            "seconds": statistics.median(run["seconds"] for run in runs),
            "seconds_each_round": [run["seconds"] for run in runs],
            "cpu_seconds": statistics.median(run["cpu_seconds"] for run in runs),
        })
    for row in rows:
        for name, mode in (("saved_percent", "curl"), ("saved_percent_against_requests", "requests")):
            base = [r["seconds"] for r in rows if r["mode"] == mode and r["delay_ms"] == row["delay_ms"]]
            if base:
                row[name] = round(100 * (1 - row["seconds"] / base[0]), 1)
        row["cpu_us_each"] = round(row["cpu_seconds"] / row["requests"] * 1e6, 1)
    return sorted(rows, key=lambda row: (row["delay_ms"], ORDER.index(row["mode"])))


def main():
    rows = summarize([json.loads(line) for line in sys.stdin if line.strip()])
    wrong = sum(row["wrong"] for row in rows)
    if "--json" in sys.argv:
        print(json.dumps({"benchmark": "fetch", "unit": "seconds", "results": rows}))
    else:
        delay = None
        for row in rows:
            if row["delay_ms"] != delay:
                delay = row["delay_ms"]
                print(f"\n{row['requests']} GETs of 71 bytes, service time {delay} ms, "
                      f"median of {row['rounds']}")
                print(f"  {'':30} {'seconds':>9} {'saved':>8} {'CPU s':>7} {'us each':>8}")
            print(f"  {NAMES[row['mode']]:30} {row['seconds']:9.3f} {row.get('saved_percent', 0):7.1f}% "
                  f"{row['cpu_seconds']:7.3f} {row['cpu_us_each']:8.1f}")
        if wrong:
            print(f"\n{wrong} answers were missing or wrong")
    sys.exit(1 if wrong or not rows else 0)


main()
