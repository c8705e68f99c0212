"""A task of kind model: the node answers with it as long as the task runs."""
import subprocess
import urllib.error
import urllib.request

from common import OPEN, check, equal, readings
from models import package, png, publish
from tasks_common import fleet_of_tasks, on_node, submit, wait


def ready(node):
    try:
        with urllib.request.urlopen(f"{node.url}/v2/models/colours/ready", timeout=5) as answer:
            return answer.status == 200
    except urllib.error.HTTPError:
        return False


def test_a_model_answers_as_long_as_its_task_runs():
    with fleet_of_tasks(OPEN) as fleet:
        node = fleet.nodes[0]
        publish(fleet, package(), 1)
        task = submit(fleet, "colours", [], node, mode="service", kind="model", model="colours", artifacts=[{"name": "colours", "version": 1}],
                      feeds=[{"topic": "pictures/+"}], output="seen")
        said = wait(lambda: f"it runs, now {on_node(node, task)}",
                    lambda: (now := on_node(node, task)) and (now["state"] == "running" or "runtime" in now.get("reason", "")) and now)
        if said["state"] != "running":
            return print("    skipped: no model runtime", flush=True)
        check("in the node's program" in said["limits"] and ready(node), f"{said}")
        subprocess.run(["mosquitto_pub", "-p", str(node.mqtt), "-t", "pictures/door", "-q", "1", "-s"], input=png((0, 255, 0)), check=True)
        found = wait("an answer", lambda: readings(node, "seen/pictures/door/green"))
        equal([round(score, 2) for score in found], [1.0], "how green it is")
        # With the node's program it begins anew.
        node.process.kill()
        node.process.start()
        wait(lambda: f"it runs again, now {on_node(node, task)}", lambda: on_node(node, task).get("run") == 2 and ready(node))
        fleet.cli("task", "stop", "colours", "--wait")
        wait("the model goes", lambda: not ready(node))
