#!/usr/bin/env python3
"""Stories with the real programs on loopback: what a person would do, and what must come of it.

    tests/acceptance/run.py --build build/release [--only WORD]

A story is a function test_... in a file beside this one.
"""
import argparse
import importlib
import os
import pathlib
import sys
import time
import traceback

HERE = pathlib.Path(__file__).resolve().parent


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--only", default="", help="only stories whose name, or file, holds this")
    arguments = parser.parse_args()
    os.environ["SELVEDGE_BUILD"] = str((pathlib.Path.cwd() / arguments.build).resolve())
    sys.path.insert(0, str(HERE))
    passed = failed = 0
    for file in sorted(HERE.glob("*.py")):
        if file.stem in ("run", "common"):
            continue
        for name, story in list(vars(importlib.import_module(file.stem)).items()):
            if not name.startswith("test_") or (arguments.only not in name and arguments.only not in file.stem):
                continue
            began = time.monotonic()
            try:
                story()
                passed += 1
                print(f"ok   {name[5:].replace('_', ' ')} ({time.monotonic() - began:.1f} s)", flush=True)
            except Exception as problem:  # a story that fails must not end the others
                failed += 1
                print(f"FAIL {name[5:].replace('_', ' ')}: {problem}", flush=True)
                if type(problem).__name__ not in ("AssertionError", "Failed"):
                    traceback.print_exc()
    print(f"acceptance: {passed} passed, {failed} failed")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
