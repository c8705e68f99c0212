"""Models by the command line: pictures looked through with nothing else running, a model made, tried, measured, made small, and
brought to nodes. Skipped where there is no model runtime; what needs the public model or pictures beside the checkout, where
those are absent."""
import contextlib
import json
import os
import pathlib
import struct
import subprocess
import tempfile
import urllib.request
import zlib

from artifact import signing_keys, wait
from common import ROOT, check, equal, fleet_of, program, run
from models import png

EXAMPLES = ROOT / "docs" / "examples"
VISION = ROOT.parent / "shared" / "data" / "vision"
PUBLIC = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "selvedge" / "models"


@contextlib.contextmanager
def folder_for_now():
    """A folder that goes away."""
    with tempfile.TemporaryDirectory(prefix="selvedge-test-") as name:
        yield pathlib.Path(name)


def selvedge(*words, status=0):
    return run(program("selvedge"), *words, status=status)


def said(*words, status=0):
    return json.loads(selvedge(*words, "--json", status=status).stdout)


def colours(folder, *more):
    """The example as a package, or None where it cannot be tried out."""
    package = folder / "colours.model"
    made = said("model", "import", EXAMPLES / "colours.onnx", "--description", EXAMPLES / "colours.toml", "--output", package, *more)
    if not made["tried_with"]:
        print("    skipped: there is no model runtime (scripts/fetch runtime)")
        return None
    return package


def public_model():
    path = PUBLIC / "ssd_mobilenetv2_oidv4_fp16.tflite"
    if not path.exists() or not VISION.exists():
        print("    skipped: needs scripts/fetch models, and pictures beside the checkout")
        return None
    return path


def picture(folder, name, colour):
    path = folder / name
    path.write_bytes(png(colour))
    return path


def striped(folder, name, colours):
    """32 x 32, in columns of these colours."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    row = b"\0" + b"".join(bytes(colours[x // 4 % len(colours)]) for x in range(32))
    (folder / name).write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)) +
                                chunk(b"IDAT", zlib.compress(row * 32)) + chunk(b"IEND", b""))


def overlap(a, b):
    top, left, bottom, right = max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])
    both = max(0, bottom - top) * max(0, right - left)
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)


def test_detect_agrees_with_the_reference():
    if not public_model():
        return
    with folder_for_now() as folder:
        out = folder / "out.png"
        images = sorted((VISION / "images").glob("*.jpg")) + [VISION / "images" / "dog_train_0.bmp"]
        found = {pathlib.Path(a["image"]).stem: a["detections"] for a in said("detect", *images, "--draw", out)}
        check(out.read_bytes().startswith(b"\x89PNG"), "the drawn picture")
        for line in (VISION / "golden" / "ssd" / "detections.tsv").read_text().splitlines():
            if line.startswith("#"):
                continue
            image, label, score, left, top, right, bottom = line.split("\t")
            box = [float(v) for v in (top, left, bottom, right)]
            if float(score) < 0.52:
                continue
            same = [d for d in found[image] if d["name"] == label and overlap(d["box"], box) > 0.95 and abs(d["score"] - float(score)) < 0.02]
            equal(len(same), 1, f"{label} {score} in {image}: {found[image]}")
        equal([len(found[name]) for name in ("pets", "owl")], [2, 0], "nothing beyond")


def test_detect_says_what_is_wrong_and_looks_at_the_rest():
    with folder_for_now() as folder:
        package = colours(folder)
        if not package:
            return
        red, text = picture(folder, "red.png", (250, 0, 0)), folder / "text.jpg"
        text.write_text("no picture")
        done = selvedge("detect", text, red, "--model", package, "--json", status=2)
        answers = json.loads(done.stdout)
        check("error" in answers[0] and "text.jpg" in done.stderr, done.stderr)
        equal(answers[1]["classes"][0]["name"], "red", "the other is looked at")
        drawn = folder / "drawn"
        blue = picture(folder, "blue.png", (0, 0, 250))
        selvedge("detect", red, blue, "--model", package, "--draw", f"{drawn}/")
        equal(sorted(p.name for p in drawn.iterdir()), ["blue.png", "red.png"], "a picture each")
        check("ends in .png" in selvedge("detect", red, "--draw", "x.gif", status=2).stderr, "a wrong ending")
        check("/nowhere" in selvedge("detect", red, "--model", package, "--runtime", "/nowhere", status=6).stderr, "no runtime")
        empty = subprocess.run([program("selvedge"), "detect", red], capture_output=True, text=True, env={"XDG_CACHE_HOME": str(folder)})
        equal(empty.returncode, 3, "no model")
        check("scripts/fetch models" in empty.stderr, f"says how to get one: {empty.stderr}")


def test_a_model_is_inspected_measured_and_tried():
    with folder_for_now() as folder:
        facts = said("model", "inspect", EXAMPLES / "colours.onnx")
        equal(facts["operators"], {"Conv": 2, "Flatten": 1, "Gemm": 1, "GlobalAveragePool": 1, "Relu": 2}, "operators")
        equal(facts["macs"], 16 * 16 * 8 * 27 + 8 * 8 * 16 * 72 + 48, "multiply-adds")
        equal(facts["parameters"], 8 * 27 + 8 + 16 * 72 + 16 + 48 + 3, "parameters")
        selvedge("model", "inspect", EXAMPLES / "colours.onnx", "--layers", 1)
        described = selvedge("model", "import", EXAMPLES / "colours.onnx", "--describe").stdout
        check('task = "classification"' in described, described)
        package = colours(folder)
        if not package:
            return
        rows = said("model", "bench", package, "--runs", 20, "--workers", "1,2")["rows"]
        equal([r["workers"] for r in rows], [1, 2], "rows")
        check(0 < rows[0]["wall_ms_p50"] <= rows[0]["wall_ms_p99"] and rows[0]["stages_ms_p50"]["infer"] > 0, str(rows))
        equal(selvedge("model", "test", package, status=3).returncode, 3, "nothing recorded yet")
        red, blue = picture(folder, "red.png", (255, 0, 0)), picture(folder, "blue.png", (0, 0, 255))
        equal(said("model", "test", package, red, blue, "--golden")["golden"], 2, "recorded")
        equal([r["passed"] for r in said("model", "test", package)], [True, True], "they come out")
        # Other labels: the same numbers mean something else.
        labels = folder / "labels.txt"
        labels.write_text("blue\ngreen\nred\n")
        other = folder / "other.model"
        selvedge("model", "import", package, "--labels", labels, "--output", other)
        equal([r["passed"] for r in said("model", "test", other, status=4)], [False, False], "and do not with a wrong model")


def test_a_model_is_made_small():
    with folder_for_now() as folder:
        package = colours(folder)
        if not package:
            return
        pictures = folder / "pictures"
        pictures.mkdir()
        for i in range(24):
            dark = [20 + 5 * i % 60] * 3
            bright = list(dark)
            dark[i % 3], bright[i % 3] = 130 - 3 * i, 250 - 3 * i
            striped(pictures, f"{i:02}.png", [bright, dark])
        small = folder / "small.model"
        made = said("model", "quantize", package, "--calibrate", pictures, "--output", small)
        check(made["good"] and made["report"]["layers"] >= 2, str(made)[:400])
        for name, colour in (("red", (200, 10, 20)), ("green", (15, 180, 10)), ("blue", (30, 20, 220))):
            answer = said("detect", picture(folder, f"{name}.png", colour), "--model", small)[0]
            equal(answer["classes"][0]["name"], name, "in 8 bits")
        refused = selvedge("model", "quantize", package, "--calibrate", pictures, "--output", folder / "none.model", "--most-time", "0.0001",
                           status=4)
        check("falls short" in refused.stderr and not (folder / "none.model").exists(), refused.stderr)
        selvedge("model", "quantize", package, "--calibrate", pictures, "--output", folder / "poor.model", "--most-time", "0.0001",
                 "--anyway", status=4)
        check((folder / "poor.model").exists(), "written all the same")
        check("--calibrate" in selvedge("model", "quantize", package, status=2).stderr, "says what is missing")


def test_a_public_detector_in_8_bits_keeps_what_it_finds():
    public = public_model()
    if not public:
        return
    with folder_for_now() as folder:
        package, small = folder / "finder.model", folder / "small.model"
        if not said("model", "import", public, "--name", "finder", "--output", package)["tried_with"]:
            print("    skipped: there is no model runtime (scripts/fetch runtime)")
            return
        # One view of each picture: this takes seconds.
        report = said("model", "quantize", package, "--calibrate", VISION / "images", "--range", "least-error", "--views", "1",
                      "--output", small)["report"]
        equal((report["accepted"], report["shortfalls"], report["layers"], report["channels_saturated"]), (True, [], 72, 0), "in 8 bits")
        strong = report["agreement"]["strong"]
        check(strong["reference"] > 0 and strong["matched"] / strong["reference"] >= 18 / 19, str(strong))
        check(report["agreement"]["score_difference"]["median"] <= 0.01, str(report["agreement"]["score_difference"]))
        check(report["agreement"]["overlap"]["median"] >= 0.9, str(report["agreement"]["overlap"]))
        check(report["packed_bytes"] <= 4_300_000, str(report["packed_bytes"]))


def reported(fleet, node):
    listed = fleet.cli("model", "list", "colours")
    return next((n for n in listed["nodes"] if n["node"] == node.name), None)


def push(fleet, package, *more, status=0):
    words = [fleet.program("selvedge"), "model", "push", package, "--keys", fleet.folder / "keys", "--cloud", fleet.url, "--identity", fleet.identity,
             "--output", fleet.folder / "pushed.manifest", "--json", *more]
    done = run(*words, status=status)
    return json.loads(done.stdout) if done.stdout.strip() else done.stderr


def look(node, colour):
    request = urllib.request.Request(f"{node.url}/api/v1/models/colours/detect", png(colour), method="POST")
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def test_a_model_goes_from_a_package_to_nodes_and_back():
    with fleet_of("", "") as fleet:
        package = colours(fleet.folder)
        if not package:
            return
        keys = signing_keys(fleet)
        one, two = fleet.nodes
        check("no node 'nobody'" in push(fleet, package, "--nodes", "node-1,nobody", status=3), "a node that is not there")
        check("--nodes" in push(fleet, package, "--wait", status=2), "wait for whom?")
        pushed = push(fleet, package, "--nodes", "node-*", "--wait")
        equal([(n["node"], n["state"]) for n in pushed["nodes"]], [("node-1", "applied"), ("node-2", "applied")], "both serve it")
        equal(pushed["version"], 1, "the first version")
        answer = look(one, (0, 250, 0))
        equal((answer["version"], answer["classes"][0]["name"]), (1, "green"), "asked")
        # The second version calls red blue; nobody notices before it serves.
        labels = fleet.folder / "labels.txt"
        labels.write_text("blue\ngreen\nred\n")
        wrong = fleet.folder / "wrong.model"
        selvedge("model", "import", package, "--labels", labels, "--output", wrong)
        equal(push(fleet, wrong, "--nodes", "node-1", "--wait")["version"], 2, "the next version")
        equal(look(one, (250, 0, 0))["classes"][0]["name"], "blue", "it is wrong")
        equal([(m["version"]) for m in fleet.cli("model", "list")["models"]], [2, 1], "the newest first")
        back = fleet.cli("model", "rollback", "colours", "--keys", str(keys), "--wait", "--nodes", "node-1")
        equal((back["version"], back["rolled_back_to"], back["nodes"][0]["state"]), (3, 1, "applied"), "what 1 was, as 3")
        equal(look(one, (250, 0, 0))["classes"][0]["name"], "red", "right again")
        equal((reported(fleet, one)["version"], reported(fleet, two)["version"]), (3, 1), "the other node is as it was")
        selvedge("model", "list", "--cloud", fleet.url, "--identity", fleet.identity)
        # A version that does not do what its own example says never serves.
        described = fleet.folder / "model.toml"
        described.write_text((EXAMPLES / "colours.toml").read_text() + '[[golden]]\nfile = "red.png"\n[[golden.expected]]\nlabel = "blue"\nscore = 0.9\n')
        picture(fleet.folder, "red.png", (255, 0, 0))
        liar = fleet.folder / "liar.model"
        selvedge("model", "import", EXAMPLES / "colours.onnx", "--description", described, "--output", liar)
        outcome = push(fleet, liar, "--nodes", "node-1", "--wait", status=4)["nodes"][0]
        check(outcome["state"] == "failed" and "expected blue" in outcome["reason"], str(outcome))
        equal(look(one, (250, 0, 0))["version"], 3, "what served serves on")


def test_a_sealed_model_is_read_by_its_node_only():
    with fleet_of("", "") as fleet:
        package = colours(fleet.folder)
        if not package:
            return
        keys = signing_keys(fleet)
        one, two = fleet.nodes
        key = selvedge("keys", "recipient", one.state / "trust" / "seal.key").stdout.strip()
        pushed = push(fleet, package, "--nodes", "node-1", "--seal-for", f"node-1={key}", "--sealed-output", fleet.folder / "sealed", "--wait")
        check(pushed["sealed"], str(pushed))
        equal(look(one, (0, 0, 250))["classes"][0]["name"], "blue", "it reads it")
        model = (EXAMPLES / "colours.onnx").read_bytes()
        held = [p for p in one.state.rglob("*") if p.is_file() and model[200:260] in p.read_bytes()]
        equal(held, [], "files of the node that hold the model in the clear")
        digest = {"version": 1, "digest": pushed["digest"]}
        fleet.cli("twin", "set", "node-2", "models/colours", json.dumps(digest))
        wait("the refusal", lambda: (reported(fleet, two) or {}).get("reason"))
        check("seal" in reported(fleet, two)["reason"], str(reported(fleet, two)))
        refused = run(program("selvedge"), "model", "rollback", "colours", "--to", 1, "--keys", keys, "--cloud", fleet.url, "--identity",
                      fleet.identity, status=2)
        check("sealed" in refused.stderr, refused.stderr)
