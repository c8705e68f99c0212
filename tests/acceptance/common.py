"""What the stories share: real programs on loopback, and how to ask them."""
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from fleet import Failed, Fleet, Process, fetch, free_port  # noqa: E402

BUILD = pathlib.Path(os.environ["SELVEDGE_BUILD"])
OPEN = "[devices]\nanonymous-loopback = true\n[store]\nblock-age = \"200ms\"\n"


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def equal(found, wanted, what):
    if found != wanted:
        raise AssertionError(f"{what}: found {found!r}, wanted {wanted!r}")


def run(*command, status=0, text_in=None):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, input=text_in, timeout=120)
    if status is not None and done.returncode != status:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}, wanted {status}: "
                             f"{done.stdout[-500:]}{done.stderr[-1500:]}")
    return done


@contextlib.contextmanager
def fleet_of(*settings):
    """A cloud and a node for each settings text, started."""
    with tempfile.TemporaryDirectory(prefix="selvedge-test-") as folder:
        fleet = Fleet(folder, BUILD)
        try:
            fleet.cloud.start()
            for i, text in enumerate(settings):
                fleet.add_node(f"node-{i + 1}", text).process.start()
            yield fleet
            fleet.stop()
        finally:
            fleet.kill_all()


def post(url, body, content_type, headers=None):
    request = urllib.request.Request(url, body if isinstance(body, bytes) else body.encode(),
                                     {"Content-Type": content_type, **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def readings(node, series):
    answer = json.loads(fetch(f"{node.url}/api/v1/query?series={series}"))
    return [row[1] for row in answer["rows"]]


def program(name):
    return BUILD / "bin" / name
