"""docs/guide/inference.md, run as it stands: every command of its sh blocks, in order, in one folder; its toml block is the node's config."""
import os
import re
import shutil
import subprocess

from common import BUILD, ROOT, check, fleet_of
from fleet import metric
from model_cli import VISION, public_model

WATCHED = "/var/lib/cameras/gate"


def test_the_guide_to_inference_works_as_it_stands():
    if not public_model():
        return
    text = (ROOT / "docs" / "guide" / "inference.md").read_text()
    with fleet_of() as fleet:
        folder = fleet.folder / "guide"
        text = text.replace(WATCHED, str(folder / "gate"))
        blocks = re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)
        cameras, = re.findall(r"^```toml\n(.*?)^```", text, re.M | re.S)
        (folder / "gate").mkdir(parents=True)
        node = fleet.add_node("gateway-7", cameras)
        node.process.start()
        check(len(blocks) > 10, "the guide has commands")
        (folder / "pictures").mkdir()
        for picture in (VISION / "images").iterdir():
            shutil.copy(picture, folder / "pictures")
        shutil.copy(VISION / "images" / "pets.jpg", folder / "photo.jpg")
        for name in ("scripts", "docs"):
            (folder / name).symlink_to(ROOT / name)
        script = "\n".join(blocks).replace("127.0.0.1:8080", f"127.0.0.1:{node.http}")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SELVEDGE_")}
        environment.update(PATH=f"{BUILD / 'bin'}:{os.environ['PATH']}", SELVEDGE_CLOUD=fleet.url, SELVEDGE_IDENTITY=str(fleet.identity))
        done = subprocess.run(["bash", "-exuo", "pipefail", "-c", script], cwd=folder, capture_output=True, text=True, timeout=900,
                              env=environment)
        check(done.returncode == 0, f"ended with {done.returncode}: {done.stdout[-1500:]} {done.stderr[-1500:]}")
        for picture in ("out.png", "all.png", "seen.png", "drawn/pets.png"):
            check((folder / picture).read_bytes().startswith(b"\x89PNG"), picture)
        check((folder / "gate.jpg").read_bytes().startswith(b"\xff\xd8"), "the camera's picture")
        check('"name":"Dog"' in done.stdout, done.stdout[-1500:])
        check(metric(node.metrics(), "selvedge_inference_requests_total") >= 2, "the node was asked")
