"""Signing keys, signed artifacts and sealed blocks, from the operator's side."""
import json
import os
import pathlib
import tempfile
import time

from common import BUILD, OPEN, check, equal, fleet_of, post, run

SELVEDGE = BUILD / "bin" / "selvedge"


def selvedge(*words, status=0):
    return run(SELVEDGE, *words, status=status)


def as_json(*words):
    return json.loads(selvedge(*words, "--json").stdout)


def test_keys_rotate_and_revoke_and_old_roots_follow():
    with tempfile.TemporaryDirectory(prefix="selvedge-keys-") as folder:
        keys, file = f"{folder}/keys", f"{folder}/model.bin"
        pathlib.Path(file).write_bytes(os.urandom(300_000))
        equal(as_json("keys", "init", "--dir", keys)["version"], 1, "first version")
        for private in pathlib.Path(keys).glob("*.key"):
            equal(private.stat().st_mode & 0o777, 0o600, f"mode of {private.name}")
        check("already" in selvedge("keys", "init", "--dir", keys, status=None).stderr, "init twice must be refused")

        sign = ["artifact", "sign", file, "--name", "detector", "--kind", "model", "--keys", keys]
        first = as_json(*sign, "--version", "1", "--chunk", "64KiB")
        equal(first["missing"], 0, "signatures missing")
        verify = ["artifact", "verify", f"{file}.manifest", file, "--root", f"{keys}/keys.json"]
        check(as_json(*verify)["content_checked"], "the file was compared")

        # A new signer beside the old one, then the old one revoked.
        old = next(k["id"] for k in as_json("keys", "show", "--dir", keys)["keys"] if k["roles"].startswith("*"))
        selvedge("keys", "rotate", "--dir", keys)
        selvedge(*verify)
        selvedge("keys", "revoke", old[:12], "--dir", keys)
        shown = as_json("keys", "show", "--dir", keys)
        equal((shown["version"], shown["revoked"]), (3, [old]), "after the revocation")
        check("0 of the keys" in selvedge(*verify, status=None).stderr, "what a revoked key signed must count no more")
        selvedge(*sign, "--version", "2")
        selvedge(*verify)

        # The root rotates; each step is signed by both.
        selvedge("keys", "rotate", "--root", "--dir", keys, "--algorithm", "ecdsa-p256")
        equal(as_json("keys", "show", f"{keys}/keys-4.json")["version"], 4, "document on disk")
        selvedge(*verify)


def test_changed_bytes_are_refused_and_two_signers_make_a_threshold():
    with tempfile.TemporaryDirectory(prefix="selvedge-keys-") as folder:
        keys, other, file = f"{folder}/keys", f"{folder}/other", f"{folder}/app.tar"
        pathlib.Path(file).write_bytes(os.urandom(200_000))
        selvedge("keys", "init", "--dir", keys, "--algorithm", "rsa-pss-3072")
        run("openssl", "genpkey", "-algorithm", "ED25519", "-out", f"{folder}/second.pem")
        run("openssl", "pkey", "-in", f"{folder}/second.pem", "-pubout", "-out", f"{folder}/second.pub")
        selvedge("keys", "grant", "software", "--dir", keys)
        selvedge("keys", "grant", "software", "--public", f"{folder}/second.pub", "--threshold", "2", "--dir", keys)
        signed = as_json("artifact", "sign", file, "--name", "app", "--version", "21", "--kind", "software",
                         "--called", "2.1.0", "--target", "x86_64/linux,aarch64/linux", "--depends", "runtime>=3",
                         "--expires", "90d", "--keys", keys)
        equal((signed["signatures"], signed["missing"]), (1, 1), "one of two signatures")
        verify = ["artifact", "verify", f"{file}.manifest", file, "--root", f"{keys}/keys.json"]
        check("2 are needed" in selvedge(*verify, status=None).stderr, "one signature must not do")
        # The second signer has its own key and the public document.
        os.mkdir(other)
        os.rename(f"{folder}/second.pem", f"{other}/signer.key")
        pathlib.Path(f"{other}/keys.json").write_bytes(pathlib.Path(f"{keys}/keys.json").read_bytes())
        added = as_json("artifact", "sign", file, "--add-to", f"{file}.manifest", "--keys", other)
        equal((added["signatures"], added["missing"]), (2, 0), "both signatures")
        equal(len(as_json(*verify)["signers"]), 2, "signers")

        data = bytearray(pathlib.Path(file).read_bytes())
        data[150_000] ^= 1
        pathlib.Path(file).write_bytes(data)
        check("not what was signed" in selvedge(*verify, status=None).stderr, "a changed byte must be noticed")
        manifest = json.loads(pathlib.Path(f"{file}.manifest").read_text())
        manifest["payload"] = manifest["payload"][:40] + ("A" if manifest["payload"][40] != "A" else "B") + manifest["payload"][41:]
        pathlib.Path(f"{file}.manifest").write_text(json.dumps(manifest))
        check(selvedge(*verify[:3], "--root", f"{keys}/keys.json", status=None).returncode != 0, "a changed manifest")


def test_an_artifact_is_sealed_for_one_node():
    with tempfile.TemporaryDirectory(prefix="selvedge-keys-") as folder:
        keys, file = f"{folder}/keys", f"{folder}/weights.bin"
        pathlib.Path(file).write_bytes(b"secret weights " * 20_000)
        selvedge("keys", "init", "--dir", keys)
        recipient = selvedge("keys", "make-recipient", f"{folder}/seal.key").stdout.strip()
        equal(selvedge("keys", "recipient", f"{folder}/seal.key").stdout.strip(), recipient, "its public half")
        signed = as_json("artifact", "sign", file, "--name", "weights", "--version", "1", "--kind", "model",
                         "--chunk", "64KiB", "--seal-for", f"edge-1={recipient}", "--keys", keys)
        sealed = pathlib.Path(signed["file"]).read_bytes()
        check(b"secret" not in sealed, "the sealed file must not show its content")
        equal(len(sealed), 300_000 + 16 * 5, "bytes of five sealed chunks")
        selvedge("artifact", "verify", signed["manifest"], signed["file"], "--root", f"{keys}/keys.json")


def test_sealed_blocks_are_read_with_the_recipients_key_only():
    with tempfile.TemporaryDirectory(prefix="selvedge-keys-") as folder:
        key = f"{folder}/archive.key"
        recipient = selvedge("keys", "make-recipient", key).stdout.strip()
        with fleet_of(OPEN + f"[seal]\nrecipients = [\"{recipient}\"]\n") as fleet:
            node = fleet.nodes[0]
            for value in (20.5, 21.25):
                equal(post(f"{node.url}/api/v1/readings", json.dumps({"name": "boiler/temp", "value": value}),
                           "application/json")[0], 200, "status")
                time.sleep(0.5)
            cloud = ["--cloud", fleet.url, "--identity", fleet.identity, "--of", node.name]
            deadline = time.monotonic() + 20
            while True:
                listed = json.loads(run(SELVEDGE, "series", "list", *cloud, "--json").stdout)
                if listed and listed[0]["readings"] == 2:
                    break
                check(time.monotonic() < deadline, f"the cloud has {listed}")
                time.sleep(0.2)
            refused = run(SELVEDGE, "series", "query", "boiler/temp", *cloud, status=None)
            check(refused.returncode != 0 and "sealed" in refused.stderr, f"a query must say why not: {refused.stderr}")
            for where in (cloud, ["--node", node.url]):
                csv = run(SELVEDGE, "series", "export", "boiler/temp", *where, "--unseal", key).stdout.split()
                equal([line.split(",")[-1] for line in csv], ["value", "20.5", "21.25"], "unsealed values")
            selvedge("keys", "make-recipient", f"{folder}/other.key")
            other = run(SELVEDGE, "series", "export", "boiler/temp", *cloud, "--unseal", f"{folder}/other.key", status=None)
            check("other keys" in other.stderr, f"another key must not do: {other.stderr}")
