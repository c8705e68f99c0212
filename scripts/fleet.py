"""A fleet of real processes on loopback, for the demo, the chaos test and the acceptance tests.

One cloud and any number of nodes, each with its own state directory and free ports. Processes are
started, killed and stopped by pid; nothing listens beyond loopback.
"""
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def pss_bytes(pid):
    """Proportional set size, or 0 if the process is gone."""
    try:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0
    match = re.search(r"^Pss:\s+(\d+) kB", text, re.M)
    return int(match.group(1)) * 1024 if match else 0


def fetch(url, timeout=5):
    with urllib.request.urlopen(url, timeout=timeout) as answer:
        return answer.read().decode()


def metric(text, name):
    """Sum of all samples of a metric on a Prometheus page."""
    total = 0.0
    for line in text.splitlines():
        if re.match(rf"{re.escape(name)}(\{{.*\}})? ", line):
            total += float(line.rsplit(" ", 1)[1])
    return total


def end_tasks(folder):
    """Kills what nodes with state below a folder have started: tasks go on without their node, but not without its machine."""
    folder = str(folder)
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            bubble = words[0] == b"bwrap" and any(word.startswith(folder.encode() + b"/") for word in words)
            if bubble or os.readlink(process / "cwd").startswith(folder + "/"):
                os.kill(int(process.name), signal.SIGKILL)
        except (OSError, ValueError):
            continue


def flip(path, at):
    """Changes one bit of a file."""
    with open(path, "r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))


class Failed(Exception):
    pass


class Process:
    """One daemon: start, kill -9, stop in order, and its log."""

    def __init__(self, command, log, ready_url):
        self.command, self.log_path, self.ready_url = command, log, ready_url
        self.child = None

    def start(self, wait=20):
        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(self.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        began = time.monotonic()
        while time.monotonic() - began < wait:
            if self.child.poll() is not None:
                raise Failed(f"{self.command[0]} ended with {self.child.returncode}:\n{self.log_tail()}")
            try:
                fetch(self.ready_url, 1)
                return time.monotonic() - began
            except OSError:
                time.sleep(0.02)
        raise Failed(f"{self.command[0]} is not ready after {wait} s:\n{self.log_tail()}")

    @property
    def pid(self):
        return self.child.pid if self.child else 0

    def alive(self):
        return self.child is not None and self.child.poll() is None

    def kill(self):
        if self.alive():
            self.child.send_signal(signal.SIGKILL)
            self.child.wait()

    def stop(self, patience=15):
        if not self.alive():
            return
        self.child.send_signal(signal.SIGCONT)
        self.child.send_signal(signal.SIGTERM)
        try:
            self.child.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failed(f"{self.command[0]} did not stop within {patience} s:\n{self.log_tail()}")

    def log_tail(self, lines=15):
        try:
            return "\n".join(pathlib.Path(self.log_path).read_text(errors="replace").splitlines()[-lines:])
        except OSError:
            return ""


class Node:
    def __init__(self, fleet, name, settings):
        self.name, self.fleet = name, fleet
        self.state = fleet.folder / name
        self.mqtt, self.mqtts, self.http = free_port(), free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http}"
        config = fleet.folder / f"{name}.toml"
        config.write_text(
            f'state = "{self.state}"\n[mqtt]\nlisten = ["127.0.0.1:{self.mqtt}"]\n'
            f'tls-listen = ["127.0.0.1:{self.mqtts}"]\n[http]\nlisten = ["127.0.0.1:{self.http}"]\n' + settings)
        self.process = Process([fleet.program("selvedge-node"), "--config", str(config)],
                               fleet.folder / f"{name}.log", f"{self.url}/healthz")

    def status(self):
        return json.loads(fetch(f"{self.url}/api/v1/status"))

    def metrics(self):
        return fetch(f"{self.url}/metrics")


class Fleet:
    def __init__(self, folder, build, cloud_settings=""):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.build = pathlib.Path(build)
        self.nodes = []
        self.mqtt, self.https, self.metrics_port = free_port(), free_port(), free_port()
        self.url = f"https://localhost:{self.https}"
        self.identity = self.folder / "cloud" / "identity"
        config = self.folder / "cloud.toml"
        config.write_text(
            f'state = "{self.folder}/cloud"\nhosts = ["localhost", "127.0.0.1"]\n'
            f'[mqtt]\nlisten = "127.0.0.1:{self.mqtt}"\n[http]\nlisten = "127.0.0.1:{self.https}"\n'
            f'[metrics]\nlisten = "127.0.0.1:{self.metrics_port}"\n' + cloud_settings)
        self.cloud = Process([self.program("selvedge-cloud"), "--config", str(config)],
                             self.folder / "cloud.log", f"http://127.0.0.1:{self.metrics_port}/healthz")

    def program(self, name):
        return str(self.build / "bin" / name)

    def cli(self, *arguments, node=None, check=True):
        """Runs a command with --json against the cloud, or against a node; returns what it printed."""
        where = ["--node", node.url] if node else ["--cloud", self.url, "--identity", str(self.identity)]
        options = arguments.index("--") if "--" in arguments else len(arguments)    # what follows is another program's
        command = [self.program("selvedge"), *arguments[:options], *where, "--json", *arguments[options:]]
        done = subprocess.run(command, capture_output=True, text=True)
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(command)} ended with {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def add_node(self, name, settings=""):
        """A node that has joined the fleet with a one-time token; not started."""
        node = Node(self, name, settings)
        token = self.cli("token", "create", "--name", name)["token"]
        joined = subprocess.run(
            [self.program("selvedge"), "node", "join", "--cloud", self.url, "--token", token, "--name", name,
             "--state", str(node.state)], capture_output=True, text=True)
        if joined.returncode != 0:
            raise Failed(f"{name} cannot join: {joined.stderr.strip()}")
        self.nodes.append(node)
        return node

    def device_certificate(self, name):
        """Files of a device's certificate: the options that a replay needs to show it."""
        out = self.folder / "devices"
        self.cli("certificate", "create", name, "--out", str(out))
        return ["--ca", str(out / "ca.crt"), "--cert", str(out / f"{name}.crt"), "--key", str(out / f"{name}.key")]

    def drained(self, node):
        status = node.status()
        return status["readings_open"] == 0 and status["blocks_undelivered"] == 0

    def wait_drained(self, patience=120):
        end = time.monotonic() + patience
        while not all(self.drained(node) for node in self.nodes):
            if time.monotonic() > end:
                raise Failed("the backlog did not drain: " +
                             json.dumps([node.status() for node in self.nodes]))
            time.sleep(0.1)

    def stop(self):
        problems = []
        for process in [node.process for node in self.nodes] + [self.cloud]:
            try:
                process.stop()
            except Failed as problem:
                problems.append(str(problem))
        if problems:
            raise Failed("\n".join(problems))

    def kill_all(self):
        for process in [node.process for node in self.nodes] + [self.cloud]:
            if process.child:
                try:
                    os.kill(process.pid, signal.SIGCONT)
                except OSError:
                    pass
            process.kill()
        end_tasks(self.folder)
