"""The demo's tour: a wish that waits for its node, and signed bytes over a link that breaks."""
import json
import os
import subprocess
import time

from fleet import Failed, fetch, flip, metric
from link import Link

CHUNK = 1 << 20
SIZE = 50_000_000
CUTS = (0.2, 0.45, 0.7)


def wait(what, condition, patience=60):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise Failed(f"{what}: not within {patience} s")
        time.sleep(0.02)


def reported(fleet, twin, path):
    """A reported property as the cloud has it; None if there is none."""
    feature, name = path.split("/")
    document = fleet.cli("twin", "get", twin, check=False) or {}
    return document.get("features", {}).get(feature, {}).get("properties", {}).get(name)


def wish(fleet, node, say):
    """A set-point is changed while its node is down, and comes true when it is back."""
    twin = f"{node.name}:valve"
    command = [fleet.program("selvedge"), "device", "follow", "valve", "--to", f"mqtts://localhost:{node.mqtts}",
               *fleet.device_certificate("valve"), "--report", '{"flow":{"setpoint":10}}']
    log = open(fleet.folder / "valve.log", "ab")
    device = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait("the valve's first report", lambda: reported(fleet, twin, "flow/setpoint") == 10)
        node.process.kill()
        fleet.cli("twin", "set", twin, "flow/setpoint", "42")
        say(f"  {node.name} is down; its valve is wished to 42 and still reports {reported(fleet, twin, 'flow/setpoint')}")
        began = time.monotonic()
        node.process.start()
        wait("the wish", lambda: reported(fleet, twin, "flow/setpoint") == 42)
        seconds = time.monotonic() - began
        say(f"  {node.name} is back: the valve reports 42 after {seconds:.1f} s")
        return seconds
    finally:
        device.terminate()
        device.wait(10)
        log.close()


def publish(fleet, name, content):
    """Signs and pushes bytes, as an operator does."""
    program, keys, path = fleet.program("selvedge"), fleet.folder / "keys", fleet.folder / name
    if not keys.exists():
        subprocess.run([program, "keys", "init", "--dir", keys], check=True, capture_output=True)
        fleet.cli("keys", "push", "--dir", str(keys))
    path.write_bytes(content)
    subprocess.run([program, "artifact", "sign", path, "--name", name, "--version", "1", "--kind", "data", "--keys", keys],
                   check=True, capture_output=True)
    return path


def artifact(fleet, say):
    """50 MB are fetched across three cuts of the link; changed bytes are refused."""
    link = Link(fleet.https)
    direct, fleet.url = fleet.url, f"https://localhost:{link.port}"
    node = fleet.add_node("site-far", '[artifacts]\nbytes-per-second = "24MiB"\n')
    fleet.url = direct
    node.process.start()
    received = lambda: metric(node.metrics(), "selvedge_artifact_received_bytes_total")
    content = os.urandom(SIZE)
    path = publish(fleet, "map", content)
    pushed = fleet.cli("artifact", "push", str(path))
    fleet.cli("twin", "set", node.name, "artifacts/map", '{"version":1}', "--create")
    for share in CUTS:
        wait("the artifact", lambda: received() > share * SIZE)
        link.cut()
        say(f"  {node.name}: the link is cut at {received() / 1e6:.0f} of {SIZE / 1e6:.0f} MB")
        time.sleep(0.3)
        link.mend()
    blob = node.state / "artifacts" / f"{pushed['digest']}.blob"
    wait("the artifact", blob.exists, 120)
    twice = int(received()) - SIZE
    if blob.read_bytes() != content or not 0 <= twice <= len(CUTS) * CHUNK:
        raise Failed(f"the artifact is not what was signed, or too much was sent twice ({twice} bytes)")
    say(f"  {node.name} has it whole; {twice:,} bytes crossed twice")

    # Behind the back of the cloud, which had verified them.
    path = publish(fleet, "forged", os.urandom(5_000_000))
    stored = fleet.folder / "cloud" / "artifacts" / f"{fleet.cli('artifact', 'push', str(path))['digest']}.blob"
    flip(stored, 2_500_000)
    fleet.cli("twin", "set", node.name, "artifacts/forged", '{"version":1}')
    forged = lambda: next((a for a in json.loads(fetch(f"{node.url}/api/v1/artifacts")) if a["name"] == "forged"), {})
    wait("the refusal", lambda: forged().get("state") in ("failed", "whole"))
    if forged()["state"] != "failed":
        raise Failed("changed bytes were taken")
    say("  one bit changed in the cloud is noticed: " + forged()["why"])
    link.close()
    return twice


def show(fleet, say):
    say("the tour")
    seconds = wish(fleet, fleet.nodes[-1], say)
    return {"wish_after_restart_seconds": round(seconds, 2), "artifact_bytes": SIZE, "artifact_cuts": len(CUTS),
            "artifact_bytes_twice": artifact(fleet, say), "tampered_artifact_refused": True}
