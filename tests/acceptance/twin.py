"""Twins by HTTP and by the command line, on a node and in the cloud."""
import json
import subprocess
import threading
import time
import urllib.error
import urllib.request

from common import OPEN, check, equal, fleet_of, program

PUMP = {"attributes": {"place": "hall"},
        "features": {"lamp": {"properties": {"on": False}, "desiredProperties": {"on": True}}}}


def ask(url, method="GET", body=None, headers=None):
    """Status, headers and body of one request to a node."""
    data = None if body is None else (body if isinstance(body, bytes) else json.dumps(body).encode())
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers, refused.read().decode()


def test_a_twin_is_kept_through_http():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        things = f"{node.url}/api/2/things"
        twin = f"{things}/node-1:pump"
        equal(ask(twin, "PUT", PUMP)[0], 201, "made")
        status, headers, body = ask(twin)
        equal(status, 200, "read")
        equal(json.loads(body)["features"], PUMP["features"], "what was made")
        tag = headers["ETag"]
        equal(ask(twin, headers={"If-None-Match": tag})[0], 304, "unchanged")
        merge = {"Content-Type": "application/merge-patch+json"}
        equal(ask(twin, "PATCH", {"attributes": {"place": None, "n": 1}}, merge)[0], 204, "merged")
        equal(ask(twin, "PATCH", {}, {**merge, "If-Match": tag})[0], 412, "a lost update")
        equal(ask(f"{twin}/attributes/n")[2], "1", "a part")
        status, _, body = ask(f"{node.url}/api/2/search/things/count?filter=eq(attributes/n,1)")
        equal((status, body), (200, "1"), "found")
        status, headers, _ = ask(twin, headers={"Accept": "application/td+json"})
        equal((status, headers["Content-Type"]), (200, "application/td+json"), "its description")
        node.process.kill()
        node.process.start()
        equal(ask(f"{twin}/attributes/n")[2], "1", "after a kill")
        equal(ask(twin, "DELETE")[0], 204, "removed")
        equal(ask(twin)[0], 404, "gone")


def test_the_command_line_speaks_of_twins():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]

        def twin(*words, status=0):
            done = subprocess.run([program("selvedge"), "twin", *words, "--node", node.url], capture_output=True,
                                  text=True, timeout=60)
            equal(done.returncode, status, f"twin {words}: {done.stderr}")
            return done.stdout
        twin("set", "node-1:pump", "lamp/on", "true", status=3)
        twin("set", "node-1:pump", "lamp/on", "true", "--create")
        twin("set", "node-1:pump", "attributes/place", "hall-2")
        equal(json.loads(twin("get", "node-1:pump", "attributes")), {"place": "hall-2"}, "a text without quotes")
        equal(twin("get", "node-1:pump", "features/lamp/desiredProperties/on").strip(), "true", "the wish")
        twin("patch", "node-1:pump", '{"features":{"lamp":{"properties":{"lux":3}}}}')
        twin("patch", "node-1:pump", '[{"op":"add","path":"/attributes/n","value":7}]', "--json-patch")
        equal(twin("get", "node-1:pump", "attributes/n").strip(), "7", "patched")
        check("node-1:pump" in twin("list", "--filter", "gt(attributes/n,5)"), "listed")
        equal(json.loads(twin("list", "--filter", "gt(attributes/n,9)", "--json")), [], "filtered")

        watch = subprocess.Popen([program("selvedge"), "twin", "watch", "node-1:pump", "--count", "2", "--node", node.url],
                                 stdout=subprocess.PIPE, text=True)
        seen = []
        reader = threading.Thread(target=lambda: seen.extend(watch.stdout))
        reader.start()
        until = time.monotonic() + 30
        for n in range(10_000):    # until it has heard enough
            if watch.poll() is not None or time.monotonic() > until:
                break
            twin("set", "node-1:pump", "lamp/level", str(n))
        watch.kill()
        reader.join()
        check(len(seen) == 2 and seen[0].startswith("node-1:pump  features/lamp/desiredProperties/level  "), seen)
        twin("delete", "node-1:pump", "lamp/on")
        twin("delete", "node-1:pump")
        twin("get", "node-1:pump", status=3)


def test_the_cloud_knows_the_twins_of_its_nodes():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        equal(ask(f"{node.url}/api/2/things/node-1:pump", "PUT", PUMP)[0], 201, "made at the node")

        def cloud(*words, wanted=0):
            done = subprocess.run([program("selvedge"), "twin", *words, "--json", "--cloud", fleet.url, "--identity",
                                   str(fleet.identity)], capture_output=True, text=True, timeout=60)
            return done.stdout if done.returncode == wanted else None
        until = time.monotonic() + 30
        while not cloud("get", "node-1:pump") and time.monotonic() < until:
            time.sleep(0.1)
        equal(json.loads(cloud("get", "node-1:pump") or "{}").get("features"), PUMP["features"], "in the cloud")
        check(cloud("set", "node-1:pump", "lamp/level", "5") is not None, "a wish in the cloud")
        place = f"{node.url}/api/2/things/node-1:pump/features/lamp/desiredProperties/level"
        while ask(place)[0] != 200 and time.monotonic() < until:
            time.sleep(0.1)
        equal(ask(place)[2], "5", "the wish at the node")
