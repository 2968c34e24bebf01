"""MLflow as a view of the store: one experiment per study, one parent run, one child per trial.

`Tracker` writes from a thread of its own, so that a slow or dead server delays no training. It is
told the newest state of a trial as a `RunRecord` and writes what is not written yet. A trial's run
is found by the tag `rnnsearch.trial`, so that writing again never makes a second one.
"""

import contextlib
import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from rnnsearch.config import home
from rnnsearch.errors import StorageError

if TYPE_CHECKING:
    from mlflow import MlflowClient

TRIAL = "rnnsearch.trial"
STATE = "rnnsearch.state"
STATUS = {
    "complete": "FINISHED",
    "pruned": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
    "running": "RUNNING",
}
RETRY_SECONDS = 5.0  # between attempts to reach a server that is down
WRITE_SECONDS = 2.0  # a running trial's new epochs are collected for so long
BATCH_METRICS, BATCH_OTHERS = 1000, 100  # MLflow's limits of one log_batch


@dataclass(frozen=True)
class RunRecord:
    """What MLflow shall show of one trial."""

    number: int
    name: str
    state: str  # a key of STATUS
    started: float  # seconds since the epoch
    ended: float | None = None
    params: dict[str, str] = field(default_factory=dict)
    history: dict[str, list[float]] = field(default_factory=dict)  # one value per epoch
    metrics: dict[str, float] = field(default_factory=dict)  # of the finished trial
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.state != "running"


@dataclass(frozen=True)
class Parent:
    """What MLflow shall show of the study itself."""

    study: str
    description: str
    params: dict[str, str]
    tags: dict[str, str]


class Experiment:
    """A study's experiment in MLflow; every method talks to the server and may raise."""

    def __init__(self, uri: str, parent: Parent, artifacts: Path) -> None:
        self.client = _client(uri)
        self._runs: dict[int, str] = {}  # trial -> run
        self._logged: dict[int, int] = {}  # trial -> epochs written
        self.id = self._ensure_experiment(uri, parent, artifacts)
        self.parent_run = self._ensure_parent(parent)

    def _ensure_experiment(self, uri: str, parent: Parent, artifacts: Path) -> str:
        from mlflow.exceptions import MlflowException

        found = self.client.get_experiment_by_name(parent.study)
        if found is None:
            location = artifacts.as_uri() if not uri.startswith("http") else None
            with contextlib.suppress(MlflowException):  # another driver was faster
                self.client.create_experiment(
                    parent.study, location, tags={"mlflow.note.content": parent.description}
                )
            found = self.client.get_experiment_by_name(parent.study)
        assert found is not None
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)

    def _ensure_parent(self, parent: Parent) -> str:
        runs = self.client.search_runs(
            [self.id], f"tags.`{TRIAL}` = 'parent'", order_by=["attributes.start_time"]
        )
        if runs:
            return str(runs[0].info.run_id)
        tags = {TRIAL: "parent", "mlflow.note.content": parent.description} | parent.tags
        run = self.client.create_run(self.id, tags=tags, run_name=parent.study)
        self._write(run.info.run_id, params=parent.params)
        return str(run.info.run_id)

    def known_runs(self) -> dict[int, list[Any]]:
        """All child runs by trial, the oldest first."""
        found: dict[int, list[Any]] = {}
        token: str | None = None
        while True:
            page = self.client.search_runs(
                [self.id],
                f"tags.`mlflow.parentRunId` = '{self.parent_run}'",
                max_results=1000,
                order_by=["attributes.start_time"],
                page_token=token,
            )
            for run in page:
                found.setdefault(int(run.data.tags[TRIAL]), []).append(run)
            token = page.token
            if not token:
                return found

    def adopt(self, numbers: set[int]) -> None:
        """Remember the runs that trials have already."""
        if len(numbers) == 1:
            (number,) = numbers
            self.use(number, self.client.search_runs([self.id], f"tags.`{TRIAL}` = '{number}'"))
            return
        for number, runs in self.known_runs().items():
            if number in numbers:
                self.use(number, runs)

    def use(self, number: int, runs: Sequence[Any]) -> None:
        """Let the first of the runs, if there is one, be the trial's."""
        if runs:
            self._runs[number] = runs[0].info.run_id

    def write_best(self, best: dict[int, float]) -> None:
        """Best skill so far, by trial number, on the parent run."""
        self._write(self.parent_run, [("best_skill", skill, n) for n, skill in best.items()])

    def set_parent_status(self, status: str) -> None:
        """RUNNING while there is a driver, else FINISHED."""
        if status == "RUNNING":
            self.client.update_run(self.parent_run, status)
        else:
            self.client.set_terminated(self.parent_run, status)

    def write(self, record: RunRecord) -> None:
        """Write what is new of a trial; for a finished one all that is missing, and its end."""
        run = self._runs.get(record.number) or self._create(record)
        done = self._logged.get(record.number, 0)
        metrics = [
            (name, value, epoch)
            for name, values in record.history.items()
            for epoch, value in enumerate(values, start=1)
            if epoch > done
        ]
        if record.over:
            metrics += [
                (name, value, len(record.history.get("skill", ())))
                for name, value in record.metrics.items()
                if name not in record.history
            ]
        self._write(run, metrics, record.params if not done else {}, record.tags, record.started)
        self._logged[record.number] = max(map(len, record.history.values()), default=0)
        if record.over:
            ended = int((record.ended or record.started) * 1000)
            self.client.set_terminated(run, STATUS[record.state], ended)
            self._runs.pop(record.number, None)
            self._logged.pop(record.number, None)

    def _create(self, record: RunRecord) -> str:
        tags = {TRIAL: str(record.number), "mlflow.parentRunId": self.parent_run}
        run = self.client.create_run(
            self.id, int(record.started * 1000), tags=tags | record.tags, run_name=record.name
        )
        self._runs[record.number] = run.info.run_id
        return str(run.info.run_id)

    def _write(
        self,
        run: str,
        metrics: Iterable[tuple[str, float, int]] = (),
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
        started: float = 0.0,
    ) -> None:
        """Log in as few calls as MLflow allows. A value written twice is the same value: its
        time stamp is derived from its step."""
        from mlflow.entities import Metric, Param, RunTag

        values = [Metric(n, v, int(started * 1000) + step, step) for n, v, step in metrics]
        settings = [Param(name, value[:6000]) for name, value in (params or {}).items()]
        labels = [RunTag(name, value[:5000]) for name, value in (tags or {}).items()]
        while values or settings or labels:
            # 1000 entities of all kinds fit in one call
            room = BATCH_METRICS - min(len(settings), BATCH_OTHERS) - min(len(labels), BATCH_OTHERS)
            self.client.log_batch(
                run, values[:room], settings[:BATCH_OTHERS], labels[:BATCH_OTHERS]
            )
            values = values[room:]
            settings, labels = settings[BATCH_OTHERS:], labels[BATCH_OTHERS:]


class Tracker:
    """Keeps an experiment up to date from a thread of its own; nobody waits for it but `finish`."""

    def __init__(
        self,
        uri: str,
        parent: Parent,
        artifacts: Path,
        *,
        missing: Iterable[RunRecord] = (),
        written: Callable[[list[int]], None],
        notice: Callable[[str], None],
    ) -> None:
        """`missing`: finished trials not known to be in MLflow. `written` is told which trials are
        in it from now on, `notice` what the user should know; both from the tracker's thread."""
        self._uri, self._parent, self._artifacts = uri, parent, artifacts
        self._written, self._notice = written, notice
        self._pending = {record.number: record for record in missing}
        self._look_up = set(self._pending)  # trials that may have a run we do not know
        self._best: dict[int, float] = {}  # trial -> best skill so far, for the parent run
        self._changed = threading.Condition()
        self._closing = False
        self._down = False
        self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)
        self._thread.start()

    def put(self, record: RunRecord) -> None:
        """Have a trial's newest state written soon."""
        with self._changed:
            self._pending[record.number] = record
            if record.over:
                self._changed.notify()

    def best(self, number: int, skill: float) -> None:
        """Have a new best skill written to the parent run."""
        with self._changed:
            self._best[number] = skill

    def finish(self, patience: float = 60.0) -> int:
        """Write what is left and end. Returns how many finished trials MLflow does not have.

        Gives up after `patience` seconds, or at once when the server has not answered before.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        deadline = time.monotonic() + patience
        while self._thread.is_alive() and time.monotonic() < deadline:
            self._thread.join(0.1)
            if self._down:
                break
        with self._changed:
            return sum(record.over for record in self._pending.values())

    # --- the thread

    def _run(self) -> None:
        experiment: Experiment | None = None
        while True:
            with self._changed:
                self._changed.wait_for(self._urgent, timeout=WRITE_SECONDS)
                closing, idle = self._closing, not (self._pending or self._best)
            try:
                if experiment is None:
                    experiment = Experiment(self._uri, self._parent, self._artifacts)
                    experiment.set_parent_status("RUNNING")
                    if self._look_up:
                        experiment.adopt(self._look_up)
                        self._look_up.clear()
                self._write_pending(experiment)
                if closing and idle:
                    experiment.set_parent_status("FINISHED")
                    return
            except Exception as error:  # whatever MLflow raises, training goes on
                self._report_down(error)
                if closing:
                    return
                time.sleep(RETRY_SECONDS)

    def _urgent(self) -> bool:
        return self._closing or any(record.over for record in self._pending.values())

    def _write_pending(self, experiment: Experiment) -> None:
        with self._changed:
            pending = sorted(self._pending.values(), key=lambda record: record.number)
        over = []
        try:
            for record in pending:
                if record.number in self._look_up:
                    experiment.adopt({record.number})
                    self._look_up.discard(record.number)
                self._look_up.add(record.number)  # an error may come after the run was created
                experiment.write(record)
                self._look_up.discard(record.number)
                self._report_up()
                with self._changed:
                    if self._pending.get(record.number) is record:
                        del self._pending[record.number]
                if record.over:
                    over.append(record.number)
            with self._changed:
                best, self._best = self._best, {}
            experiment.write_best(best)
        finally:
            if over:
                self._written(over)

    def _report_down(self, error: Exception) -> None:
        if not self._down:
            self._down = True
            line = str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error)
            self._notice(
                f"MLflow does not answer ({line}); the search goes on, and what MLflow lacks is "
                "written when it is back, or by `rnnsearch sync`"
            )

    def _report_up(self) -> None:
        if self._down:
            self._down = False
            self._notice("MLflow answers again; it is being brought up to date")


def sync(uri: str, parent: Parent, artifacts: Path, records: Iterable[RunRecord]) -> dict[str, int]:
    """Make MLflow say what the store says: one run per trial, each with its final state.

    Missing and unfinished runs are written, second runs of a trial deleted. Raises StorageError.
    """
    try:
        experiment = Experiment(uri, parent, artifacts)
        known = experiment.known_runs()
        done = {"written": 0, "deleted": 0, "kept": 0}
        for record in records:
            runs = known.pop(record.number, [])
            whole = [run for run in runs if run.data.tags.get(STATE) == record.state]
            whole = [run for run in whole if run.info.status == STATUS[record.state]]
            keep = (whole or runs)[:1]
            for run in runs:
                if run not in keep:
                    experiment.client.delete_run(run.info.run_id)
                    done["deleted"] += 1
            if whole:
                done["kept"] += 1
                continue
            experiment.use(record.number, keep)
            experiment.write(record)
            done["written"] += 1
        for runs in known.values():  # of trials that the store does not have
            for run in runs:
                experiment.client.delete_run(run.info.run_id)
                done["deleted"] += 1
        experiment.set_parent_status("FINISHED")
    except Exception as error:
        line = str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error)
        raise StorageError(
            f"{shown_uri(uri)}: MLflow cannot be brought up to date: {line}; check [run] tracking "
            "or RNNSEARCH_TRACKING and that the server is up, then run `rnnsearch sync` again"
        ) from None
    return done


def default_uri(folder: Path) -> str:
    """The embedded tracking store."""
    return f"sqlite:///{folder / 'mlflow.db'}"


def shown_uri(uri: str) -> str:
    """The URI without its password."""
    return re.sub(r"//([^:@/]*):[^@/]*@", r"//\1:***@", uri)


def _client(uri: str) -> "MlflowClient":
    """A client that fails fast and keeps quiet. Imports MLflow, which takes two seconds."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    from mlflow import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if not uri.startswith("sqlite:///"):
        return MlflowClient(uri)
    database = Path(uri.removeprefix("sqlite:///"))
    database.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(f"{database}.lock"):  # two may not create its tables at once
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    return client


def serve_dashboard(uri: str | None, host: str, port: int) -> int:
    """Run MLflow's server for the embedded store until Ctrl-C; returns its exit code."""
    if uri is not None and uri.startswith("http"):
        print(f"the MLflow server of this study is {shown_uri(uri)}")
        return 0
    _client(uri or default_uri(home()))  # creates or upgrades the tables
    print(f"MLflow on http://{host}:{port} (Ctrl-C ends it)", flush=True)
    command = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(port)]
    command += ["--backend-store-uri", uri or default_uri(home())]
    command += ["--default-artifact-root", (home() / "artifacts").as_uri(), "--workers", "1"]
    try:
        return subprocess.run(command, check=False).returncode
    except KeyboardInterrupt:
        return 130
