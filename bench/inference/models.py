"""What is measured with: the public SSD as packages.

The float package is imported from the .tflite file; the int8 one is made of it by our quantiser, calibrated on half of the pictures
(every second one) and judged on the others, which it has not seen. What falls short of the quantiser's limits is measured all the same.
"""
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
import demo_pictures  # noqa: E402

TFLITE, LABELS = "ssd_mobilenetv2_oidv4_fp16.tflite", "oidv4_labels.txt"
SHARED = ROOT.parent / "shared" / "data" / "vision" / "images"


def run(command, what):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"inference: {what}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def pictures():
    """Photographs to calibrate and judge with, and those whose frames are timed."""
    if SHARED.is_dir():
        photographs = sorted(p for p in SHARED.iterdir() if p.suffix in (".jpg", ".bmp", ".png"))
        timed = [SHARED / name for name in ("cat_720p.jpg", "cat_1080p.jpg")]
        if all(p.exists() for p in timed):
            return photographs, timed, "photographs of ../shared/data/vision"
    return (demo_pictures.prepare(ROOT / "build" / "demo-data"), [],
            "frames made up and encoded by ourselves; calibrated on the demo's 24 photographs")


class Models:
    def __init__(self, build, folder):
        run([ROOT / "scripts" / "fetch", "runtime", "--quiet"], "fetch the model runtime")
        self.tflite, labels = run([ROOT / "scripts" / "fetch", "models", TFLITE, LABELS], "fetch the model").splitlines()
        self.tflite = pathlib.Path(self.tflite)
        photographs, self.timed, self.source = pictures()
        self.float, self.int8 = folder / "ssd-fp32.model", folder / "ssd-int8.model"
        self.report = json.loads(run([pathlib.Path(build) / "bin" / "inference_bench", "make", self.tflite, labels,
                                      *demo_pictures.halves(photographs, folder), folder], "make the models"))

    def sizes(self, onnx):
        """`onnx`: bytes of each model as ONNX, by name."""
        packed = {"fp32": self.float.stat().st_size, "int8": self.int8.stat().st_size}
        return {"tflite": self.tflite.stat().st_size, "fp32_onnx": onnx["fp32"], "int8_onnx": onnx["int8"],
                "fp32_package": packed["fp32"], "int8_package": packed["int8"], "ratio": onnx["fp32"] / packed["int8"]}
