"""A link that can be cut: a TCP relay on loopback that counts what goes through it."""
import socket
import threading


class Link:
    """Connections to `port` reach `target`. cut() ends those that are open and refuses new ones until mend()."""

    def __init__(self, target):
        self.target = target
        self.down_bytes = self.up_bytes = 0     # towards the client; towards the target
        self._cut = False
        self._open = set()
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self._cut:
                client.close()
                continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            for source, sink, name in ((client, server, "up_bytes"), (server, client, "down_bytes")):
                threading.Thread(target=self._carry, args=(source, sink, name), daemon=True).start()

    def _carry(self, source, sink, name):
        try:
            while data := source.recv(64 << 10):
                sink.sendall(data)
                with self._lock:
                    setattr(self, name, getattr(self, name) + len(data))
        except OSError:
            pass
        for end in (source, sink):
            self._end(end)

    def _end(self, end):
        with self._lock:
            self._open.discard(end)
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        end.close()

    def cut(self):
        self._cut = True
        for end in list(self._open):
            self._end(end)

    def mend(self):
        self._cut = False

    def close(self):
        self.cut()
        self._listener.close()
