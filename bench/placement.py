#!/usr/bin/env python3
"""Placement: how fast (decisions a second, with and without constraints) and how well (what fits that could fit).

    bench/placement.py --build build/release [--data DIR] [--rounds N] [--quick] [--json]

Speed: engine_placement_bench, the index beside the article's rule as it is written, in one process and one thread.
Quality: placement_quality, our rule beside the article's, random, best fit, Kubernetes', Nomad's and FGD, each looking at
every node; N is its number of seeds. DIR has the traces (openb/, vbp/, eua/); what is missing is left out and said.
"""
import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "scheduling"


def speed(build, quick):
    done = subprocess.run([build / "bin" / "engine_placement_bench", "--json", *(["--quick"] if quick else [])], check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def short(value):
    return f"{value / 1e6:.1f} M" if value >= 1e6 else f"{value / 1e3:.1f} k" if value >= 1e3 else f"{value:.0f}"


def print_speed(rows):
    print("Decisions a second of processor time: choose, commit, release another; 85 % full, one thread\n")
    rule, by = (max(len(row[key]) for row in rows) for key in ("rule", "index"))
    print(f"  {'nodes':>8} {'constraints':>11} {'rule':<{rule}} {'by':<{by}}{'decisions/s':>12}{'p50 ns':>10}{'p99 ns':>10}{'placed %':>10}")
    for row in rows:
        print(f"  {row['nodes']:>8} {'yes' if row['masks'] else 'no':>11} {row['rule']:<{rule}} {row['index']:<{by}}"
              f"{short(row['decisions_per_second']):>12}{row['p50_ns']:>10.0f}{row['p99_ns']:>10.0f}{100 * row['placed']:>10.1f}")
    print()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--data", type=pathlib.Path, default=DATA)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    quality = [options.build / "bin" / "placement_quality", "--data", options.data, "--seeds", str(options.rounds)]
    if options.quick:
        quality.append("--quick")
    rows = speed(options.build, options.quick)
    if not options.json:
        print_speed(rows)
        sys.stdout.flush()
        subprocess.run(quality, check=True)
        return
    done = subprocess.run([*quality, "--json"], check=True, stdout=subprocess.PIPE, text=True)
    print(json.dumps({"speed": rows, "quality": json.loads(done.stdout)}))


if __name__ == "__main__":
    main()
