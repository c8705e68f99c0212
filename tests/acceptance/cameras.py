"""Cameras on a node with the real programs: pictures in a folder and a camera in the network, to series in the cloud.

The model is that of models.py: it says how red, green and blue a picture is. Skipped where there is no model runtime."""
import http.client
import json
import pathlib
import socket
import tempfile
import threading

from artifact import wait
from common import check, equal, fleet_of, free_port, program, run
from models import ask, has_runtime, package, png, publish, wished

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
SOON = "[store]\nblock-age = \"200ms\"\n"


def camera(name, **settings):
    lines = [f'name = "{name}"', 'model = "colours"']
    lines += [f"{key.replace('_', '-')} = {json.dumps(value)}" for key, value in settings.items()]
    return "[[camera]]\n" + "\n".join(lines) + "\n"


def shown(node, name):
    return json.loads(ask(node, "GET", f"/api/v1/cameras/{name}")[1])


def values(rows):
    return [row[1] for row in rows]


def in_cloud(fleet, node, series):
    answer = fleet.cli("series", "query", series, "--of", node.name, check=False)
    return values(answer["rows"]) if answer else []


def on_node(node, series):
    done = run(program("selvedge"), "series", "query", series, "--node", node.url, "--json", status=None)
    return values(json.loads(done.stdout)["rows"]) if done.returncode == 0 else []


def serve(fleet, node):
    publish(fleet, package(), 1)
    wished(node, 1)
    return has_runtime(node)


def test_pictures_in_a_folder_become_series_in_the_cloud():
    with tempfile.TemporaryDirectory(prefix="selvedge-test-") as name:
        folder = pathlib.Path(name) / "gate"
        folder.mkdir()
        settings = SOON + camera("gate", folder=str(folder), remove=True, every="200ms") + camera("door")

        def put(file, colour):
            # As programs do that know how: under a name that is none yet, then whole.
            (folder / f".{file}").write_bytes(png(colour))
            (folder / f".{file}").rename(folder / file)

        with fleet_of(settings) as fleet:
            node = fleet.nodes[0]
            put("1.png", RED)
            equal(shown(node, "gate")["source"]["kind"], "folder", "its source")
            check("colours" in shown(node, "gate")["waiting_for"], "it waits for its model")
            equal(ask(node, "GET", "/api/v1/cameras/gate/picture")[0].status, 404, "no picture yet")
            if not serve(fleet, node):
                return
            wait("the first picture", lambda: on_node(node, "cameras/gate/red") == [1])
            put("2.png", BLUE)
            wait("the second", lambda: on_node(node, "cameras/gate/blue") == [1])
            wait("all counts in the cloud", lambda: in_cloud(fleet, node, "cameras/gate/red") == [1, 0] and
                 in_cloud(fleet, node, "cameras/gate/blue") == [1])
            equal(in_cloud(fleet, node, "cameras/gate/count"), [1], "one thing, all the time")
            listed = json.loads(in_cloud(fleet, node, "cameras/gate/detections")[-1])
            equal(listed["detections"][0]["label"], "blue", "what was found, as text")
            wait("the files to go", lambda: list(folder.iterdir()) == [])
            drawn, body = ask(node, "GET", "/api/v1/cameras/gate/picture?annotated=true")
            check(drawn.headers["Content-Type"] == "image/jpeg" and body.startswith(b"\xff\xd8"), "drawn on, as JPEG")
            equal(ask(node, "GET", "/api/v1/cameras/gate/picture")[1], png(BLUE), "the last one as it came")
            # One that is sent, by HTTP.
            sent, body = ask(node, "POST", "/api/v1/cameras/door/picture?wait=true", png(GREEN))
            equal((sent.status, json.loads(body)["classes"][0]["name"]), (200, "green"), "one that is sent")
            wait("its count", lambda: on_node(node, "cameras/door/green") == [1])
            equal(json.loads(ask(node, "GET", "/api/v1/status")[1])["cameras"]["looked_at"], 3, "the node's status")
            # After a kill, without the cloud, what was put there meanwhile is looked at.
            fleet.cloud.stop()
            node.process.kill()
            put("3.png", GREEN)
            node.process.start()
            wait("the third", lambda: on_node(node, "cameras/gate/green") == [1])
            fleet.cloud.start()
            wait("it in the cloud", lambda: in_cloud(fleet, node, "cameras/gate/green") == [1])


class NetworkCamera:
    """multipart/x-mixed-replace over HTTP on loopback, as network cameras send it; can be killed and come back."""

    def __init__(self, picture):
        self.port, self.picture, self.sent, self.open = free_port(), picture, 0, []

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self.accept, args=(self.listener,), daemon=True).start()

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.open.append(connection)
            threading.Thread(target=self.stream, args=(connection,), daemon=True).start()

    def stream(self, connection):
        try:
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            if b"Authorization: Basic dmlld2VyOnNlY3JldA==" not in request.replace(b"authorization", b"Authorization"):
                connection.sendall(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n")
                return
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n")
            gap = threading.Event()
            while True:
                picture = self.picture
                connection.sendall(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(picture) + picture + b"\r\n")
                self.sent += 1
                gap.wait(0.05)
        except OSError:
            pass

    def kill(self):
        # shutdown() wakes the thread in accept(), which close() alone does not.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()
        self.open = []


def as_jpeg(node, colour):
    answer, body = ask(node, "POST", "/api/v1/models/colours/detect?annotated=jpeg", png(colour))
    check(answer.status == 200 and body.startswith(b"\xff\xd8"), "a JPEG")
    found = json.loads(ask(node, "POST", "/api/v1/models/colours/detect", body)[1])["classes"][0]["name"]
    return body, found


def test_a_network_camera_that_is_killed_is_looked_at_again_when_it_is_back():
    with tempfile.TemporaryDirectory(prefix="selvedge-test-") as name:
        secret = pathlib.Path(name) / "password"
        secret.write_text("secret\n")
        eye = NetworkCamera(b"")
        settings = SOON + camera("yard", url=f"http://127.0.0.1:{eye.port}/stream", user="viewer", password_file=str(secret),
                                 interval="100ms")
        with fleet_of(settings) as fleet:
            node = fleet.nodes[0]
            wait("the camera's absence", lambda: shown(node, "yard")["source"]["state"] == "failing")
            check(shown(node, "yard")["source"]["reason"], "it says why")
            if not serve(fleet, node):
                return
            wait("the model", lambda: ask(node, "GET", "/v2/models/colours/ready")[0].status == 200)
            red, first = as_jpeg(node, RED)
            blue, second = as_jpeg(node, BLUE)
            check(first != second, f"two pictures that differ: {first}, {second}")
            eye.picture = red
            eye.start()
            try:
                wait("the camera", lambda: on_node(node, f"cameras/yard/{first}") == [1])
                equal(shown(node, "yard")["source"]["state"], "receiving", "while it sends")
                eye.kill()
                wait("its loss", lambda: shown(node, "yard")["source"]["state"] == "failing")
                eye.picture = blue
                eye.start()
                wait("the camera again", lambda: on_node(node, f"cameras/yard/{second}") == [1])
                wait("both in the cloud", lambda: in_cloud(fleet, node, f"cameras/yard/{first}") == [1, 0])
                equal(shown(node, "yard")["source"]["state"], "receiving", "again")
                # What it sends can be watched.
                watching = http.client.HTTPConnection("127.0.0.1", node.http, timeout=30)
                watching.request("GET", "/api/v1/cameras/yard/stream")
                answer = watching.getresponse()
                check(answer.headers["Content-Type"].startswith("multipart/x-mixed-replace"), "a stream")
                check(b"image/jpeg" in answer.read(400), "of JPEGs")
                watching.close()
            finally:
                eye.kill()


def test_a_camera_that_makes_no_sense_is_refused_with_its_name():
    with tempfile.TemporaryDirectory(prefix="selvedge-test-") as name:
        config = pathlib.Path(name) / "node.toml"
        config.write_text(f'state = "{name}/state"\n' + camera("gate", folder="in", url="http://cam/"))
        refused = run(program("selvedge-node"), "--config", config, status=None)
        check(refused.returncode != 0 and "camera 'gate': folder, url, device and topic: at most one of them" in refused.stderr,
              refused.stderr)
