"""The servers that bench/ingest.py measures: a Selvedge node and mosquitto, fresh for every run."""
import pathlib
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts"))
from fleet import Failed, Fleet, free_port  # noqa: E402

# Everything else is the default: QoS 1 is acknowledged when the readings are on disk.
NODE_SETTINGS = """
[log]
level = "warn"
[devices]
anonymous-loopback = true
[uplink]
enabled = false
[store]
retention = "1m"
"""


class Selvedge:
    """A node with an identity of its own fleet; the cloud only gave it that and is not running."""
    name = "selvedge"

    def __init__(self, folder, build):
        self.fleet = Fleet(folder / "fleet", build)
        self.fleet.cloud.start()
        try:
            self.node = self.fleet.add_node("bench", NODE_SETTINGS)
            certificate = self.fleet.device_certificate("load")
        finally:
            self.fleet.cloud.stop()
        self.client_tls = certificate
        self.identity = self.node.state / "identity"

    def start(self):
        for path in self.node.state.iterdir():
            if path.name == "identity":
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        self.node.process.start()

    @property
    def pid(self):
        return self.node.process.pid

    def port(self, tls):
        return self.node.mqtts if tls else self.node.mqtt

    def taken(self):
        """Readings that the store has taken; repetitions it has recognised are readings too."""
        status = self.node.status()
        return status["readings"] + status["duplicates"]

    def stop(self):
        self.node.process.stop(60)

    def kill(self):
        self.fleet.kill_all()


class Mosquitto:
    """mosquitto with its defaults, except that a subscriber's queue is not cut at 1000 messages: it
    would lose what it has acknowledged, and the closed loop would wait for it."""

    def __init__(self, folder, identity, persistent=False):
        self.name = "mosquitto, persistence" if persistent else "mosquitto"
        self.folder = folder / self.name.replace(", ", "-")
        self.folder.mkdir()
        self.plain, self.tls = free_port(), free_port()
        self.child = None
        lines = [f"user {pathlib.Path.home().owner()}", "log_type error", "log_type warning",
                 "max_queued_messages 0", f"listener {self.plain} 127.0.0.1", "allow_anonymous true"]
        if persistent:
            lines += ["persistence true", f"persistence_location {self.folder}/"]
        if identity:
            # Identities are numbered; the last is the present one.
            authority, certificate, key = (max(identity.glob(pattern), key=lambda f: f.stat().st_mtime)
                                           for pattern in ("ca*.crt", "node*.crt", "node*.key"))
            lines += [f"listener {self.tls} 127.0.0.1", f"cafile {authority}", f"certfile {certificate}",
                      f"keyfile {key}", "require_certificate true", "allow_anonymous true"]
        self.config = self.folder / "mosquitto.conf"
        self.config.write_text("\n".join(lines) + "\n")

    def start(self):
        (self.folder / "mosquitto.db").unlink(missing_ok=True)
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        with open(self.folder / "log", "ab") as log:
            self.child = subprocess.Popen([program, "-c", str(self.config)], stdout=log, stderr=log)
        for _ in range(500):
            if self.child.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.plain), 1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.kill()
        raise Failed("mosquitto does not start:\n" + (self.folder / "log").read_text()[-2000:])

    @property
    def pid(self):
        return self.child.pid

    def port(self, tls):
        return self.tls if tls else self.plain

    def stop(self):
        self.child.terminate()
        try:
            self.child.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        if self.child and self.child.poll() is None:
            self.child.kill()
            self.child.wait()
