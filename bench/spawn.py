#!/usr/bin/env python3
"""Starting a program, bare, in a sandbox, and limited, beside posix_spawn: bench/spawn_bench as a table.

    bench/spawn.py --build build/release [--quick] [--json]
"""
import argparse
import json
import pathlib
import subprocess


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    program = pathlib.Path(arguments.build) / "bin" / "spawn_bench"
    done = subprocess.run([str(program), "20" if arguments.quick else "500", "16"], stdout=subprocess.PIPE, text=True, check=True)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    if arguments.json:
        print(json.dumps(rows))
        return
    print(f"{'milliseconds':72} {'at once':>7} {'first word':>17} {'nothing left':>17}")
    print(f"{'':72} {'':7} {'p50':>8} {'p99':>8} {'p50':>8} {'p99':>8}")
    for row in rows:
        print(f"{row['what'][:72]:72} {row['at_once']:7} {row['started_p50_ms']:8.2f} {row['started_p99_ms']:8.2f} "
              f"{row['done_p50_ms']:8.2f} {row['done_p99_ms']:8.2f}")


if __name__ == "__main__":
    main()
