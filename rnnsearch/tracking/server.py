"""The MLflow that a URI names: reached as a client, shown without its password, served."""

import contextlib
import glob
import logging
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import filelock
import psutil

from rnnsearch.config import home
from rnnsearch.errors import StorageError, StudyFileError, uri_without_password
from rnnsearch.shown import printable

if TYPE_CHECKING:
    from mlflow import MlflowClient

DRAFT = re.compile(r"\.\d+\.new(-journal|-wal|-shm)?")  # a database on its way to be one
DAMAGED = (  # what SQLite, SQLAlchemy, Alembic and MLflow say of a database that is
    "malformed",
    "not a database",
    "no such table",
    "no such column",
    "could not decode to utf-8",
    "can't locate revision",
    "out-of-date database schema",
    "no regular file",
)
TRAINING = "workflowType=machine_learning"  # else its pages are those for language models
END_SECONDS = 5.0  # that a server is given to end by itself


def connect(uri: str) -> "MlflowClient":
    """A client that fails fast and keeps quiet. Imports MLflow, which takes two seconds."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # `Tracker` tries again
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    from mlflow import MlflowClient
    from sqlalchemy import make_url

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what goes wrong is raised, and told
    if not uri.startswith("sqlite:///"):
        return MlflowClient(uri)
    database = Path(make_url(uri).database or "")
    database.parent.mkdir(parents=True, exist_ok=True)
    if database.exists() and not database.is_file():
        raise OSError(f"{database}: is no regular file")
    with filelock.FileLock(f"{database}.lock"):  # two may not create its tables at once
        # MLflow takes ten seconds for one, and cannot use one that it was killed over.
        for left in database.parent.glob(f"{glob.escape(database.name)}.*.new*"):
            if DRAFT.fullmatch(left.name.removeprefix(database.name)):
                left.unlink(missing_ok=True)
        if not database.exists():
            draft = database.with_name(f"{database.name}.{time.time_ns()}.new")
            MlflowClient(sqlite_url(draft)).search_experiments(max_results=1)
            draft.rename(database)
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    return client


def default_uri(folder: Path) -> str:
    """The embedded tracking store."""
    return sqlite_url(folder / "mlflow.db")


def sqlite_url(file: Path) -> str:
    """SQLAlchemy decodes a % in a path, and cuts it at a ?."""
    return f"sqlite:///{str(file).replace('%', '%25').replace('?', '%3F')}"


def first_line(error: Exception) -> str:
    """An error in at most 200 characters, without passwords."""
    return shown_uri((str(error).strip().splitlines() or [repr(error)])[0])[:200]


def shown_uri(uri: str) -> str:
    """A URI, or a text with URIs, without passwords."""
    return uri_without_password(uri)


def way_back(uri: str, error: Exception) -> str:
    """What to do about an SQLite store of MLflow's that is damaged; nothing about other errors."""
    text = str(error).lower()
    if not uri.startswith("sqlite:///") or not any(word in text for word in DAMAGED):
        return ""
    file = uri.removeprefix("sqlite:///").replace("%3F", "?").replace("%25", "%")
    return (
        f"MLflow's database is damaged: move it away (mv '{file}' '{file}.damaged', and -wal, -shm "
        "and -journal beside it), then `rnnsearch sync STUDY` writes it anew from the study's store"
    )


def serve_dashboard(uri: str | None, host: str, port: int) -> int:
    """Run MLflow's server for the embedded store until Ctrl-C; returns its exit code."""
    if uri is not None and uri.startswith("http"):
        print(f"the MLflow server of this study is {shown_uri(uri)}")
        return 0
    from rnnsearch.tracking.where import runs_page  # which needs this module

    uri = uri or default_uri(home())
    try:
        client = connect(uri)
    except Exception as error:  # whatever MLflow, or the database it is given, raises
        raise StorageError(
            f"{shown_uri(uri)}: MLflow's store cannot be opened: {first_line(error)}; "
            + (
                way_back(uri, error)
                or "check RNNSEARCH_TRACKING or --tracking, and that the folder can be written"
            )
        ) from None
    _check_free(host, port)
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port)]
    command += ["--default-artifact-root", (home() / "artifacts").as_uri(), "--workers", "1"]
    # Not a flag: everybody on the machine may see those, and it may hold a password.
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": uri}
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    server = psutil.Popen(command, env=environment)
    try:
        while server.poll() is None and not _answers(host, port):
            time.sleep(0.2)
        if server.poll() is None:
            address = f"http://{host}:{port}"
            print(
                f"MLflow on {address} (Ctrl-C ends it); all studies: "
                f"{address}/#/experiments?{TRAINING}",
                flush=True,
            )
            if newest := _newest(client):
                name, page = newest[0], runs_page(address, newest[1])
                print(f"the newest, {name}: {page}", flush=True)
        return int(server.wait())
    except KeyboardInterrupt:
        return 130
    finally:
        _end(server)


def _newest(client: "MlflowClient") -> tuple[str, str] | None:
    """Name and id of the experiment that was changed last, of those that MLflow did not make."""
    with contextlib.suppress(Exception):  # whatever MLflow raises: it is a convenience
        for found in client.search_experiments(max_results=2, order_by=["last_update_time DESC"]):
            if found.name != "Default":
                return printable(found.name), str(found.experiment_id)
    return None


def _check_free(host: str, port: int) -> None:
    """Raise StudyFileError where the server could not listen: it says so late, and ends with 0."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
    except OSError as error:
        raise StudyFileError(
            f"--port: MLflow cannot listen on {host}:{port}: {error.strerror}; try another, such "
            f"as --port {port + 1}"
        ) from None


def _answers(host: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def _end(server: psutil.Process) -> None:
    """End a server and the processes that it has started."""
    processes = [server]
    with contextlib.suppress(psutil.NoSuchProcess):
        processes += server.children(recursive=True)
    for how in ("terminate", "kill"):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                getattr(process, how)()
        _, processes = psutil.wait_procs(processes, timeout=END_SECONDS)
