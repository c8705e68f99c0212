"""fetch_python.py MODE URL N: N GETs of one small JSON document from Python, and what they cost.

MODE is requests (one by one, as most programs do it: requests.get) or aiohttp (all at once).
Prints the same line of JSON as fetch_bench. Imports are not counted.
"""

import asyncio
import json
import resource
import sys
import time


def cpu_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def one_by_one(url, count):
    import requests

    start, cpu = time.perf_counter(), cpu_seconds()
    answers = [requests.get(url, timeout=30).json() for _ in range(count)]
    return answers, time.perf_counter() - start, cpu_seconds() - cpu


def at_once(url, count):
    import aiohttp

    async def fetch(session):
        async with session.get(url) as response:
            return await response.json()

    async def fetch_all():
        connector = aiohttp.TCPConnector(limit=count)
        async with aiohttp.ClientSession(connector=connector) as session:
            return await asyncio.gather(*(fetch(session) for _ in range(count)))

    start, cpu = time.perf_counter(), cpu_seconds()
    answers = asyncio.run(fetch_all())
    return answers, time.perf_counter() - start, cpu_seconds() - cpu


def main():
    mode, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    answers, seconds, cpu = {"requests": one_by_one, "aiohttp": at_once}[mode](url, count)
    right = sum(answer["device"] == "pump-0042" for answer in answers)
    print(json.dumps({"mode": mode, "requests": count, "right": right,
                      "seconds": round(seconds, 6), "cpu_seconds": round(cpu, 6)}))


main()
