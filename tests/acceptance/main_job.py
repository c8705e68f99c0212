"""Readings flow from devices through a node to the cloud, and none is lost."""
import json
import pathlib
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.request

from common import (BUILD, OPEN, ROOT, Failed, Fleet, Process, check, equal, fetch, fleet_of, free_port, post, program,
                    readings, run)


# ---- stories ----

def test_readings_of_every_format_are_stored_and_answered():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        url = f"{node.url}/api/v1/readings"
        bodies = [
            ("application/json", '[{"name":"a","ts":1700000000000,"value":1.5},{"name":"a","ts":1700000001000,"value":2}]'),
            ("application/x-ndjson", '{"name":"b","ts":1700000000,"value":3}\n{"name":"b","ts":1700000001,"value":4}\n'),
            ("application/senml+json", '[{"bn":"c","bt":1700000000,"v":5},{"t":1,"v":6}]'),
            ("text/plain", "d,site=x temp=7,wet=t 1700000000000000000\nd,site=x temp=8,wet=f 1700000001000000000\n"),
            ("application/senml+cbor", bytes.fromhex("81a3006165221a6553f10002f94880")),
        ]
        for kind, body in bodies:
            target = url if kind != "text/plain" else url + "?format=line-protocol"
            status, answer = post(target, body, kind)
            equal(status, 200, f"POST {kind}: {answer}")
        equal(readings(node, "a"), [1.5, 2], "a")
        equal(readings(node, "b"), [3, 4], "b")
        equal(readings(node, "c"), [5, 6], "c")
        equal(readings(node, "e"), [9], "e")
        names = {s["name"]: s for s in json.loads(fetch(f"{node.url}/api/v1/series"))}
        temp = next(n for n in names if n.startswith("d") and "temp" in n)
        equal(readings(node, urllib.request.quote(temp)), [7, 8], temp)
        wet = next(n for n in names if n.startswith("d") and "wet" in n)
        equal(names[wet]["kind"], "boolean", wet)
        fleet.wait_drained()
        rows = fleet.cli("series", "query", "a", "--of", node.name)["rows"]
        equal([r[1] for r in rows], [1.5, 2], "a in the cloud")
        windows = fleet.cli("series", "query", "a", "--of", node.name, "--step", "1h", "--agg", "count,max")["rows"]
        equal([w[1:] for w in windows], [[2, 2]], "windows of a in the cloud")


def test_bad_payloads_go_to_the_dead_letters():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        status, answer = post(f"{node.url}/api/v1/readings", '{"name":"a","value":', "application/json")
        equal(status, 400, answer)
        run("mosquitto_pub", "-p", node.mqtt, "-t", "plant/x", "-m", "{not json", "-q", "1")
        # Dead letters are written beside the readings, and nothing waits for them.
        end = time.monotonic() + 10
        while len(letters := fleet.cli("node", "deadletters", node=node)) < 2 and time.monotonic() < end:
            time.sleep(0.1)
        equal(len(letters), 2, "dead letters")
        equal(letters[0]["source"], "plant/x", "the newest first")
        check("selvedge_dead_letters_total 2" in node.metrics(), "counted")


def test_other_mqtt_clients_get_what_they_expect():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        where = ["-p", str(node.mqtt)]
        for version in ("mqttv311", "mqttv5"):
            for qos in "012":
                subscriber = subprocess.Popen(
                    ["mosquitto_sub", *where, "-V", version, "-t", f"a/+/{version}", "-q", qos, "-C", "1", "-W", "10",
                     "-F", "%t %q %p"], stdout=subprocess.PIPE, text=True)
                time.sleep(1)
                run("mosquitto_pub", *where, "-V", version, "-t", f"a/b/{version}", "-q", qos, "-m", f"21.{qos}")
                equal(subscriber.communicate(timeout=15)[0].strip(), f"a/b/{version} {qos} 21.{qos}", f"{version} QoS {qos}")
        run("mosquitto_pub", *where, "-t", "kept", "-r", "-q", "1", "-m", "7")
        node.process.kill()
        node.process.start()
        kept = run("mosquitto_sub", *where, "-t", "kept", "-C", "1", "-W", "5", "-F", "%r %p").stdout.strip()
        equal(kept, "1 7", "a retained message survives kill -9")
        durable = ["-i", "durable", "-c", "-q", "1", "-t", "work/#"]
        run("mosquitto_sub", *where, *durable, "-E")
        for i in range(50):
            run("mosquitto_pub", *where, "-t", "work/x", "-q", "1", "-m", str(i))
        node.process.kill()
        node.process.start()
        got = run("mosquitto_sub", *where, *durable, "-C", "50", "-W", "10").stdout.split()
        equal(got, [str(i) for i in range(50)], "an offline session's messages survive kill -9")


def test_a_tiny_client_in_small_segments_is_answered_at_once():
    """MicroPython's umqtt writes a packet in several tiny segments and reads a 4-byte CONNACK."""
    with fleet_of(OPEN) as fleet:
        with socket.create_connection(("127.0.0.1", fleet.nodes[0].mqtt)) as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            s.settimeout(5)
            for part in (b"\x10\x10", b"\x00\x04MQTT\x04\x02\x00\x3c", b"\x00\x04", b"tiny"):
                s.sendall(part)
            equal(s.recv(16), b"\x20\x02\x00\x00", "CONNACK")
            began = time.monotonic()
            for i in range(1, 101):
                topic, payload = b"tiny/t", str(i).encode()
                s.sendall(b"\x32" + bytes([2 + len(topic) + 2 + len(payload)]))
                s.sendall(struct.pack("!H", len(topic)))
                s.sendall(topic)
                s.sendall(struct.pack("!H", i))
                s.sendall(payload)
                equal(s.recv(16), b"\x40\x02" + struct.pack("!H", i), "PUBACK")
            print(f"    {(time.monotonic() - began) * 10:.2f} ms a durable round trip", file=sys.stderr)
        equal(readings(fleet.nodes[0], "tiny/t"), list(range(1, 101)), "readings")


def test_mqtt_goes_over_websocket():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        with socket.create_connection(("127.0.0.1", node.http)) as s:
            s.settimeout(5)
            s.sendall(b"GET /mqtt HTTP/1.1\r\nHost: node\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                      b"Sec-WebSocket-Protocol: mqtt\r\n\r\n")
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += s.recv(1)
            check(b" 101 " in answer and b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in answer, answer.decode())

            def send(data):
                mask = b"\x01\x02\x03\x04"
                s.sendall(b"\x82" + bytes([0x80 | len(data)]) + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data)))

            def receive(count):
                head = s.recv(2)
                equal((head[0], head[1]), (0x82, count), "a binary frame")
                return s.recv(count)

            send(b"\x10\x0f\x00\x04MQTT\x04\x02\x00\x3c\x00\x03web")
            equal(receive(4), b"\x20\x02\x00\x00", "CONNACK")
            send(b"\x32\x09\x00\x03w/t\x00\x0142")
            equal(receive(4), b"\x40\x02\x00\x01", "PUBACK")
        equal(readings(node, "w/t"), [42], "the reading")


def test_strangers_are_refused_and_told_so_in_the_log():
    with fleet_of("[store]\nblock-age = \"200ms\"\n") as fleet:
        node = fleet.nodes[0]
        refused = run("mosquitto_pub", "-p", node.mqtt, "-t", "x", "-m", "1", "-q", "1", status=None)
        check(refused.returncode != 0, "anonymous is refused unless allowed")
        status, _ = post(f"{node.url}/api/v1/readings", '{"name":"a","value":1}', "application/json")
        equal(status, 401, "HTTP without a name")
        password = fleet.cli("device", "add", "boiler", node=node)["password"]
        run("mosquitto_pub", "-p", node.mqtt, "-u", "boiler", "-P", password, "-t", "x", "-m", "1", "-q", "1")
        wrong = run("mosquitto_pub", "-p", node.mqtt, "-u", "boiler", "-P", "guess", "-t", "x", "-m", "1", "-q", "1", status=None)
        check(wrong.returncode != 0, "a wrong password")
        check("login refused" in node.process.log_tail(50), "the log says so")
        fleet.cli("device", "disable", "boiler", node=node)
        gone = run("mosquitto_pub", "-p", node.mqtt, "-u", "boiler", "-P", password, "-t", "x", "-m", "1", "-q", "1", status=None)
        check(gone.returncode != 0, "a disabled device")


def test_certificates_decide_who_is_who():
    with fleet_of("[devices]\ncertificates = \"required\"\n[store]\nblock-age = \"200ms\"\n") as fleet:
        node = fleet.nodes[0]
        own = fleet.device_certificate("pump")
        files = dict(zip(own[::2], own[1::2]))
        tls = ["-h", "localhost", "-p", node.mqtts, "--cafile", files["--ca"]]
        shown = ["--cert", files["--cert"], "--key", files["--key"]]
        run("mosquitto_pub", *tls, *shown, "-t", "pump/rpm", "-m", "1500", "-q", "1")
        equal(readings(node, "pump/rpm"), [1500], "by a device of the fleet")
        none = run("mosquitto_pub", *tls, "-t", "pump/rpm", "-m", "1", "-q", "1", status=None)
        check(none.returncode != 0, "without a certificate")
        stranger = fleet.folder / "stranger"
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1",
            "-subj", "/CN=pump", "-keyout", f"{stranger}.key", "-out", f"{stranger}.crt")
        foreign = run("mosquitto_pub", *tls, "--cert", f"{stranger}.crt", "--key", f"{stranger}.key", "-t", "pump/rpm",
                      "-m", "1", "-q", "1", status=None)
        check(foreign.returncode != 0, "with a foreign certificate")
        check("tls" in node.process.log_tail(50), "the log says so")
        fleet.cli("node", "revoke", node.name)
        time.sleep(0.5)
        node.process.stop()
        node.process.start()
        time.sleep(2)
        check(not node.status()["uplink_connected"], "a revoked node stays outside")
        check("revoked" in fleet.cloud.log_tail(50), "and the cloud's log says why")


def test_a_token_works_once():
    with fleet_of() as fleet:
        token = fleet.cli("token", "create")["token"]
        join = [program("selvedge"), "node", "join", "--cloud", fleet.url, "--token", token]
        run(*join, "--name", "one", "--state", fleet.folder / "one")
        again = run(*join, "--name", "two", "--state", fleet.folder / "two", status=5)
        check("token" in again.stderr, again.stderr)
        other = Fleet(fleet.folder / "other", BUILD)
        other.cloud.start()
        try:
            token = fleet.cli("token", "create")["token"]
            wrong = run(program("selvedge"), "node", "join", "--cloud", other.url, "--token", token, "--name", "three",
                        "--state", fleet.folder / "three", status=5)
            check("another cloud" in wrong.stderr, wrong.stderr)
        finally:
            other.kill_all()


def test_a_node_that_joins_while_running_needs_no_restart():
    with fleet_of() as fleet:
        state = fleet.folder / "late"
        mqtt, http = free_port(), free_port()
        config = fleet.folder / "late.toml"
        config.write_text(f'state = "{state}"\n[mqtt]\nlisten = ["127.0.0.1:{mqtt}"]\ntls-listen = ["127.0.0.1:0"]\n'
                          f'[http]\nlisten = ["127.0.0.1:{http}"]\n' + OPEN)
        late = Process([str(program("selvedge-node")), "--config", str(config)], fleet.folder / "late.log",
                       f"http://127.0.0.1:{http}/readyz")
        late.start()
        try:
            run("mosquitto_pub", "-p", mqtt, "-t", "early", "-m", "1", "-q", "1")
            token = fleet.cli("token", "create")["token"]
            run(program("selvedge"), "node", "join", "--cloud", fleet.url, "--token", token, "--name", "late", "--state", state)
            end = time.monotonic() + 15
            while time.monotonic() < end:
                if json.loads(fetch(f"http://127.0.0.1:{http}/api/v1/status"))["blocks_undelivered"] == 0 and \
                        fleet.cli("series", "list", "--of", "late"):
                    break
                time.sleep(0.2)
            equal([s["name"] for s in fleet.cli("series", "list", "--of", "late")], ["early"], "what it had before arrives")
        finally:
            late.stop()


def test_http_sources_are_pulled():
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        (pathlib.Path(folder) / "value.json").write_text('{"sensors":[{"t":21.5}]}')
        server = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"], cwd=folder,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            pull = (f'[[pull]]\nname = "lab"\nurls = ["http://127.0.0.1:{port}/value.json"]\nperiod = "200ms"\n'
                    'series = ["temp=/sensors/0/t"]\n')
            with fleet_of(OPEN + pull) as fleet:
                time.sleep(2)
                found = readings(fleet.nodes[0], "lab/temp")
                check(len(found) >= 3 and set(found) == {21.5}, f"pulled {found}")
        finally:
            server.kill()
            server.wait()


def test_metrics_pages_pass_the_linter():
    with fleet_of(OPEN) as fleet:
        run("mosquitto_pub", "-p", fleet.nodes[0].mqtt, "-t", "x", "-m", "1", "-q", "1")
        cloud_page = fetch(f"http://127.0.0.1:{fleet.metrics_port}/metrics")
        for name, page in (("node", fleet.nodes[0].metrics()), ("cloud", cloud_page)):
            linted = run("promtool", "check", "metrics", text_in=page, status=None)
            check(linted.returncode == 0, f"{name}: {linted.stdout}{linted.stderr}")


def test_settings_explain_themselves():
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "node.toml"
        config.write_text('[mqtt]\nlistn = ["x"]\n')
        wrong = run(program("selvedge-node"), "--config", config, "--check", status=2)
        check("did you mean 'mqtt.listen'" in wrong.stderr, wrong.stderr)
        config.write_text('[store]\nblock-age = "5s"\n')
        text = run(program("selvedge-node"), "--config", config, "--set", "log.level=debug", "--check").stdout
        check(f"{config}:2" in text and "# flag" in text and "# default" in text, text)
        explained = json.loads(run(program("selvedge-cloud"), "--check", "--json").stdout)
        check(all({"key", "value", "from", "help"} <= set(e) for e in explained), "JSON of --check")


def test_the_command_line_helps():
    overview = run(program("selvedge"), "help").stdout
    check("node join" in overview, overview)
    for line in overview.splitlines():
        words = line.split("  ")
        if line.startswith("  ") and len(words) > 2 and words[1]:
            text = run(program("selvedge"), *words[1].split(), "--help").stdout
            check("Usage: selvedge" in text and "Examples:" in text, f"help of {words[1]}")
    wrong = run(program("selvedge"), "node", "lst", status=2)
    check("did you mean 'list'" in wrong.stderr, wrong.stderr)
    script = run(program("selvedge"), "completion", "bash").stdout
    run("bash", "-n", "-c", script)
    completed = run("bash", "-c", script + "\nCOMP_WORDS=(selvedge node re); COMP_CWORD=2; _selvedge; echo ${COMPREPLY[@]}").stdout
    check("revoke" in completed, completed)
    away = run(program("selvedge"), "node", "status", "--node", f"http://127.0.0.1:{free_port()}", status=6)
    check("127.0.0.1" in away.stderr, away.stderr)


def test_check_finds_what_is_wrong_and_how_to_mend_it():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        good = json.loads(run(program("selvedge"), "check", "--state", node.state, "--node", node.url, "--json", status=None).stdout)
        verdicts = {f["check"]: f["verdict"] for f in good}
        equal([verdicts[c] for c in ("disk", "certificate", "cloud", "node")], ["ok"] * 4, str(good))
        fleet.cloud.stop()
        bad = json.loads(run(program("selvedge"), "check", "--state", node.state, "--node", node.url, "--json", status=6).stdout)
        cloud = next(f for f in bad if f["check"] == "cloud")
        check(cloud["verdict"] == "bad" and cloud["mend"], str(cloud))


def test_many_urls_are_fetched_at_once():
    with fleet_of(OPEN) as fleet:
        url = f"{fleet.nodes[0].url}/healthz"
        answer = json.loads(run(program("selvedge"), "fetch", "-", "--json", text_in=f"{url}\n" * 500).stdout)
        equal({a["status"] for a in answer}, {200}, "statuses")
        equal(len(answer), 500, "answers")


def test_a_full_store_refuses_and_recovers():
    small = OPEN + 'block-readings = 100\njournal = "512KiB"\nblocks = "512KiB"\nsegment = "64KiB"\n[uplink]\nenabled = false\n'
    with fleet_of(small) as fleet:
        node = fleet.nodes[0]
        refused = stored = 0
        noise = random.Random(7)       # of which no coder makes less
        for i in range(1500):
            rows = ",".join(f'{{"name":"n{j}","ts":{1700000000000 + i * 1000},"value":{noise.random()}}}'
                            for j in range(100))
            status, answer = post(f"{node.url}/api/v1/readings", f"[{rows}]", "application/json")
            check(status in (200, 429), f"{status} {answer}")
            stored += 100 * (status == 200)
            refused += status == 429
        check(refused > 0, "a small store fills up")
        check("selvedge_store_full 1" in node.metrics(), "the metric says so")
        total = sum(s["readings"] for s in json.loads(fetch(f"{node.url}/api/v1/series")))
        equal(total, stored, "what was acknowledged is there, what was refused is not")


def test_a_demo_loses_nothing():
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "data"
        data.mkdir()
        for name in ("office", "yard"):
            rows = "".join(f"{1700000000000 + 60000 * i},{20 + i % 40 / 10},{400 + i % 7}\n" for i in range(2000))
            (data / f"{name}.csv").write_text("ts_ms,temp,co2\n" + rows)
        out = pathlib.Path(folder) / "out.json"
        run(sys.executable, ROOT / "scripts/demo.py", "--build", BUILD, "--once", "--data", data, "--json", out, "--probe", "2000")
        summary = json.loads(out.read_text())
        equal((summary["lost"], summary["duplicated"]), (0, 0), "lost, duplicated")
        equal(summary["readings_acknowledged"], 3 * 4 * 2000 + 2000, "acknowledged")


def test_kill_9_loses_nothing():
    done = run(sys.executable, ROOT / "scripts/chaos.py", "--build", BUILD, "--kills", "6", "--seconds", "15", "--json")
    summary = json.loads(done.stdout)
    equal((summary["lost"], summary["duplicated"]), (0, 0), str(summary))
    check(summary["acknowledged"] > 1000, str(summary))
