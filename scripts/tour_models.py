"""The tour's model: signed, rolled out to a node that is asked over HTTP, swapped for a smaller one while requests run, and
refused when a bit of it was changed. In the end it looks at the pictures of a camera, and what it counts goes to the cloud.

The pictures are demo_pictures.py's running cat; the model is the public SSD that scripts/fetch brings, at first as it is, then
in 8 bits.
"""
import json
import pathlib
import shutil
import subprocess
import time

import demo_pictures
from asking import Load, of_picture
from fleet import ROOT, Failed, fetch, flip
from tour import reported, wait

MODEL = "finder"
TFLITE, LABELS = "ssd_mobilenetv2_oidv4_fp16.tflite", "oidv4_labels.txt"
THRESHOLD = 0.4
CAMERA = "gate"


def fetched():
    """Paths of the public model and its labels, or None where they and the model runtime cannot be had."""
    for wanted in (["runtime"], ["models", TFLITE, LABELS]):
        done = subprocess.run([ROOT / "scripts" / "fetch", *wanted], stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            return None
    return [pathlib.Path(line) for line in done.stdout.splitlines()]


def command(fleet, *words):
    done = subprocess.run([fleet.program("selvedge"), *map(str, words)], capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"selvedge {' '.join(map(str, words))}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def packages(fleet, model, labels, pictures):
    """The model as it is, and in 8 bits: two packages, and what the quantiser says. Kept for the next time."""
    kept = ROOT / "build" / "demo-data"
    plain, small, said = kept / "finder.model", kept / "finder-int8.model", kept / "finder-int8.json"
    if not all(path.exists() for path in (plain, small, said)):
        source = [model, "--labels", labels, "--name", MODEL]
        described = command(fleet, "model", "import", *source, "--describe")
        description = fleet.folder / "model.toml"
        description.write_text(described.replace("[detection]\n", f"[detection]\nthreshold = {THRESHOLD}\n"))
        command(fleet, "model", "import", *source, "--description", description, "--output", plain)
        calibrate, judge = demo_pictures.halves(pictures, fleet.folder)
        report = command(fleet, "model", "quantize", plain, "--calibrate", calibrate, "--judge", judge, "--range", "extremes",
                         "--views", 2, "--output", small, "--json")
        said.write_text(report)
    return plain, small, json.loads(said.read_text())["report"]


def push(fleet, node, package, version):
    """Signed, brought to the cloud, and wished for; returns seconds until the node serves it."""
    began = time.monotonic()
    fleet.cli("model", "push", str(package), "--keys", str(fleet.folder / "keys"), "--version", str(version), "--nodes", node.name,
              "--output", str(fleet.folder / f"{MODEL}.manifest"), "--wait")
    return time.monotonic() - began


def swap(fleet, node, package, picture, say):
    load = Load(node, MODEL, *of_picture(picture.read_bytes()))
    try:
        wait("answers of version 1", lambda: 1 in load.seen)
        seconds = push(fleet, node, package, 2)
        wait("answers of version 2", lambda: 2 in load.seen)
    finally:
        load.stop()
    if load.failures:
        raise Failed(f"{len(load.failures)} of {load.asked} requests failed while the model was swapped: {load.failures[0]}")
    say(f"  version 2, {package.stat().st_size / 1e6:.1f} MB in 8 bits, replaced it after {seconds:.1f} s, signing and fetching included; "
        f"{load.asked} requests meanwhile, none failed")
    return load.asked, seconds


def tampered(fleet, node, package, say):
    """A third version, well signed, of which a bit is changed in the cloud behind its back."""
    path, manifest = fleet.folder / "changed.model", fleet.folder / "changed.manifest"
    path.write_bytes(package.read_bytes() + bytes(8))
    command(fleet, "artifact", "sign", path, "--name", MODEL, "--version", 3, "--kind", "model", "--keys", fleet.folder / "keys",
            "--output", manifest)
    digest = fleet.cli("artifact", "push", str(path), "--manifest", str(manifest))["digest"]
    # In the last chunk: the others are those of version 2, and not fetched again.
    flip(fleet.folder / "cloud" / "artifacts" / f"{digest}.blob", path.stat().st_size - 4)
    fleet.cli("twin", "set", node.name, f"models/{MODEL}", '{"version":3}')

    def said():
        return reported(fleet, node.name, f"models/{MODEL}") or {}

    wait("the refusal", lambda: "digest" in said().get("reason", "") or 3 in said().get("serving", []))
    if said().get("serving") != [2]:
        raise Failed(f"a changed model was taken: {said()}")
    say(f"  a version of which one bit was changed is refused, and version 2 serves on: {said()['reason']}")


def camera_settings(folder):
    return (f'[store]\nblock-age = "1s"\n[[camera]]\nname = "{CAMERA}"\nmodel = "{MODEL}"\nfolder = "{folder}"\nremove = true\n'
            f'every = "100ms"\nlist = "0s"\n')


def camera(fleet, node, folder, pictures, say):
    """The cat runs past a gate; what is seen of it must be in the cloud as on the node."""
    for picture in pictures:
        # Under a name that is none yet, then whole.
        shutil.copy(picture, folder / f".{picture.name}")
        (folder / f".{picture.name}").rename(folder / picture.name)
    shown = lambda: json.loads(fetch(f"{node.url}/api/v1/cameras/{CAMERA}"))
    wait("the camera's pictures", lambda: shown()["looked_at"] + shown()["failed"] + shown()["dropped"] >= len(pictures))
    looked = shown()["looked_at"]
    if looked != len(pictures):
        raise Failed(f"{looked} of {len(pictures)} pictures of the camera were looked at: {shown()}")

    def values(what, *of, **where):
        answer = fleet.cli("series", "query", f"cameras/{CAMERA}/{what}", *of, check=False, **where)
        return [row[1] for row in answer["rows"]] if answer else []

    on_node = {what: values(what, node=node) for what in ("count", "detections")}
    in_cloud = lambda what: values(what, "--of", node.name)
    wait("the camera's series in the cloud", lambda: all(in_cloud(what) == on_node[what] for what in on_node))
    lists = [json.loads(text) for text in in_cloud("detections")]
    found = sum(len(one["detections"]) + one.get("more", 0) for one in lists)
    if not found or max(in_cloud("count")) < 1:
        raise Failed(f"a cat ran through {looked} pictures, and nothing was found: {in_cloud('count')}")
    say(f"  {node.name}: {looked} pictures of its camera were looked at; the cloud has the {found} detections in {len(lists)} of them, "
        f"and {len(in_cloud('count'))} counts in cameras/{CAMERA}/count")
    return looked, found


def show(fleet, say):
    models = fetched()
    if models is None:
        say("  no model: the model runtime and a public model could not be fetched")
        return {}
    pictures = demo_pictures.prepare(ROOT / "build" / "demo-data")
    plain, small, report = packages(fleet, *models, pictures)
    folder = fleet.folder / "gate-pictures"
    folder.mkdir()
    node = fleet.add_node("site-gate", camera_settings(folder))
    node.process.start()
    first = push(fleet, node, plain, 1)
    say(f"  {node.name} serves {MODEL} 1 ({plain.stat().st_size / 1e6:.1f} MB) after {first:.1f} s")
    asked, seconds = swap(fleet, node, small, pictures[11], say)
    tampered(fleet, node, small, say)
    looked, found = camera(fleet, node, folder, pictures, say)
    strong = report["agreement"]["strong"]
    return {"model_bytes": plain.stat().st_size, "model_int8_bytes": small.stat().st_size,
            "model_agreement": f"{strong['matched']} of {strong['reference']}", "model_swap_seconds": round(seconds, 2),
            "model_swap_requests": asked, "model_swap_failed": 0, "tampered_model_refused": True,
            "camera_pictures": looked, "camera_detections_in_cloud": found}
