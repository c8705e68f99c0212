"""Wishes of a node's own twin: settings, devices, refusals, restarts."""
import json
import time

from common import OPEN, check, equal, fetch, fleet_of, run, program
from twin import ask


def until(what, found, wanted, patience=20):
    end = time.monotonic() + patience
    while (seen := found()) != wanted:
        check(time.monotonic() < end, f"{what}: found {seen!r}, wanted {wanted!r}")
        time.sleep(0.05)


def part(node, path):
    status, _, body = ask(f"{node.url}/api/2/things/{node.name}:_node/features/{path}")
    return json.loads(body) if status == 200 else None


def wish(node, path, value):
    status, _, body = ask(f"{node.url}/api/2/things/{node.name}:_node/features/{path}", "PUT", value)
    check(status in (201, 204), f"wish {path}: {status} {body}")


def settings_of(node):
    return {row["key"]: row for row in json.loads(run(program("selvedge"), "node", "settings", "--node", node.url, "--json").stdout)}


def test_a_setting_is_wished_refused_and_survives():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        equal(settings_of(node)["store.retention"]["from"], "default", "before")
        wish(node, "settings/desiredProperties/store/retention", "36h")
        state = "settings/properties/status/store.retention/state"
        until("applied", lambda: part(node, state), "applied")
        row = settings_of(node)["store.retention"]
        equal((row["value"], row["from"], row["live"]), ("36h", "twin", True), "in force")
        wish(node, "settings/desiredProperties/store/retention", "for ever")
        until("refused", lambda: part(node, state), "failed")
        reason = part(node, "settings/properties/status/store.retention/reason")
        check("duration 'for ever'" in reason, f"the reason says why: {reason}")
        equal(settings_of(node)["store.retention"]["value"], "36h", "the old one stays")
        time.sleep(0.5)
        node.process.kill()
        shown = run(program("selvedge-node"), "--config", fleet.folder / "node-1.toml", "--check").stdout
        line = next(line for line in shown.splitlines() if line.startswith("store.retention"))
        check("36h" in line and line.endswith("# twin"), f"--check shows the wish: {line}")
        node.process.start()
        equal(settings_of(node)["store.retention"]["value"], "36h", "after a kill")
        equal(part(node, state), "failed", "the refusal too")
        status = ask(f"{node.url}/api/2/things/node-1:_node/features/settings/desiredProperties/store/retention", "DELETE")[0]
        equal(status, 204, "the wish is taken back")
        until("the file's value", lambda: settings_of(node)["store.retention"]["from"], "default")


def test_a_wish_in_the_cloud_comes_true_on_the_node():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        path = "features/settings/desiredProperties/uplink/bytes-per-second"

        def cloud(*words, check_it=True):
            return fleet.cli("twin", *words, check=check_it)
        end = time.monotonic() + 30
        while not cloud("get", "node-1:_node", check_it=False):
            check(time.monotonic() < end, "the node's twin reaches the cloud")
            time.sleep(0.1)
        node.process.kill()    # a wish for a node that is down
        cloud("set", "node-1:_node", path, "200000")
        node.process.start()
        until("acted on", lambda: settings_of(node)["uplink.bytes-per-second"]["from"], "twin")
        end = time.monotonic() + 20
        while cloud("get", "node-1:_node", "features/settings/properties/uplink/bytes-per-second", check_it=False) != 200000:
            check(time.monotonic() < end, "reported in the cloud")
            time.sleep(0.1)


def test_a_disabled_device_is_refused_until_it_is_wished_back():
    with fleet_of("[store]\nblock-age = \"200ms\"\n[devices]\nanonymous-loopback = true\n") as fleet:
        node = fleet.nodes[0]

        def post():
            return ask(f"{node.url}/api/v1/readings?device=pump", "POST", b'{"name":"temp","value":21.5}')[0]
        equal(post(), 200, "before")
        wish(node, "devices/desiredProperties/pump", {"disabled": True})
        until("applied", lambda: part(node, "devices/properties/pump/state"), "applied")
        equal(post(), 401, "disabled")
        node.process.kill()
        node.process.start()
        equal(post(), 401, "after a restart")
        check(any(d["name"] == "pump" and d["state"] == "applied"
                  for d in json.loads(fetch(f"{node.url}/api/v1/wishes"))), "listed")
        ask(f"{node.url}/api/2/things/node-1:_node/features/devices/desiredProperties/pump", "DELETE")
        until("let in again", post, 200)
