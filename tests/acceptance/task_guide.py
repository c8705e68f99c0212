"""docs/guide/tasks.md, run as it stands: every command of its sh blocks, in order, in one folder."""
import os
import re
import subprocess

from common import BUILD, OPEN, ROOT, check, fleet_of
from tasks import nodes_ready


def test_the_guide_to_tasks_works_as_it_stands():
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / "guide" / "tasks.md").read_text(), re.M | re.S)
    check(len(blocks) > 8, "the guide has commands")
    with fleet_of(OPEN) as fleet:
        lost = fleet.add_node("lost", OPEN)
        lost.process.start()
        nodes_ready(fleet)
        fleet.cli("node", "cordon", "lost")
        lost.process.kill()
        folder = fleet.folder / "guide"
        folder.mkdir()
        (folder / "docs").symlink_to(ROOT / "docs")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SELVEDGE_")}
        environment.update(PATH=f"{BUILD / 'bin'}:{os.environ['PATH']}", SELVEDGE_CLOUD=fleet.url, SELVEDGE_IDENTITY=str(fleet.identity),
                           NAME="node-1", LOST=lost.name)
        done = subprocess.run(["bash", "-exuo", "pipefail", "-c", "\n".join(blocks)], cwd=folder, capture_output=True, text=True,
                              timeout=300, env=environment)
        check(done.returncode == 0, f"ended with {done.returncode}: {done.stdout[-1500:]} {done.stderr[-1500:]}")
        for said in ("good morning", "cpu", "rolled back", "is being emptied"):
            check(said in done.stdout, f"'{said}' is said: {done.stdout}")
