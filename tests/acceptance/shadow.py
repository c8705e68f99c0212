"""Twins and commands between an operator, the cloud, a node and a device that speaks MQTT."""
import contextlib
import json
import subprocess
import threading
import time

from common import OPEN, check, equal, fleet_of, post, readings, run


def wait_for(what, test, patience=20):
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if found := test():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not happen in {patience} s")


def publish(node, topic, message, *more):
    run("mosquitto_pub", "-p", node.mqtt, "-q", "1", "-t", topic, "-m", message, *more)


def twin(fleet, id, node=None):
    done = fleet.cli("twin", "get", id, node=node, check=False)
    return done if isinstance(done, dict) else {}


def half(fleet, id, feature, name, node=None):
    return twin(fleet, id, node).get("features", {}).get(feature, {}).get(name, {})


def reported(fleet, id, feature):
    return half(fleet, id, feature, "properties")


@contextlib.contextmanager
def subscriber(node, *filters, client="pump", more=()):
    """Lines "topic payload" as they come."""
    where = [word for topic in filters for word in ("-t", topic)]
    process = subprocess.Popen(["mosquitto_sub", "-p", str(node.mqtt), "-i", client, "-q", "1", *where, *more, "-F", "%t %p"],
                               stdout=subprocess.PIPE, text=True)
    try:
        time.sleep(0.7)
        yield process
    finally:
        process.kill()
        process.wait()


def wish(fleet, id, speed):
    fleet.cli("twin", "set", id, "motor/speed", str(speed))


def test_a_wish_made_while_the_device_is_away_comes_true_when_it_returns():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        id = f"{node.name}:pump"
        publish(node, "$twin/pump/update", '{"state":{"reported":{"motor":{"speed":1}}}}')
        wait_for("the report in the cloud", lambda: reported(fleet, id, "motor") == {"speed": 1})
        # The device has a session and goes away; then it is wished something.
        run("mosquitto_sub", "-p", node.mqtt, "-i", "pump", "-c", "-q", "1", "-t", "$twin/pump/update/delta", "-E")
        for speed in (5, 6, 7):
            wish(fleet, id, speed)
            wait_for("the wish on the node", lambda: half(fleet, id, "motor", "desiredProperties", node) == {"speed": speed})
        got = run("mosquitto_sub", "-p", node.mqtt, "-i", "pump", "-c", "-q", "1", "-t", "$twin/pump/update/delta", "-C", "3", "-W", "10")
        deltas = [json.loads(line) for line in got.stdout.splitlines()]
        equal([d["state"]["motor"]["speed"] for d in deltas], [5, 6, 7], "deltas, once and in order")
        check([d["version"] for d in deltas] == sorted({d["version"] for d in deltas}), "versions ascend")
        publish(node, "$twin/pump/name/motor/update", '{"state":{"reported":{"speed":7}}}')
        wait_for("the report in the cloud", lambda: reported(fleet, id, "motor") == {"speed": 7})
        # Nothing stands any more: whoever subscribes anew is told nothing.
        none = run("mosquitto_sub", "-p", node.mqtt, "-i", "other", "-t", "$twin/pump/update/delta", "-C", "1", "-W", "1", status=None)
        equal(none.stdout, "", "no delta is left")
        wait_for("the history", lambda: readings(node, "twin/pump/motor/speed") == [1, 7])


def test_a_wish_made_while_the_node_is_down_comes_true_after():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        id = f"{node.name}:pump"
        publish(node, "$twin/pump/update", '{"state":{"reported":{"motor":{"speed":1}}}}')
        wait_for("the report in the cloud", lambda: reported(fleet, id, "motor") == {"speed": 1})
        node.process.kill()
        wish(fleet, id, 9)
        node.process.start()
        with subscriber(node, "$twin/pump/update/delta") as device:
            line = device.stdout.readline()
        equal(json.loads(line.split(" ", 1)[1])["state"], {"motor": {"speed": 9}}, "the delta after the restart")


def test_a_device_asks_for_its_twin_and_is_told_why_not():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        with subscriber(node, "$twin/pump/#") as device:
            def ask(verb, message):
                publish(node, f"$twin/pump/{verb}", message)
                while True:
                    topic, _, text = device.stdout.readline().strip().partition(" ")
                    if topic.endswith(("/accepted", "/rejected")):
                        return topic.rpartition("/")[2], json.loads(text)
            equal(ask("get", "{}")[1]["code"], 404, "no twin yet")
            outcome, answer = ask("update", '{"state":{"reported":{"motor":{"speed":1}}},"clientToken":"abc"}')
            equal((outcome, answer["clientToken"]), ("accepted", "abc"), "update")
            outcome, answer = ask("update", '{"state":{"reported":{"motor":{"speed":2}}},"version":99}')
            equal((outcome, answer["code"]), ("rejected", 409), "another version")
            equal(ask("update", '{"state":')[1]["code"], 400, "no JSON")
            outcome, answer = ask("get", '{"clientToken":"x"}')
            equal(answer["state"]["reported"], {"motor": {"speed": 1}}, "get")
            check(answer["metadata"]["reported"]["motor"]["speed"]["timestamp"] > 0, "with its time")
            equal(ask("delete", "")[0], "accepted", "delete")


def test_a_command_is_answered_by_the_device_or_at_once():
    with fleet_of(OPEN) as fleet:
        node = fleet.nodes[0]
        publish(node, "$twin/pump/update", '{"state":{"reported":{"motor":{"speed":1}}}}')
        inbox = f"{node.url}/api/2/things/{node.name}:pump/inbox/messages/blink?timeout=5"
        equal(post(inbox, "twice", "text/plain")[0], 404, "nobody is there")
        with subscriber(node, "$command/pump/#") as device:
            answers = []
            asking = threading.Thread(target=lambda: answers.append(post(inbox, "twice", "text/plain")))
            asking.start()
            topic, _, text = device.stdout.readline().strip().partition(" ")
            equal(text, "twice", "the command's payload")
            publish(node, f"{topic}/reply", "done")
            asking.join()
            equal(answers, [(200, "done")], "the device's answer")
            began = time.monotonic()
            equal(post(inbox.replace("timeout=5", "timeout=1"), "x", "text/plain")[0], 408, "no answer")
            check(time.monotonic() - began < 4, "in time")


def test_readings_update_a_twin():
    rule = '[[twin]]\nseries = "*/temp"\nfeature = "climate"\nproperty = "{1}"\n'
    with fleet_of(OPEN + rule) as fleet:
        node = fleet.nodes[0]
        for value in (20, 21, 22):
            publish(node, "hall/temp", str(value), "-i", "boiler")
        id = f"{node.name}:boiler"
        wait_for("the latest value in the cloud", lambda: reported(fleet, id, "climate") == {"hall": 22})
        equal(twin(fleet, id)["attributes"]["history"], {"climate/hall": "hall/temp"}, "where its history is")
