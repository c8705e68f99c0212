"""Who may do what, and the record of what was done."""
import json
import pathlib
import shutil
import subprocess

from common import check, equal, fleet_of, program, run


def cli(fleet, token, *arguments):
    """A command with a token instead of a certificate; returns its exit status and what it printed."""
    trust = fleet.folder / "trust"
    trust.mkdir(exist_ok=True)
    shutil.copy(fleet.identity / "ca.crt", trust)
    file = fleet.folder / "some.token"
    file.write_text(token + "\n")
    done = subprocess.run([program("selvedge"), *arguments, "--cloud", fleet.url, "--identity", str(trust),
                           "--token-file", str(file), "--json"], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def status_of(fleet, path, *more):
    done = run("curl", "-sS", "--cacert", fleet.identity / "ca.crt", "-o", "/dev/null", "-w", "%{http_code}", *more,
               f"{fleet.url}{path}")
    return int(done.stdout)


def test_roles_hold_what_is_theirs_and_no_more():
    with fleet_of("") as fleet:
        tokens = {role: fleet.cli("operator", "add", f"the-{role}", "--role", role, "--valid", "1h")["token"]
                  for role in ("viewer", "operator", "admin")}
        for role, token in tokens.items():
            status, said = cli(fleet, token, "operator", "whoami")
            equal((status, json.loads(said)["role"]), (0, role), f"whoami of the {role}")
            equal(cli(fleet, token, "node", "list")[0], 0, f"the {role} reads")
            status, said = cli(fleet, token, "token", "create")
            equal(status == 0, role == "admin", f"the {role} makes a join token: {said}")
            equal(cli(fleet, token, "audit", "list")[0] == 0, role == "admin", f"the {role} reads the record")
        equal(status_of(fleet, "/api/v1/nodes"), 401, "without anything")
        equal(status_of(fleet, "/api/v1/tokens", "-X", "POST", "-H", f"Authorization: Bearer {tokens['viewer']}"), 403,
              "a viewer that changes")
        fleet.cli("operator", "revoke", "the-admin")
        check(cli(fleet, tokens["admin"], "node", "list")[0] != 0, "a revoked operator is refused")
        kept = (fleet.folder / "cloud" / "operators.json").read_text()
        for token in tokens.values():
            check(token.rsplit("_", 1)[1] not in kept, "secrets are not kept")


def test_a_certificate_has_the_role_that_is_stored_for_its_name():
    with fleet_of("") as fleet:
        out = fleet.folder / "bob"
        fleet.cli("certificate", "create", "bob", "--role", "operator", "--out", str(out))
        shown = ["--cert", out / "bob.crt", "--key", out / "bob.key"]
        equal(status_of(fleet, "/api/v1/operators", *shown), 200, "an admin by default")
        fleet.cli("operator", "add", "bob", "--role", "viewer", "--no-token")
        equal(status_of(fleet, "/api/v1/operators", *shown), 403, "a viewer once that is stored")
        equal(status_of(fleet, "/api/v1/nodes", *shown), 200, "who reads")
        fleet.cli("operator", "revoke", "bob")
        equal(status_of(fleet, "/api/v1/nodes", *shown), 401, "and nothing when revoked")


def test_guessing_tokens_is_slowed_down_and_the_right_one_is_let_in():
    with fleet_of("") as fleet:
        right = fleet.cli("operator", "add", "alice", "--valid", "1h")["token"]
        wrong = ["-H", "Authorization: Bearer slv_000000000000_" + "0" * 64]
        seen = [status_of(fleet, "/api/v1/nodes", *wrong) for _ in range(14)]
        equal(seen[:10], [401] * 10, "wrong tokens")
        check(429 in seen[10:], f"too many of them: {seen}")
        equal(status_of(fleet, "/api/v1/nodes", "-H", f"Authorization: Bearer {right}"), 200, "the right one")
        equal(status_of(fleet, "/api/v1/nodes", "--cert", fleet.identity / "operator.crt", "--key",
                        fleet.identity / "operator.key"), 200, "a certificate")


def test_changes_are_on_record_and_tampering_shows():
    with fleet_of("") as fleet:
        fleet.cli("operator", "add", "alice", "--role", "operator", "--valid", "1h")
        fleet.cli("operator", "revoke", "alice")
        records = fleet.cli("audit", "list")
        actions = [record["action"] for record in records]
        equal(actions[:2], ["operator.revoke", "operator.add"], "the newest first")
        equal(records[0]["who"], "operator:operator", "who")
        equal(records[0]["from"], "127.0.0.1", "from where")
        check("operator" in records[0]["before"], "what was before")
        check(fleet.cli("audit", "verify")["whole"], "an untouched record is whole")
        out = fleet.folder / "export"
        fleet.cli("audit", "export", "--out", str(out))
        verify = [program("selvedge"), "audit", "verify", "--from-dir", str(out), "--ca", str(fleet.identity / "ca.crt"),
                  "--json"]
        check(json.loads(subprocess.run(verify, capture_output=True, text=True).stdout)["whole"], "an export is whole")
        lines = (out / "records.ndjson").read_text().splitlines()
        for name, changed in (("changed", [line.replace("alice", "mario") for line in lines]),
                              ("removed", lines[1:]), ("moved", lines[1::-1] + lines[2:]),
                              ("put in", lines[:1] + lines), ("cut off", lines[:-1])):
            (out / "records.ndjson").write_text("".join(line + "\n" for line in changed))
            done = subprocess.run(verify, capture_output=True, text=True)
            check(done.returncode != 0 and not json.loads(done.stdout)["whole"], f"a line {name} shows")
        # The files of a cloud that is down, cut at the last record.
        fleet.cloud.stop()
        log = sorted(pathlib.Path(fleet.folder / "cloud" / "audit").glob("*.log"))[-1]
        bytes_ = log.read_bytes()
        log.write_bytes(bytes_[:bytes_.rindex(b'{"seq"')])
        fleet.cloud.start()
        found = json.loads(subprocess.run(
            [program("selvedge"), "audit", "verify", "--cloud", fleet.url, "--identity", str(fleet.identity), "--json"],
            capture_output=True, text=True).stdout)
        check(not found["whole"], f"an end that was cut off shows: {found}")


def test_a_device_keeps_to_its_own_topics_when_told():
    with fleet_of("[devices]\nown-topics-only = true\n") as fleet:
        node = fleet.nodes[0]
        password = fleet.cli("device", "add", "pump", node=node)["password"]
        publish = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(node.mqtt), "-V", "5", "-q", "1", "-u", "pump", "-P", password, "-m", "1"]
        equal(subprocess.run([*publish, "-t", "pump/temp"], capture_output=True).returncode, 0, "its own topic")
        refused = subprocess.run([*publish, "-t", "boiler/temp"], capture_output=True, text=True)
        check("ot authorized" in refused.stdout + refused.stderr or refused.returncode != 0,
              f"another's topic is refused: {refused}")
        names = [series["name"] for series in fleet.cli("series", "list", node=node)]
        check(not any("boiler" in name for name in names), f"nothing of it is stored: {names}")
