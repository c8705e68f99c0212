"""What the numbers were measured on, for the head of every table and of every JSON file.

As a program: prints it as one line, or with --json as an object.
"""
import json
import os
import pathlib
import platform
import subprocess
import sys


def first(path, key):
    try:
        for line in pathlib.Path(path).read_text().splitlines():
            if line.startswith(key):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return "unknown"


def disk(folder):
    """Device and file system that hold a folder."""
    done = subprocess.run(["findmnt", "-n", "-o", "SOURCE,FSTYPE", "--target", str(folder)],
                          capture_output=True, text=True)
    return " ".join(done.stdout.split()) or "unknown"


def describe(folder="."):
    return {
        "cpu": first("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(first("/proc/meminfo", "MemTotal").split()[0]) * 1024,
        "kernel": platform.release(),
        "disk": disk(folder),
        "load_average": os.getloadavg()[0],
    }


def line(machine):
    return (f"{machine['cores']} cores {machine['cpu']}, {machine['memory_bytes'] / 2**30:.0f} GiB, "
            f"Linux {machine['kernel']}, {machine['disk']}; load average {machine['load_average']:.1f}")


if __name__ == "__main__":
    found = describe()
    print(json.dumps(found) if "--json" in sys.argv else line(found))
