"""Artifacts with the real programs: signed, pushed, fetched over a link that breaks, refused when anything is wrong."""
import json
import os
import pathlib
import time
import urllib.request

from common import check, equal, fleet_of, program, run
from fleet import flip, metric
from link import Link

CHUNK = 1 << 20


def ask(node, method, path):
    request = urllib.request.Request(node.url + "/api/v1/artifacts" + path, method=method, data=b"" if method == "PUT" else None)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read().decode()


def shown(node, name):
    return next((a for a in json.loads(ask(node, "GET", "")) if a["name"] == name), None)


def wait(what, condition, patience=60):
    end = time.monotonic() + patience
    while not condition():
        check(time.monotonic() < end, f"{what}: not within {patience} s")
        time.sleep(0.02)


def received(node):
    return metric(node.metrics(), "selvedge_artifact_received_bytes_total")


def signing_keys(fleet):
    """The folder of the keys that nodes of the fleet trust."""
    keys = fleet.folder / "keys"
    if not keys.exists():
        run(program("selvedge"), "keys", "init", "--dir", keys)
        fleet.cli("keys", "push", "--dir", str(keys))
    return keys


def publish(fleet, name, content, version=1, kind="data"):
    """Signs and pushes bytes; returns what the push said."""
    path = fleet.folder / f"{name}-{version}"
    path.write_bytes(content)
    manifest = fleet.folder / f"{name}-{version}.manifest"
    run(program("selvedge"), "artifact", "sign", path, "--name", name, "--version", version, "--kind", kind, "--keys", signing_keys(fleet),
        "--output", manifest)
    return fleet.cli("artifact", "push", str(path), "--manifest", str(manifest))


def on_disk(node, digest):
    return node.state / "artifacts" / f"{digest}.blob"


def test_an_artifact_of_50_mb_crosses_a_link_that_is_cut_three_times():
    with fleet_of() as fleet:
        content = os.urandom(50_000_000)
        pushed = publish(fleet, "big", content)
        link = Link(fleet.https)
        direct, fleet.url = fleet.url, f"https://localhost:{link.port}"
        node = fleet.add_node("edge", '[artifacts]\nbytes-per-second = "20MiB"\n')
        fleet.url = direct
        node.process.start()
        ask(node, "PUT", "/big/1")
        for cut_at in (8e6, 21e6, 37e6):
            wait(f"{cut_at} bytes", lambda: received(node) > cut_at)
            link.cut()
            time.sleep(0.3)
            link.mend()
        wait("the artifact", lambda: (shown(node, "big") or {}).get("state") == "whole", 120)
        twice = received(node) - len(content)
        check(0 <= twice <= 3 * CHUNK, f"{twice} bytes were sent twice over three cuts")
        check(metric(node.metrics(), "selvedge_artifact_resumed_total") >= 3, "no cut was felt")
        check(on_disk(node, pushed["digest"]).read_bytes() == content, "other bytes arrived")
        # The next version differs in one chunk, and that is all that travels.
        before = received(node)
        publish(fleet, "big", content[:30_000_000] + b"!" + content[30_000_001:], 2)
        ask(node, "PUT", "/big/2?wait=true")
        equal(received(node) - before, CHUNK, "bytes fetched for the next version")
        run(program("selvedge"), "node", "artifacts", "--node", node.url)
        link.close()


def test_an_artifact_that_was_tampered_with_is_refused():
    with fleet_of("") as fleet:
        node = fleet.nodes[0]
        stored = fleet.folder / "cloud" / "artifacts"
        # Its bytes, behind the back of a cloud that had verified them.
        pushed = publish(fleet, "bytes", os.urandom(3_000_000))
        flip(stored / f"{pushed['digest']}.blob", 1_500_000)
        ask(node, "PUT", "/bytes/1")
        wait("the refusal", lambda: (shown(node, "bytes") or {}).get("state") == "failed")
        check("chunk 1 is not what its digest says" in shown(node, "bytes")["why"], shown(node, "bytes")["why"])
        check(not on_disk(node, pushed["digest"]).exists(), "the tampered artifact is on the node's disk")
        # Its manifest.
        publish(fleet, "manifest", b"honest bytes")
        signed = [p for p in stored.glob("*.signed") if p.stat().st_size < 2000]
        for path in signed:
            document = json.loads(path.read_text())
            payload = document["payload"]
            document["payload"] = payload[:40] + ("A" if payload[40] != "A" else "B") + payload[41:]
            path.write_text(json.dumps(document))
        check(signed, "no manifest found to tamper with")
        problem = run("curl", "-s", "-X", "PUT", f"{node.url}/api/v1/artifacts/manifest/1?wait=true").stdout
        check(json.loads(problem)["status"] in (400, 403), problem)


def test_a_push_that_was_interrupted_goes_on_where_it_ended():
    with fleet_of() as fleet:
        content = os.urandom(20_000_000)
        keys, path = fleet.folder / "keys", fleet.folder / "file"
        path.write_bytes(content)
        run(program("selvedge"), "keys", "init", "--dir", keys)
        fleet.cli("keys", "push", "--dir", str(keys))
        run(program("selvedge"), "artifact", "sign", path, "--name", "file", "--version", 1, "--kind", "data", "--keys", keys,
            "--output", fleet.folder / "file.manifest")
        # The first piece arrived, and then the pushing program was gone.
        import hashlib
        digest = hashlib.sha256(content).hexdigest()
        piece = fleet.folder / "piece"
        piece.write_bytes(content[:6_000_000])
        who = fleet.identity
        run("curl", "-s", "--fail", "--cacert", who / "ca.crt", "--cert", who / "operator.crt", "--key", who / "operator.key",
            "-X", "PUT", "-H", f"Content-Range: bytes 0-5999999/{len(content)}", "--data-binary", f"@{piece}",
            f"{fleet.url}/api/v1/artifacts/blobs/{digest}")
        pushed = fleet.cli("artifact", "push", str(path), "--manifest", str(fleet.folder / "file.manifest"))
        equal(pushed["begun_at"], 6_000_000, "where the push went on")
        equal(pushed["sent"], 14_000_000, "bytes pushed")
        equal(fleet.cli("artifact", "push", str(path), "--manifest", str(fleet.folder / "file.manifest"))["sent"], 0, "pushed again")
        equal([a["name"] for a in fleet.cli("artifact", "list")], ["file"], "the list")
        fleet.cli("artifact", "rm", "file", "1")
        equal(fleet.cli("artifact", "list"), [], "the list after the removal")
