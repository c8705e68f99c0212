"""Certificates with the tools that others have: EST by curl and openssl, bad ones shown to every listener."""
import base64
import json
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from common import BUILD, Fleet, check, equal, fleet_of, program, run

TLS_NODE = "[devices]\ncertificates = \"required\"\n[store]\nblock-age = \"200ms\"\n[identity]\npoll = \"2s\"\n"


def openssl(*arguments, **options):
    return run("openssl", *arguments, **options)


def curl(fleet, *arguments, ca=None):
    """Returns the status and the body."""
    ca = ca or fleet.identity / "ca.crt"
    done = run("curl", "-sS", "--cacert", ca, "-w", "\n%{http_code}", *arguments)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


def make_request(folder, name, key="ec"):
    """A key and a request for it, by openssl; returns their paths and the body that EST wants."""
    key_file, csr = folder / f"{name}.key", folder / f"{name}.csr"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["-newkey", key]
    openssl("req", "-new", *kind, "-nodes", "-keyout", key_file, "-subj", f"/CN={name}", "-out", csr)
    der = folder / f"{name}.der"
    openssl("req", "-in", csr, "-outform", "DER", "-out", der)
    body = folder / f"{name}.p10"
    openssl("base64", "-in", der, "-out", body)
    return key_file, body


def read_answer(folder, body, out):
    """The first certificate of a certs-only answer, as PEM."""
    (folder / "answer.p7").write_bytes(base64.b64decode(body))
    openssl("pkcs7", "-inform", "DER", "-in", folder / "answer.p7", "-print_certs", "-out", out)
    check("BEGIN CERTIFICATE" in out.read_text(), "a certificate in the answer")
    return out


def test_a_device_enrols_by_est_with_curl_and_openssl():
    with fleet_of(TLS_NODE) as fleet:
        node, folder = fleet.nodes[0], fleet.folder
        est = f"{fleet.url}/.well-known/est"
        status, body = curl(fleet, f"{est}/cacerts")
        equal(status, 200, "cacerts")
        read_answer(folder, body, folder / "cacerts.pem")
        equal((folder / "cacerts.pem").read_text().count("BEGIN"), 1, "authorities")
        openssl("verify", "-CAfile", folder / "cacerts.pem", fleet.identity / "cloud.crt")
        status, body = curl(fleet, f"{est}/csrattrs")
        equal(status, 200, "csrattrs")
        (folder / "attributes").write_bytes(base64.b64decode(body))
        wanted = openssl("asn1parse", "-inform", "DER", "-in", folder / "attributes").stdout
        check("id-ecPublicKey" in wanted and "prime256v1" in wanted, wanted)

        key, request = make_request(folder, "boiler-7")
        post = ["-X", "POST", "--data-binary", f"@{request}", "-H", "Content-Type: application/pkcs10",
                "-H", "Content-Transfer-Encoding: base64"]
        status, body = curl(fleet, *post, f"{est}/simpleenroll")
        equal(status, 401, "without a token")
        token = fleet.cli("token", "create", "--device", "boiler-7")
        secret = f"{token['id']}:{token['secret']}"
        status, body = curl(fleet, *post, "-u", f"{token['id']}:wrong", f"{est}/simpleenroll")
        equal(status, 401, "a wrong secret")
        other = make_request(folder, "other")[1]
        status, body = curl(fleet, "--data-binary", f"@{other}", "-H", "Content-Type: application/pkcs10", "-u", secret,
                            f"{est}/simpleenroll")
        equal(status, 401, "another name than the token's")
        status, body = curl(fleet, *post, "-u", secret, "-D", folder / "head", f"{est}/simpleenroll")
        equal(status, 200, f"simpleenroll: {body}")
        check("application/pkcs7-mime" in (folder / "head").read_text(), "its content type")
        certificate = read_answer(folder, body, folder / "boiler-7.crt")
        openssl("verify", "-CAfile", folder / "cacerts.pem", certificate)
        names = openssl("x509", "-in", certificate, "-noout", "-ext", "subjectAltName").stdout
        check("urn:selvedge:device:boiler-7" in names, names)
        status, body = curl(fleet, *post, "-u", secret, f"{est}/simpleenroll")
        equal(status, 401, "a token is used once")

        publish = ["mosquitto_pub", "-h", "localhost", "-p", node.mqtts, "--cafile", folder / "cacerts.pem", "-t", "est/x",
                   "-m", "1", "-q", "1"]
        run(*publish, "--cert", certificate, "--key", key)

        token = fleet.cli("token", "create", "--device", "boiler-8")
        key8, request8 = make_request(folder, "boiler-8", "rsa:3072")
        status, body = curl(fleet, "--data-binary", f"@{request8}", "-H", "Content-Type: application/pkcs10", "-u",
                            f"{token['id']}:{token['secret']}", f"{est}/simpleenroll")
        equal(status, 200, f"an RSA key: {body}")
        held = read_answer(folder, body, folder / "boiler-8.crt")
        mine = ["--cert", held, "--key", key8]
        sub = folder / "again"
        sub.mkdir()
        new_key, again = make_request(sub, "boiler-8")
        foreign = make_request(sub, "boiler-9")[1]
        renew = ["-H", "Content-Type: application/pkcs10", *mine]
        status, body = curl(fleet, "--data-binary", f"@{foreign}", *renew, f"{est}/simplereenroll")
        equal(status, 400, "another subject")
        status, body = curl(fleet, "--data-binary", f"@{again}", *renew, f"{est}/simplereenroll")
        equal(status, 200, f"simplereenroll: {body}")
        renewed = read_answer(sub, body, sub / "boiler-8.crt")
        run(*publish, "--cert", renewed, "--key", new_key)
        run(*publish, "--cert", held, "--key", key8)
        check(run(*publish, "--cert", held, "--key", new_key, status=None).returncode != 0, "a key that does not fit")
        for body in (b"", b"nonsense", b"MIIB", os.urandom(200)):
            (folder / "bad").write_bytes(body)
            status, _ = curl(fleet, "--data-binary", f"@{folder / 'bad'}", "-H", "Content-Type: application/pkcs10", *mine,
                             f"{est}/simplereenroll")
            equal(status, 400, f"{body!r}")
        weak = make_request(folder, "weak", "rsa:1024")[1]
        token = fleet.cli("token", "create", "--device", "weak")
        status, body = curl(fleet, "--data-binary", f"@{weak}", "-H", "Content-Type: application/pkcs10", "-u",
                            f"{token['id']}:{token['secret']}", f"{est}/simpleenroll")
        check(status == 400 and "1024 bits" in body, f"a weak key: {status} {body}")

        # A node by the same way: its token says that it is one.
        token = fleet.cli("token", "create", "--name", "gate-9")
        gate = make_request(folder, "gate-9")[1]
        status, body = curl(fleet, "--data-binary", f"@{gate}", "-H", "Content-Type: application/pkcs10", "-u",
                            f"{token['id']}:{token['secret']}", f"{est}/simpleenroll")
        equal(status, 200, body)
        names = openssl("x509", "-in", read_answer(folder, body, folder / "gate-9.crt"), "-noout", "-ext",
                        "subjectAltName").stdout
        check("urn:selvedge:node:gate-9" in names, names)
        check("gate-9" in [n["name"] for n in fleet.cli("node", "list")], "the node is known")


class Forger:
    """Certificates as they must not be, by openssl, with the fleet's own authority or another."""

    def __init__(self, folder, identity):
        self.folder = folder / "forged"
        self.folder.mkdir()
        self.fleet = (identity / "ca-1.crt", identity / "ca-1.key")
        self.count = 0
        (self.folder / "ca.cnf").write_text(
            "[ca]\ndefault_ca = all\n[all]\ndatabase = index\nnew_certs_dir = .\nserial = serial\ndefault_md = sha256\n"
            "policy = any\nunique_subject = no\nx509_extensions = leaf\n[any]\ncommonName = supplied\n[leaf]\n"
            "basicConstraints = critical,CA:FALSE\nsubjectAltName = ${ENV::SAN}\n")

    def make(self, role, name, start="20200101000000Z", end="21000101000000Z", by=None, key="ec", san=None):
        self.count += 1
        at = self.folder / str(self.count)
        at.mkdir()
        key_file, _ = make_request(at, name, key)
        (self.folder / "index").write_text("")
        (self.folder / "serial").write_text(f"{0x7000 + self.count:04X}\n")
        ca, ca_key = by or self.fleet
        done = subprocess.run(
            ["openssl", "ca", "-batch", "-config", "ca.cnf", "-cert", str(ca), "-keyfile", str(ca_key), "-in",
             str(at / f"{name}.csr"), "-out", str(at / "crt"), "-startdate", start, "-enddate", end, "-notext"],
            cwd=self.folder, capture_output=True, text=True, env={**os.environ, "SAN": san or f"URI:urn:selvedge:{role}:{name}"})
        check(done.returncode == 0, done.stderr[-500:])
        return at / "crt", key_file

    def self_signed(self, role, name):
        self.count += 1
        at = self.folder / f"{self.count}"
        at.mkdir()
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at / "key", "-subj",
                f"/CN={name}", "-days", "30", "-addext", f"subjectAltName=URI:urn:selvedge:{role}:{name}", "-out", at / "crt")
        return at / "crt", at / "key"

    def authority(self, name):
        at = self.folder / name.replace(" ", "-")
        at.mkdir()
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", at / "key", "-subj",
                f"/CN={name}", "-days", "30", "-out", at / "crt")
        return at / "crt", at / "key"


def talk(port, ca, pair, data):
    """What is answered to `data` by a TLS listener that is shown the pair; nothing if it refuses."""
    context = ssl.create_default_context(cafile=str(ca))
    context.set_ciphers("DEFAULT@SECLEVEL=0")  # so that weak keys are shown, too
    context.load_cert_chain(*map(str, pair))
    try:
        with socket.create_connection(("localhost", port), timeout=5) as raw, \
                context.wrap_socket(raw, server_hostname="localhost") as s:
            s.sendall(data)
            return s.recv(4096)
    except OSError:
        return b""


def mqtt_passes(port, ca, pair, client_id):
    ident = client_id.encode()
    body = b"\x00\x04MQTT\x05\x02\x00\x3c\x00" + len(ident).to_bytes(2, "big") + ident
    answer = talk(port, ca, pair, b"\x10" + bytes([len(body)]) + body)
    return len(answer) > 3 and answer[0] == 0x20 and answer[3] == 0


def http_passes(port, ca, pair, method, path, body=""):
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return b" 200 " in talk(port, ca, pair, (head + body).encode()).partition(b"\r\n")[0]


def test_bad_certificates_are_refused_by_every_listener_and_the_log_says_why():
    with tempfile.TemporaryDirectory(prefix="selvedge-test-") as folder:
        fleet = Fleet(folder, BUILD)
        try:
            fleet.cloud.start()
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", 0))
                https = probe.getsockname()[1]
            node = fleet.add_node("node-1", TLS_NODE)
            config = pathlib.Path(node.process.command[node.process.command.index("--config") + 1])
            text = config.read_text()
            check("[http]\n" in text, "the node's config has an http section")
            config.write_text(text.replace("[http]\n", f"[http]\ntls-listen = [\"127.0.0.1:{https}\"]\n", 1))
            node.process.start()
            show_each(fleet, node, https)
        finally:
            fleet.kill_all()


def show_each(fleet, node, https):
    forger = Forger(fleet.folder, fleet.identity)
    ca = fleet.identity / "ca.crt"
    wanted = {"cloud mqtt": ("node", "gate"), "cloud https": ("operator", "alice"), "node mqtt": ("device", "pump"),
              "node https": ("device", "pump")}

    def passes(where, pair):
        if where == "cloud mqtt":
            return mqtt_passes(fleet.mqtt, ca, pair, "gate")
        if where == "node mqtt":
            return mqtt_passes(node.mqtts, ca, pair, "pump")
        if where == "cloud https":
            return http_passes(fleet.https, ca, pair, "GET", "/api/v1/nodes")
        return http_passes(https, ca, pair, "POST", "/api/v1/readings", '[{"name":"a","value":1}]')

    stranger, namesake = forger.authority("Other fleet"), forger.authority("Selvedge fleet")
    swapped = {"node": "device", "device": "node", "operator": "device"}
    # What is shown, for a role and a name; and a word of the log for each listener.
    bad = {
        "expired": (lambda r, n: forger.make(r, n, end="20210101000000Z"), "expired"),
        "not yet valid": (lambda r, n: forger.make(r, n, start="20990101000000Z"), "not yet valid"),
        "of a foreign authority": (lambda r, n: forger.make(r, n, by=stranger), "issuer"),
        "of an authority of the same name": (lambda r, n: forger.make(r, n, by=namesake), "issuer"),
        "signed by itself": (forger.self_signed, "self"),
        "of another role": (lambda r, n: forger.make(swapped[r], n), ""),
        "with a weak key": (lambda r, n: forger.make(r, n, key="rsa:1024"), "key too"),
        "with a NUL in its role": (
            lambda r, n: forger.make(r, n, san="DER:" + nul_name(f"urn:selvedge:{r}:{n}\0x")), ""),
    }
    for where, (role, name) in wanted.items():
        check(passes(where, forger.make(role, name)), f"a good certificate at {where}")
    for what, (make, word) in bad.items():
        for where, (role, name) in wanted.items():
            log = pathlib.Path((fleet.cloud if where.startswith("cloud") else node.process).log_path)
            before = log.stat().st_size
            check(not passes(where, make(role, name)), f"a certificate {what} passes at {where}")
            if not word:
                continue
            end = time.monotonic() + 5
            while word not in log.read_text(errors="replace")[before:] and time.monotonic() < end:
                time.sleep(0.05)
            said = log.read_text(errors="replace")[before:]
            check(word in said, f"{what} at {where}: the log says {said!r}")
        time.sleep(1)  # refusals are logged at a bounded rate


def nul_name(uri):
    """DER of alternative names with one URI, in hex."""
    body = uri.encode()
    inner = bytes([0x86, len(body)]) + body
    return ":".join(f"{b:02x}" for b in bytes([0x30, len(inner)]) + inner)


def test_two_clouds_that_start_at_once_agree_on_the_authority():
    for _ in range(3):
        with tempfile.TemporaryDirectory(prefix="selvedge-test-") as folder:
            folder = pathlib.Path(folder)
            clouds = []
            for i in range(2):
                config = folder / f"{i}.toml"
                config.write_text(f'state = "{folder}/cloud"\nhosts = ["localhost"]\n[mqtt]\nlisten = "127.0.0.1:0"\n'
                                  '[http]\nlisten = "127.0.0.1:0"\n[metrics]\nlisten = ""\n')
                clouds.append(subprocess.Popen([program("selvedge-cloud"), "--config", config], stderr=subprocess.PIPE, text=True))
            ready, refused = [], []
            for cloud in clouds:
                for line in cloud.stderr:
                    if " ready " in line:
                        ready.append((cloud, int(line.split("https=")[1].split()[0])))
                        break
                    if " is in use" in line:
                        refused.append(cloud)
                        break
            try:
                equal((len(ready), len(refused)), (1, 1), "one is ready, the other told that the directory is taken")
                check(refused[0].wait(10) != 0, "it ended")
                first, port = ready[0]
                authority = run("curl", "-sk", f"https://localhost:{port}/api/v1/authority").stdout
                equal(authority, (folder / "cloud/identity/ca-1.crt").read_text(), "the authority is the one on disk")
                openssl("verify", "-CAfile", folder / "cloud/identity/ca.crt", folder / "cloud/identity/operator.crt")
                equal((folder / "cloud/identity/ca-1.key").stat().st_mode & 0o777, 0o600, "the key's permissions")
                first.kill()
                first.wait()
                clouds.append(subprocess.Popen(refused[0].args, stderr=subprocess.PIPE, text=True))
                port = next(int(line.split("https=")[1].split()[0]) for line in clouds[-1].stderr if " ready " in line)
                equal(run("curl", "-sk", f"https://localhost:{port}/api/v1/authority").stdout, authority, "and stays")
            finally:
                for cloud in clouds:
                    cloud.kill()
                    cloud.wait()
                    cloud.stderr.close()


def connects(node):
    line = [line for line in node.metrics().splitlines() if line.startswith("selvedge_uplink_connects_total ")][0]
    return float(line.split()[1])


def test_an_authority_rotates_and_a_revocation_bites_without_touching_others():
    with fleet_of(TLS_NODE) as fleet:
        node, folder = fleet.nodes[0], fleet.folder
        for name in ("stays", "goes"):
            fleet.cli("certificate", "create", name, "--out", folder / "devices")

        def subscriber(name):
            at = folder / "devices"
            return subprocess.Popen(
                ["stdbuf", "-oL", "mosquitto_sub", "-h", "localhost", "-p", str(node.mqtts), "--cafile", str(at / "ca.crt"), "--cert",
                 str(at / f"{name}.crt"), "--key", str(at / f"{name}.key"), "-t", f"to/{name}", "-i", name, "-d"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

        listening = {name: subscriber(name) for name in ("stays", "goes")}
        said = {name: [] for name in listening}
        for name, process in listening.items():
            threading.Thread(target=lambda p=process, s=said[name]: s.extend(iter(p.stdout.readline, "")), daemon=True).start()

        def count(name, word):
            return sum(word in line for line in said[name])

        def wait(condition, what, patience=20):
            end = time.monotonic() + patience
            while not condition():
                check(time.monotonic() < end, what)
                time.sleep(0.1)

        try:
            wait(lambda: all(count(name, "SUBACK") for name in said), "both listen")
            fleet.cli("authority", "rotate")
            wait(lambda: fleet.cli("authority", "show")["authorities"][-1]["phase"] == "active", "the new authority signs", 40)
            show = fleet.cli("authority", "show")
            equal(sorted(h["name"] for h in show["holders"] if h["role"] == "device"), ["goes", "stays"], "not moved")
            serial = next(c["serial"] for c in fleet.cli("certificate", "list") if c["name"] == "goes")
            began = time.monotonic()
            fleet.cli("certificate", "revoke", serial)
            wait(lambda: count("goes", "CONNECT") > 1 or listening["goes"].poll() is not None or count("goes", "DISCONNECT"),
                 "a revoked device's connection ends", 10)
            print(f"    a revoked device was gone after {time.monotonic() - began:.1f} s", flush=True)
            fleet.cli("certificate", "create", "sender", "--out", folder / "devices")
            at = folder / "devices"
            run("mosquitto_pub", "-h", "localhost", "-p", node.mqtts, "--cafile", at / "ca.crt", "--cert", at / "sender.crt", "--key",
                at / "sender.key", "-t", "to/stays", "-m", "still-here", "-q", "1")
            wait(lambda: count("stays", "still-here"), "a message on the old connection")
            equal(count("stays", "sending CONNECT"), 1, "connections of the one that stays")
            equal(connects(node), 1, "connections of the uplink")
            # The operator's certificate is of the new authority already: the cloud renews its own.
            check(fleet.cli("certificate", "renew")["serial"], "an operator renews")
        finally:
            for process in listening.values():
                process.kill()
                process.wait()


def test_short_certificates_are_renewed_without_a_drop():
    with tempfile.TemporaryDirectory(prefix="selvedge-test-") as folder:
        fleet = Fleet(folder, BUILD, '[identity]\nnode-certificate = "1m"\ncloud-certificate = "1m"\n')
        try:
            fleet.cloud.start()
            node = fleet.add_node("node-1", TLS_NODE)
            node.process.start()
            end = time.monotonic() + 120
            renewed = 'selvedge_certificate_renewals_total{outcome="renewed"} '
            while time.monotonic() < end and f"{renewed}2" not in node.metrics():
                time.sleep(0.5)
            check(f"{renewed}2" in node.metrics(), "renewed twice")
            equal(connects(node), 1, "connections of the uplink")
            check("certificate" in json.dumps(node.status()), "the status shows it")
            node.process.kill()
            node.process.start()
            while time.monotonic() < end and not node.status()["uplink_connected"]:
                time.sleep(0.1)
            check(node.status()["uplink_connected"], "connected with what was written down")
            fleet.stop()
        finally:
            fleet.kill_all()
