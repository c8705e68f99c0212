"""Celsius to Fahrenheit, line by line: a reading in, a reading out."""
import json
import sys

for line in sys.stdin:
    reading = json.loads(line)
    print(json.dumps({
        "series": reading["series"].removesuffix("/celsius"),
        "time": reading["time"],
        "value": reading["value"] * 9 / 5 + 32,
    }), flush=True)
