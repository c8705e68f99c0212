"""Clients of a node's models: the Open Inference Protocol over HTTP, as the demo and the benchmark speak it."""
import http.client
import json
import struct
import threading
import time


def request(name, kind, shape, data):
    """Body and headers of an inference request whose tensor follows the JSON as bytes."""
    head = {"inputs": [{"name": name, "datatype": kind, "shape": shape, "parameters": {"binary_data_size": len(data)}}],
            "parameters": {"binary_data_output": True}}
    text = json.dumps(head).encode()
    return text + data, {"Inference-Header-Content-Length": str(len(text)), "Content-Type": "application/octet-stream"}


def of_picture(picture):
    return request("picture", "BYTES", [1], struct.pack("<I", len(picture)) + picture)


class Client:
    """One connection that is kept."""

    def __init__(self, node, model):
        self.path = f"/v2/models/{model}/infer"
        self.connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=60)

    def ask(self, body, headers):
        """Status, content, seconds and, of a good answer, the version that gave it."""
        began = time.perf_counter()
        self.connection.request("POST", self.path, body, headers)
        answer = self.connection.getresponse()
        content = answer.read()
        took, head = time.perf_counter() - began, answer.headers.get("Inference-Header-Content-Length")
        if answer.status != 200:
            return answer.status, content, took, None
        return 200, content, took, int(json.loads(content[:int(head)] if head else content)["model_version"])

    def get(self, path):
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")


class Load:
    """Clients that ask without pause until they are told to stop. What is not answered with 200 is a failure."""

    def __init__(self, node, model, body, headers, count=2):
        self.node, self.model, self.body, self.headers = node, model, body, headers
        self.over, self.lock = threading.Event(), threading.Lock()
        self.failures, self.asked, self.times = [], 0, []
        self.seen = {}                       # when a version answered first
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(count)]
        for thread in self.threads:
            thread.start()

    def run(self):
        client = Client(self.node, self.model)
        while not self.over.is_set():
            try:
                status, content, took, version = client.ask(self.body, self.headers)
                problem = None if status == 200 else f"{status} {content[:200]!r}"
            except (OSError, ValueError, http.client.HTTPException) as error:
                problem, version, took, client = repr(error), None, 0, Client(self.node, self.model)
            with self.lock:
                self.asked += 1
                self.times.append(took)
                if problem:
                    self.failures.append(problem)
                else:
                    self.seen.setdefault(version, time.monotonic())

    def stop(self):
        self.over.set()
        for thread in self.threads:
            thread.join(60)
