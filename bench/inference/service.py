"""The real service: a node with one int8 SSD, a cloud that rolls it out, clients over loopback HTTP.

- memory: resident set of selvedge-node without a model, with one that has answered, after many reloads,
  and after a restart, which finds the optimised form of the model in its cache.
- requests: the Open Inference Protocol with a JPEG, and with the prepared tensor; CPU of the node a request, in turns with
  the pipeline alone in another process on the same picture.
- swap: a new version is signed, pushed and wished for while clients ask without pause; a request that is not answered
  with 200 counts as failed.
"""
import json
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from asking import Client, Load, of_picture, request  # noqa: E402
from fleet import Fleet  # noqa: E402

NAME = "ssd"


def resident(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", text).group(1)) * 1024


def cpu_seconds(pid):
    """Of all threads, from the scheduler's own count in nanoseconds."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            pass  # it ended meanwhile
    return total / 1e9


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def spread(values):
    return {"min": min(values), "p50": statistics.median(values), "most": max(values)}


class Pipeline:
    """The pipeline alone, in a process of its own that runs frames when it is told to."""

    def __init__(self, build, package, picture, frames):
        self.process = subprocess.Popen([str(pathlib.Path(build) / "bin" / "inference_bench"), "--turns", "yes", "--model", f"int8={package}",
                                         *(["--picture", str(picture)] if picture else []), "--frames", str(frames)],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.turn()

    def turn(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        cpu, wall = map(float, self.process.stdout.readline().split())
        return cpu, wall

    def stop(self):
        self.process.stdin.close()
        self.process.wait(30)


class Service:
    def __init__(self, build, folder, models, picture):
        self.build, self.folder, self.models, self.picture = build, pathlib.Path(folder), models, picture
        self.keys = self.folder / "keys"
        self.fleet = Fleet(self.folder / "fleet", build)
        self.version = 0

    def start(self):
        self.fleet.cloud.start()
        subprocess.run([self.fleet.program("selvedge"), "keys", "init", "--dir", str(self.keys)], check=True, capture_output=True)
        self.fleet.cli("keys", "push", "--dir", str(self.keys))
        self.node = self.fleet.add_node("bench", "")
        self.node.process.start()

    def publish(self, package):
        """The next version: signed, and in the cloud."""
        self.version += 1
        manifest = self.folder / "manifest"
        subprocess.run([self.fleet.program("selvedge"), "artifact", "sign", str(package), "--name", NAME, "--version", str(self.version),
                        "--kind", "model", "--keys", str(self.keys), "--output", str(manifest)], check=True, capture_output=True)
        self.fleet.cli("artifact", "push", str(package), "--manifest", str(manifest))

    def wish(self):
        """The version that was published last is wished for in the cloud, and serves when this returns: milliseconds."""
        began = time.monotonic()
        self.fleet.cli("twin", "set", self.node.name, f"models/{NAME}", json.dumps({"version": self.version}), "--create")
        client = Client(self.node, NAME)
        while time.monotonic() < began + 30:
            status, found = client.get(f"/v2/models/{NAME}/versions/{self.version}/ready")
            if status == 200:
                return (time.monotonic() - began) * 1e3
            time.sleep(0.002)
        raise SystemExit(f"inference: version {self.version} does not serve: {status} {found}; {self.status().get(self.version)}")

    def roll_out(self, package):
        self.publish(package)
        return self.wish()

    def status(self):
        return {m["version"]: m for m in Client(self.node, NAME).get("/api/v1/models")[1]["models"] if m["name"] == NAME}

    def requests(self, rounds, frames):
        client, pid = Client(self.node, NAME), self.node.process.pid
        picture = self.picture.read_bytes()
        body, headers = of_picture(picture)
        metadata = client.get(f"/v2/models/{NAME}")[1]
        wanted = metadata["inputs"][0]
        shape = [max(1, int(side)) for side in wanted["shape"]]
        size = 4 if wanted["datatype"] == "FP32" else 1
        elements = 1
        for side in shape:
            elements *= side
        tensor, tensor_headers = request(wanted["name"], wanted["datatype"], shape, bytes(elements * size))
        for _ in range(5):
            for one in ((body, headers), (tensor, tensor_headers)):
                status, content, _, _ = client.ask(*one)
                if status != 200:
                    raise SystemExit(f"inference: the node answered {status}: {content[:300]!r}")
        alone = Pipeline(self.build, self.models.int8, self.picture if self.models.timed else None, frames)
        rows = {"pipeline_cpu_ms": [], "pipeline_wall_ms": [], "jpeg_cpu_ms": [], "jpeg_wall_ms": [], "tensor_cpu_ms": [], "tensor_wall_ms": []}
        waits = {"jpeg": [], "tensor": []}
        try:
            for _ in range(rounds):
                cpu, wall = alone.turn()
                rows["pipeline_cpu_ms"].append(cpu)
                rows["pipeline_wall_ms"].append(wall)
                for kind, one in (("jpeg", (body, headers)), ("tensor", (tensor, tensor_headers))):
                    before, began = cpu_seconds(pid), time.perf_counter()
                    for _ in range(frames):
                        status, _, took, _ = client.ask(*one)
                        if status != 200:
                            raise SystemExit(f"inference: the node answered {status}")
                        waits[kind].append(took * 1e3)
                    rows[f"{kind}_cpu_ms"].append((cpu_seconds(pid) - before) * 1e3 / frames)
                    rows[f"{kind}_wall_ms"].append((time.perf_counter() - began) * 1e3 / frames)
        finally:
            alone.stop()
        found = {key: {"min": min(values), "p50": statistics.median(values)} for key, values in rows.items()}
        pairs = [n / p - 1 for n, p in zip(rows["jpeg_cpu_ms"], rows["pipeline_cpu_ms"])]
        return {**found, "jpeg_round_trip_ms": {"p50": quantile(waits["jpeg"], 0.5), "p99": quantile(waits["jpeg"], 0.99)},
                "tensor_round_trip_ms": {"p50": quantile(waits["tensor"], 0.5), "p99": quantile(waits["tensor"], 0.99)},
                "jpeg_bytes": len(picture), "tensor_bytes": elements * size,
                "overhead_over_pipeline_percent": {"best": 100 * (min(rows["jpeg_cpu_ms"]) / min(rows["pipeline_cpu_ms"]) - 1),
                                                   "paired": 100 * statistics.median(pairs)}}

    def swaps(self, count):
        """The same bytes as new versions: what is fetched once is not fetched again, and both cost the same to run."""
        load = Load(self.node, NAME, *of_picture(self.picture.read_bytes()))
        wishes, loads = [], []
        try:
            for _ in range(count):
                self.publish(self.models.int8)
                began = time.monotonic()
                self.wish()
                end = time.monotonic() + 30
                while self.version not in load.seen and time.monotonic() < end:
                    time.sleep(0.002)
                if self.version not in load.seen:
                    raise SystemExit(f"inference: version {self.version} answered nobody")
                wishes.append((load.seen[self.version] - began) * 1e3)
                loads.append(self.load_ms())
        finally:
            load.stop()
        return {"swaps": count, "requests": load.asked, "failed": len(load.failures), "failures": load.failures[:5],
                "wish_to_answer_ms": spread(wishes), "load_ms": spread(loads),
                "round_trip_ms": {"p50": quantile(load.times, 0.5) * 1e3, "p99": quantile(load.times, 0.99) * 1e3}}

    def load_ms(self):
        return self.status()[self.version].get("load_ms", 0)

    def idle_loads(self, count):
        """With nobody asking."""
        wishes, loads = [], []
        for _ in range(count):
            wishes.append(self.roll_out(self.models.int8))
            loads.append(self.load_ms())
        return {"wish_to_serving_ms": spread(wishes), "load_ms": spread(loads)}

    def run(self, rounds, frames, swaps, reloads):
        self.start()
        pid, found = self.node.process.pid, {}
        found["rss_without_model"] = resident(pid)
        found["first_wish_to_serving_ms"] = self.roll_out(self.models.int8)
        found["first_load_ms"] = self.load_ms()
        body, headers = of_picture(self.picture.read_bytes())
        client = Client(self.node, NAME)
        for _ in range(5):
            client.ask(body, headers)
        found["rss_with_model"] = resident(pid)
        found["requests"] = self.requests(rounds, frames)
        found["rss_after_requests"] = resident(pid)
        found["idle"] = self.idle_loads(swaps)
        found["swap"] = self.swaps(swaps)
        found["rss_before_reloads"] = resident(pid)
        for i in range(reloads):
            self.roll_out(self.models.int8)
            client.ask(body, headers)
            if i == min(19, reloads - 1):
                found["rss_after_20_reloads"] = resident(pid)
        found["reloads"] = reloads
        found["rss_after_reloads"] = resident(pid)
        status, content, _, _ = client.ask(body, headers)
        if status != 200:
            raise SystemExit(f"inference: after {reloads} reloads the node answered {status}: {content[:300]!r}")
        self.node.process.stop()
        self.node.process.start()
        client = Client(self.node, NAME)
        end = time.monotonic() + 30
        while client.get(f"/v2/models/{NAME}/ready")[0] != 200 and time.monotonic() < end:
            time.sleep(0.05)
        for _ in range(20):
            client.ask(body, headers)
        found["rss_restarted"] = resident(self.node.process.pid)
        self.fleet.stop()
        return found

    def close(self):
        self.fleet.kill_all()
