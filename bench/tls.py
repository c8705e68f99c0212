"""TLS: what handshakes and records cost, and a fleet that comes back at once.

    bench/tls.py --build build/release [--rounds 3] [--quick] [--json]

The servers are processes whose CPU time is read from /proc; the client is the same for all of them.
OpenSSL's own programs (s_server, speed) run in the same round. All is mutual TLS 1.3 with P-256
certificates and X25519.

- handshakes: CPU a full and a resumed handshake, ours against `openssl s_server`.
- bulk: one connection over loopback. User CPU a byte of the sending process, as MB/s, is what the record
  layer does (with our stream's own copying); `openssl speed -bytes 16384` is the cipher alone. What the
  kernel's TCP costs on top is in "through_mb_s".
- storm: real connections, all begun at once, each a full handshake, while one that is connected asks every
  10 ms; the floor is nodes x the CPU of a full handshake measured before. Then the model of
  engine/admission for 10,000 nodes at the measured prices.
"""
import argparse
import json
import os
import pathlib
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import machine  # noqa: E402

TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """User and system seconds of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) / TICK, int(fields[12]) / TICK


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A process with a port, ended with its standard input."""

    def __init__(self, command, port=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL if port else subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        self.port = port or int(self.process.stdout.readline())
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.terminate()
        self.process.wait()

    def cpu(self):
        return cpu(self.process.pid)


class Bench:
    def __init__(self, options, folder):
        self.program = str(pathlib.Path(options.build) / "bin" / "tls_bench")
        self.folder, self.options = folder, options
        self.run("keys", folder)

    def run(self, *words):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"tls_bench {' '.join(map(str, words))}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def ours(self, what, *more):
        return Server([self.program, "serve", self.folder, what, *more])

    def theirs(self):
        port, at = free_port(), self.folder
        return Server(["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert", f"{at}/server.crt",
                       "-key", f"{at}/server.key", "-CAfile", f"{at}/ca.crt", "-Verify", "1", "-tls1_3",
                       "-num_tickets", "1", "-quiet"], port)

    def handshakes(self, make_server):
        count = 200 if self.options.quick else 2000
        found = {}
        with make_server() as server:
            self.run("hands", self.folder, server.port, "full", 20)
            for kind in ("full", "resumed"):
                before = sum(server.cpu())
                client = self.run("hands", self.folder, server.port, kind, count)
                spent = sum(server.cpu()) - before
                found[kind] = {"cpu_us": 1e6 * spent / count, "per_cpu_second": count / spent if spent else None,
                               "client_per_second": count / client["seconds"], "resumed": client["resumed"]}
        return found

    def bulk(self, cipher):
        mebibytes = 256 if self.options.quick else 4096
        with self.ours("bulk", *(["chacha"] if cipher == "chacha" else [])) as server:
            before = server.cpu()
            client = self.run("receive", self.folder, server.port, cipher, mebibytes)
            after = server.cpu()
        size = client["bytes"] / 1e6
        user, system = after[0] - before[0], after[1] - before[1]
        name = "chacha20-poly1305" if cipher == "chacha" else "aes-128-gcm"
        said = subprocess.run(["openssl", "speed", "-mr", "-seconds",
                               "1" if self.options.quick else "3", "-bytes", "16384", "-evp", name],
                              capture_output=True, text=True).stdout
        speed = float(re.search(r"\+F:\d+:[^:]+:([\d.]+)", said).group(1)) / 1e6
        return {"cipher": client["cipher"], "record_mb_s": size / user, "system_share": system / (user + system),
                "through_mb_s": size / client["seconds"], "openssl_speed_mb_s": speed,
                "of_openssl_speed": size / user / speed}

    def storm(self, full_us):
        count = 200 if self.options.quick else 1000
        with self.ours("echo") as server:
            before = sum(server.cpu())
            found = self.run("storm", self.folder, server.port, count)
            found["server_cpu_seconds"] = sum(server.cpu()) - before
        found["floor_seconds"] = count * full_us / 1e6
        found["times_floor"] = found["seconds"] / found["floor_seconds"]
        return found


def median(rounds):
    """Of equal structures, number by number."""
    first = rounds[0]
    if isinstance(first, dict):
        return {key: median([each[key] for each in rounds]) for key in first}
    if isinstance(first, (int, float)) and not isinstance(first, bool):
        return statistics.median(rounds)
    return first


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default="build/release")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(options, folder)
        rounds = []
        for _ in range(options.rounds):
            found = {"handshakes": {"selvedge": bench.handshakes(lambda: bench.ours("handshakes")),
                                    "openssl s_server": bench.handshakes(bench.theirs)},
                     "bulk": {cipher: bench.bulk(cipher) for cipher in ("aes", "chacha")}}
            found["storm"] = bench.storm(found["handshakes"]["selvedge"]["full"]["cpu_us"])
            rounds.append(found)
        result = median(rounds)
        ours = result["handshakes"]["selvedge"]
        result["model"] = {kind: bench.run("model", ours[kind]["cpu_us"], 10_000) for kind in ("full", "resumed")}
    if options.json:
        result["machine"] = machine.describe()
        print(json.dumps(result))
        return
    print("handshake, mutual TLS 1.3, P-256          CPU us   per CPU second")
    for who, kinds in result["handshakes"].items():
        for kind, row in kinds.items():
            print(f"  {who + ', ' + kind:38}  {row['cpu_us']:6.0f}   {row['per_cpu_second']:8.0f}")
    print("\nbulk, 16 KiB records            record MB/s   openssl speed   share   through loopback")
    for row in result["bulk"].values():
        print(f"  {row['cipher']:28}  {row['record_mb_s']:10.0f}   {row['openssl_speed_mb_s']:13.0f}   "
              f"{row['of_openssl_speed']:5.2f}   {row['through_mb_s']:10.0f}")
    row = result["storm"]
    print(f"\n{row['nodes']:.0f} nodes at once, real: all in after {row['seconds']:.2f} s, "
          f"{row['times_floor']:.2f} x the CPU floor; longest request of a connected one "
          f"{row['longest_request_seconds'] * 1000:.0f} ms; {row['attempts']:.0f} attempts")
    for kind, row in result["model"].items():
        print(f"{row['nodes']} nodes at once, modelled, {kind} at {row['handshake_us']:.0f} us: all in after "
              f"{row['all_in_seconds']:.1f} s, {row['times_floor']:.2f} x the floor; longest request "
              f"{row['longest_request_seconds'] * 1000:.0f} ms")


if __name__ == "__main__":
    main()
