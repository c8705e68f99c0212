"""Models on a node with the real programs: signed, rolled out by wishes, asked in the Open Inference Protocol as existing
clients speak it, swapped while requests run, refused when anything is wrong, kept over a restart without the cloud.

The model is made here: it says how red, green and blue a picture is. Skipped where there is no model runtime."""
import http.client
import io
import json
import struct
import tarfile
import threading
import time
import zlib

import artifact
from artifact import wait
from common import check, equal, fleet_of
from fleet import flip
from reconcile import part, until, wish

SIDE = 4


# ---- a model, from its protobuf up ----

def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def value_info(name, shape):
    dimensions = b"".join(field(1, field(1, d)) for d in shape)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, dimensions)))


def onnx(scale):
    """scores[1, 3] = scale * mean over the picture x[1, SIDE, SIDE, 3]."""
    axes = field(1, "axes") + field(8, 1) + field(8, 2) + field(20, 7)
    keep = field(1, "keepdims") + field(3, 0) + field(20, 2)
    mean = field(1, "x") + field(2, "m") + field(4, "ReduceMean") + field(5, axes) + field(5, keep)
    times = field(1, "m") + field(1, "s") + field(2, "scores") + field(4, "Mul")
    constant = field(2, 1) + field(8, "s") + field(9, struct.pack("<f", scale))
    graph = (field(1, mean) + field(1, times) + field(2, "colours") + field(5, constant) +
             field(11, value_info("x", [1, SIDE, SIDE, 3])) + field(12, value_info("scores", [1, 3])))
    return field(1, 7) + field(7, graph) + field(8, field(1, "") + field(2, 13))


def png(colour):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    rows = b"".join(b"\0" + bytes(colour) * 8 for _ in range(8))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)) +
            chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def package(scale=1.0, golden="red"):
    """One zstd frame of a raw block around a tar."""
    toml = (f'name = "colours"\ntask = "classification"\nmodel = "model.onnx"\nlabels = ["red", "green", "blue"]\n'
            f'[input]\nwidth = {SIDE}\nheight = {SIDE}\ndeviation = 255\n'
            f'[[golden]]\nfile = "golden.png"\nscore_within = 0.01\n[[golden.expected]]\nlabel = "{golden}"\nscore = {scale}\n')
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in (("model.toml", toml.encode()), ("golden.png", png((255, 0, 0))), ("model.onnx", onnx(scale))):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    tar = out.getvalue()
    return b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", len(tar)) + struct.pack("<I", 1 | len(tar) << 3)[:3] + tar


# ---- the fleet ----

def publish(fleet, content, version):
    return artifact.publish(fleet, "colours", content, version, "model")


def wished(node, version, **more):
    wish(node, "models/desiredProperties/colours", {"version": version, **more})


def said(node, what):
    return part(node, f"models/properties/colours/{what}")


def has_runtime(node):
    """Once a model was wished for."""
    wait("an end of the first load", lambda: said(node, "state") == "applied" or said(node, "reason"))
    reason = said(node, "reason") or ""
    if "untime" in reason:
        print(f"    skipped: {reason}")
        return False
    return True


def ask(node, method, path, body=None, headers=None, connection=None):
    connection = connection or http.client.HTTPConnection("127.0.0.1", node.http, timeout=30)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    return answer, answer.read()


def infer(node, inputs, tail=b"", outputs=None, parameters=None, path="/v2/models/colours/infer", connection=None):
    """As tritonclient.http sends it: JSON, and tensors behind it."""
    request = {"id": "1", "inputs": inputs}
    if outputs:
        request["outputs"] = outputs
    if parameters:
        request["parameters"] = parameters
    head = json.dumps(request).encode()
    headers = {"Inference-Header-Content-Length": str(len(head))} if tail else {}
    answer, body = ask(node, "POST", path, head + tail, headers, connection)
    json_bytes = int(answer.headers.get("Inference-Header-Content-Length", len(body)))
    return answer.status, json.loads(body[:json_bytes]), body[json_bytes:]


def tensor(colour):
    return struct.pack(f"<{SIDE * SIDE * 3}f", *(colour * (SIDE * SIDE)))


BINARY = {"name": "x", "datatype": "FP32", "shape": [1, SIDE, SIDE, 3], "parameters": {"binary_data_size": SIDE * SIDE * 12}}


def output(answer, name):
    return next(o for o in answer["outputs"] if o["name"] == name)


def test_a_model_is_rolled_out_and_asked_as_existing_clients_do():
    with fleet_of("") as fleet:
        node = fleet.nodes[0]
        equal(ask(node, "GET", "/v2/health/live")[0].status, 200, "live without models")
        publish(fleet, package(), 1)
        wished(node, 1)
        if not has_runtime(node):
            return
        until("applied", lambda: said(node, "state"), "applied")
        equal(said(node, "serving"), [1], "reported")
        equal(ask(node, "GET", "/v2/health/ready")[0].status, 200, "ready")
        metadata = json.loads(ask(node, "GET", "/v2/models/colours")[1])
        equal(metadata["inputs"], [{"name": "x", "datatype": "FP32", "shape": [1, SIDE, SIDE, 3]}], "inputs")
        equal(metadata["versions"], ["1"], "versions")
        check(json.loads(ask(node, "GET", "/v2/models/colours/versions/1/ready")[1])["ready"], "the version is ready")
        # Numbers: bytes both ways, JSON both ways, one as the other.
        status, answer, tail = infer(node, [BINARY], tensor([0.5, 0.25, 1.0]),
                                     [{"name": "scores", "parameters": {"binary_data": True}}])
        equal((status, answer["id"], answer["model_version"]), (200, "1", "1"), "binary")
        equal(struct.unpack("<3f", tail), (0.5, 0.25, 1.0), "scores as bytes")
        flat = {"name": "x", "datatype": "FP32", "shape": [1, SIDE, SIDE, 3], "data": [0.5, 0.25, 1.0] * SIDE * SIDE}
        equal(output(infer(node, [flat])[1], "scores")["data"], [0.5, 0.25, 1], "scores as JSON")
        best = infer(node, [flat], outputs=[{"name": "scores", "parameters": {"classification": 1}}])[1]
        equal(output(best, "scores")["data"], ["1:2:blue"], "the best class")
        # A picture goes through the whole pipeline.
        picture = png((0, 255, 0))
        element = struct.pack("<I", len(picture)) + picture
        asked = {"name": "picture", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(element)}}
        status, answer, _ = infer(node, [asked], element)
        equal((status, output(answer, "names")["data"][0]), (200, "green"), "a picture")
        equal(answer["parameters"]["width"], 8, "its width")
        _, body = ask(node, "POST", "/api/v1/models/colours/detect", picture)
        equal(json.loads(body)["classes"][0]["name"], "green", "for people")
        drawn, body = ask(node, "POST", "/api/v1/models/colours/detect?annotated=png", picture)
        check(drawn.headers["Content-Type"] == "image/png" and body.startswith(b"\x89PNG"), "drawn on")
        # Errors have the protocol's form.
        for status, path, body in ((404, "/v2/models/none/infer", b"{}"), (400, "/v2/models/colours/infer", b"{"),
                                   (404, "/v2/models/colours/versions/7/infer", b"{}")):
            answer, body = ask(node, "POST", path, body)
            equal((answer.status, list(json.loads(body))), (status, ["error"]), path)
        index = json.loads(ask(node, "POST", "/v2/repository/index", b"{}")[1])
        equal([(m["name"], m["version"], m["state"]) for m in index], [("colours", "1", "READY")], "the repository")
        equal(ask(node, "POST", "/v2/repository/models/colours/unload")[0].status, 409, "it is wished for")
        check('selvedge_inference_requests_total{model="colours"}' in node.metrics(), "counted")


def test_versions_change_while_requests_run_and_none_fails():
    with fleet_of("") as fleet:
        node = fleet.nodes[0]
        for version in (1, 2, 3, 4):
            publish(fleet, package(version / 8), version)
        wished(node, 1)
        if not has_runtime(node):
            return
        until("applied", lambda: said(node, "version"), 1)
        answered, wrong, stop = [], [], threading.Event()

        def client():
            connection = http.client.HTTPConnection("127.0.0.1", node.http, timeout=30)
            while not stop.is_set():
                status, answer, _ = infer(node, [BINARY], tensor([1.0, 0.0, 0.0]), connection=connection)
                version = int(answer.get("model_version", 0))
                if status != 200 or output(answer, "scores")["data"][0] != version / 8:
                    wrong.append((status, answer))
                answered.append(version)
        clients = [threading.Thread(target=client) for _ in range(3)]
        for one in clients:
            one.start()
        try:
            for version in (2, 3, 4):
                wished(node, version)
                until(f"version {version}", lambda v=version: said(node, "version") == v and v in answered, True)
        finally:
            stop.set()
            for one in clients:
                one.join()
        check(not wrong, f"{len(wrong)} of {len(answered)} failed: {wrong[:2]}")
        equal(set(answered), {1, 2, 3, 4}, "every version answered")


def test_what_is_wrong_is_refused_and_what_served_serves_on():
    with fleet_of("") as fleet:
        node = fleet.nodes[0]
        publish(fleet, package(), 1)
        wished(node, 1)
        if not has_runtime(node):
            return
        until("applied", lambda: said(node, "version"), 1)
        # Other bytes than were signed, behind the back of a cloud that had verified them.
        pushed = publish(fleet, package(0.5), 2)
        flip(fleet.folder / "cloud" / "artifacts" / f"{pushed['digest']}.blob", 700)
        wished(node, 2)
        wait("the refusal", lambda: "digest" in (said(node, "reason") or ""))
        # Well signed, and it does not do what its own example says.
        publish(fleet, package(1.0, golden="blue"), 3)
        wished(node, 3)
        until("failed", lambda: said(node, "state"), "failed")
        wait("the reason", lambda: "expected blue" in (said(node, "reason") or ""))
        publish(fleet, b"this is no package", 4)
        wished(node, 4)
        wait("the reason", lambda: "read package" in (said(node, "reason") or ""))
        equal(said(node, "serving"), [1], "the first serves on")
        equal(infer(node, [BINARY], tensor([1.0, 0.0, 0.0]))[1]["model_version"], "1", "and answers")
        # After a kill, without the cloud.
        fleet.cloud.stop()
        node.process.kill()
        node.process.start()
        wait("the model after a restart", lambda: ask(node, "GET", "/v2/models/colours/ready")[0].status == 200)
        equal(infer(node, [BINARY], tensor([1.0, 0.0, 0.0]))[1]["model_version"], "1", "after a restart")
        equal(said(node, "state"), "failed", "the wish has not come true")


def test_versions_side_by_side():
    with fleet_of("") as fleet:
        node = fleet.nodes[0]
        for version in (1, 2):
            publish(fleet, package(version / 8), version)
        wished(node, 2, also=[1])
        if not has_runtime(node):
            return
        until("both", lambda: said(node, "serving"), [1, 2])
        for path, version in (("", 2), ("/versions/1", 1), ("/versions/2", 2)):
            answer = infer(node, [BINARY], tensor([1.0, 0.0, 0.0]), path=f"/v2/models/colours{path}/infer")[1]
            equal(output(answer, "scores")["data"][0], version / 8, path)


def test_a_node_without_a_runtime_says_so_and_does_all_else():
    with fleet_of('[models]\nruntime = "/nowhere/libonnxruntime.so"\n') as fleet:
        node = fleet.nodes[0]
        publish(fleet, package(), 1)
        wished(node, 1)
        wait("the reason", lambda: "/nowhere" in (said(node, "reason") or ""))
        equal(said(node, "state"), "pending", "it may come yet")
        listed = json.loads(ask(node, "GET", "/api/v1/models")[1])
        equal(listed["runtime"]["state"], "absent", "the list")
        answer, body = ask(node, "POST", "/v2/models/colours/infer", b"{}")
        equal(answer.status, 503, "asked")
        equal(ask(node, "GET", "/readyz")[0].status, 200, "the node is ready")
