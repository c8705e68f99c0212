"""The real service: a node with one int8 SSD, a cloud that rolls it out, clients over loopback HTTP.

- memory: resident set of selvedge-node without a model, with one that has answered, and after many reloads.
- requests: the Open Inference Protocol with a JPEG, and with the prepared tensor; CPU of the node a request, in turns with
  the pipeline alone in another process on the same picture.
- swap: a new version is pushed, signed and wished for while clients ask without pause; a request that is not answered
  with 200 counts as failed.
"""
import http.client
import json
import pathlib
import re
import statistics
import struct
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
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


def request(name, kind, shape, data, outputs=None):
    """Body and headers of an inference request whose tensor follows the JSON as bytes."""
    head = {"inputs": [{"name": name, "datatype": kind, "shape": shape, "parameters": {"binary_data_size": len(data)}}],
            "parameters": {"binary_data_output": True}}
    text = json.dumps(head).encode()
    return text + data, {"Inference-Header-Content-Length": str(len(text)), "Content-Type": "application/octet-stream"}


def of_picture(picture):
    return request("picture", "BYTES", [1], struct.pack("<I", len(picture)) + picture)


class Client:
    """One connection that is kept."""

    def __init__(self, node):
        self.connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=60)

    def ask(self, body, headers, path=f"/v2/models/{NAME}/infer"):
        began = time.perf_counter()
        self.connection.request("POST", path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        return answer.status, content, time.perf_counter() - began, answer.headers.get("Inference-Header-Content-Length")

    def get(self, path):
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


def version_of(content, header):
    return int(json.loads(content[:int(header)] if header else content)["model_version"])


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


class Load:
    """Clients that ask without pause until they are told to stop."""

    def __init__(self, node, body, headers, count):
        self.node, self.body, self.headers = node, body, headers
        self.over, self.failures, self.asked, self.seen = threading.Event(), [], 0, {}
        self.times, self.lock = [], threading.Lock()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self):
        client = Client(self.node)
        while not self.over.is_set():
            try:
                status, content, took, header = client.ask(self.body, self.headers)
                problem = None if status == 200 else f"{status} {content[:200]!r}"
                version = version_of(content, header) if status == 200 else None
            except (OSError, http.client.HTTPException) as error:
                problem, version, took, client = repr(error), None, 0, Client(self.node)
            with self.lock:
                self.asked += 1
                self.times.append(took)
                if problem:
                    self.failures.append(problem)
                elif version not in self.seen:
                    self.seen[version] = time.monotonic()

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)


class Service:
    def __init__(self, build, folder, models, picture):
        self.build, self.folder, self.models, self.picture = build, pathlib.Path(folder), models, picture
        self.keys = self.folder / "keys"
        self.fleet = Fleet(self.folder / "fleet", build)

    def start(self):
        self.fleet.cloud.start()
        subprocess.run([self.fleet.program("selvedge"), "keys", "init", "--dir", str(self.keys)], check=True, capture_output=True)
        self.fleet.cli("keys", "push", "--dir", str(self.keys))
        self.node = self.fleet.add_node("bench", "")
        self.node.process.start()

    def push(self, package, wait=True):
        return self.fleet.cli("model", "push", str(package), "--keys", str(self.keys), "--nodes", self.node.name, "--name", NAME,
                              "--output", str(self.folder / "manifest"), *(["--wait"] if wait else []))

    def status(self):
        return {m["version"]: m for m in Client(self.node).get("/api/v1/models")[1]["models"] if m["name"] == NAME}

    def requests(self, rounds, frames):
        client, pid = Client(self.node), self.node.process.pid
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
        """Versions in turn int8 and fp32 would differ in what they cost; these are the same model signed again."""
        body, headers = of_picture(self.picture.read_bytes())
        load = Load(self.node, body, headers, 2)
        wishes, loads = [], []
        try:
            for _ in range(count):
                began = time.monotonic()
                pushed = self.push(self.models.int8)
                version = pushed["version"]
                end = time.monotonic() + 30
                while version not in load.seen and time.monotonic() < end:
                    time.sleep(0.002)
                if version not in load.seen:
                    raise SystemExit(f"inference: version {version} did not serve: {pushed}")
                wishes.append((load.seen[version] - began) * 1e3)
                loads.append(self.status()[version].get("load_ms", 0))
        finally:
            load.stop()
        return {"swaps": count, "requests": load.asked, "failed": len(load.failures), "failures": load.failures[:5],
                "push_to_serving_ms": {"min": min(wishes), "p50": statistics.median(wishes), "most": max(wishes)},
                "load_ms": {"min": min(loads), "p50": statistics.median(loads), "most": max(loads)},
                "round_trip_ms": {"p50": quantile(load.times, 0.5) * 1e3, "p99": quantile(load.times, 0.99) * 1e3}}

    def idle_loads(self, count):
        """How long a version takes to load, and from the wish to its first answer, with nobody asking."""
        loads = []
        for _ in range(count):
            version = self.push(self.models.int8)["version"]
            loads.append(self.status()[version].get("load_ms", 0))
        return {"load_ms": {"min": min(loads), "p50": statistics.median(loads), "most": max(loads)}}

    def run(self, rounds, frames, swaps, reloads):
        self.start()
        pid, found = self.node.process.pid, {}
        found["rss_without_model"] = resident(pid)
        first = self.push(self.models.int8)
        found["first_load_ms"] = self.status()[first["version"]].get("load_ms", 0)
        body, headers = of_picture(self.picture.read_bytes())
        client = Client(self.node)
        for _ in range(5):
            client.ask(body, headers)
        found["rss_with_model"] = resident(pid)
        found["requests"] = self.requests(rounds, frames)
        found["rss_after_requests"] = resident(pid)
        found["idle"] = self.idle_loads(swaps)
        found["swap"] = self.swaps(swaps)
        found["rss_before_reloads"] = resident(pid)
        for i in range(reloads):
            self.push(self.models.int8)
            client.ask(body, headers)
            if i == min(19, reloads - 1):
                found["rss_after_20_reloads"] = resident(pid)
        found["reloads"] = reloads
        found["rss_after_reloads"] = resident(pid)
        status, content, _, _ = client.ask(body, headers)
        if status != 200:
            raise SystemExit(f"inference: after {reloads} reloads the node answered {status}: {content[:300]!r}")
        self.fleet.stop()
        return found

    def close(self):
        self.fleet.kill_all()
