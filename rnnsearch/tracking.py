"""MLflow as a view of the store: one experiment per study, one parent run, one child per trial.

`Tracker` writes from a thread of its own, so that a slow or dead server delays no training. It is
told the newest state of a trial as a `RunRecord` and writes what is not written yet. A trial's run
is looked up by the tag `rnnsearch.trial` before one is made, and again when the trial ends, so that
neither a driver that died nor a server that answered too late leaves a second one.
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
PARENT = "mlflow.parentRunId"
STATUS = {
    "complete": "FINISHED",
    "pruned": "FINISHED",
    "failed": "FAILED",
    "interrupted": "KILLED",
    "running": "RUNNING",
}
RETRY_SECONDS = 5.0  # between attempts to reach a server that is down
DOWN_SECONDS = 10.0  # of its silence before it is given up at the end
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
        if not self._parents():
            tags = {TRIAL: "parent", "mlflow.note.content": parent.description} | parent.tags
            run = self.client.create_run(self.id, tags=tags, run_name=parent.study)
            self._write(run.info.run_id, params=parent.params)
        first, *others = self._parents()
        for other in others:  # of two drivers that began at the same time
            self.client.delete_run(other)
        return first

    def _parents(self) -> list[str]:
        return [run.info.run_id for run in self._search(f"tags.`{TRIAL}` = 'parent'")]

    def runs(self, number: int) -> list[Any]:
        """A trial's runs, the oldest first; more than one is too many."""
        return self._search(f"tags.`{TRIAL}` = '{number}'")

    def all_runs(self) -> dict[int, list[Any]]:
        """Every trial's runs, the oldest first."""
        found: dict[int, list[Any]] = {}
        for run in self._search(f"tags.`{TRIAL}` != 'parent'"):
            found.setdefault(int(run.data.tags[TRIAL]), []).append(run)
        return found

    def _search(self, query: str) -> list[Any]:
        found: list[Any] = []
        token: str | None = None
        while token is None or token:
            page = self.client.search_runs(
                [self.id],
                query,
                max_results=1000,
                order_by=["attributes.start_time", "attributes.run_id"],
                page_token=token,
            )
            found += page
            token = page.token or ""
        return found

    def use(self, number: int, runs: Sequence[Any]) -> None:
        """Let the first of the runs, if there is one, be the trial's; delete the others."""
        self._runs.pop(number, None)
        for run in runs[1:]:
            self.client.delete_run(run.info.run_id)
        if runs:
            self._runs[number] = runs[0].info.run_id

    def write_best(self, best: dict[int, float]) -> None:
        """Best skill, by the number of trials that were finished then, on the parent run."""
        self._write(self.parent_run, [("best_skill", skill, n) for n, skill in best.items()])

    def note_parent(self, metrics: dict[str, float], tags: dict[str, str], step: int = 0) -> None:
        """A result of the whole study, on the parent run; of several, the highest step is shown."""
        self._write(self.parent_run, [(n, v, step) for n, v in metrics.items()], tags=tags)

    def set_parent_status(self, status: str) -> None:
        """RUNNING while there is a driver, else FINISHED."""
        if status == "RUNNING":
            self.client.update_run(self.parent_run, status)
        else:
            self.client.set_terminated(self.parent_run, status)

    def write(self, record: RunRecord) -> None:
        """Write what is new of a trial; for a finished one all that is missing, and its end."""
        if record.over or record.number not in self._runs:
            self.use(record.number, self.runs(record.number))
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
        tags = record.tags | {PARENT: self.parent_run}
        self._write(run, metrics, record.params if not done else {}, tags, record.started)
        self._logged[record.number] = max(map(len, record.history.values()), default=0)
        if record.over:
            ended = int((record.ended or record.started) * 1000)
            self.client.set_terminated(run, STATUS[record.state], ended)
            self._runs.pop(record.number, None)
            self._logged.pop(record.number, None)

    def _create(self, record: RunRecord) -> str:
        tags = {TRIAL: str(record.number), PARENT: self.parent_run}
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
        self._best: dict[int, float] = {}  # finished trials -> best skill, for the parent run
        self._changed = threading.Condition()
        self._closing = False
        self._down = False
        self._heard = 0.0  # when the server last did as it was told
        self._thread = threading.Thread(target=self._run, name="tracking", daemon=True)
        self._thread.start()

    def put(self, record: RunRecord) -> None:
        """Have a trial's newest state written soon."""
        with self._changed:
            self._pending[record.number] = record
            if record.over:
                self._changed.notify()

    def best(self, finished: int, skill: float) -> None:
        """Have the best skill after so many finished trials written to the parent run."""
        with self._changed:
            self._best[finished] = skill

    def finish(self, patience: float = 60.0) -> int:
        """Write what is left and end. Returns how many finished trials MLflow does not have.

        Gives up after `patience` seconds, or sooner when the server has not answered before.
        """
        with self._changed:
            self._closing = True
            self._changed.notify()
        asked = time.monotonic()
        while self._thread.is_alive() and time.monotonic() < asked + patience:
            self._thread.join(0.1)
            if self._down and time.monotonic() > max(asked, self._heard) + DOWN_SECONDS:
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
                    self._heard = time.monotonic()
                self._write_pending(experiment)
                self._report_up()
                if closing and idle:
                    experiment.set_parent_status("FINISHED")
                    return
            except Exception as error:  # whatever MLflow raises, training goes on
                experiment = None  # what it remembers of the server may be wrong by now
                self._report_down(error)
                if closing:
                    return
                with self._changed:
                    self._changed.wait_for(lambda: self._closing, timeout=RETRY_SECONDS)

    def _urgent(self) -> bool:
        return self._closing or any(record.over for record in self._pending.values())

    def _write_pending(self, experiment: Experiment) -> None:
        with self._changed:
            pending = sorted(self._pending.values(), key=lambda record: record.number)
        over = []
        try:
            for record in pending:
                experiment.write(record)
                self._heard = time.monotonic()
                with self._changed:
                    if self._pending.get(record.number) is record:
                        del self._pending[record.number]
                if record.over:
                    over.append(record.number)
            with self._changed:
                best = dict(self._best)
            experiment.write_best(best)
            with self._changed:
                for finished in best:
                    del self._best[finished]
        finally:
            if over:
                self._written(over)

    def _report_down(self, error: Exception) -> None:
        if not self._down:
            self._down = True
            self._notice(
                f"MLflow does not answer ({first_line(error)}); the search goes on, and what "
                "MLflow lacks is written when it is back, or by `rnnsearch sync`"
            )

    def _report_up(self) -> None:
        if self._down:
            self._down = False
            self._notice("MLflow answers again and has caught up")


def sync(uri: str, parent: Parent, artifacts: Path, records: Sequence[RunRecord]) -> dict[str, int]:
    """Make MLflow say what the store says: one run per trial, each with its final state.

    Missing and unfinished runs are written, second runs of a trial deleted; those of trials that
    still run are their driver's. Raises StorageError.
    """
    try:
        experiment = Experiment(uri, parent, artifacts)
        known = experiment.all_runs()
        done = {"written": 0, "deleted": 0, "kept": 0}
        for record in records:
            runs = known.pop(record.number, [])
            if not record.over:
                continue
            whole = [run for run in runs if _says(run, record, experiment.parent_run)]
            experiment.use(record.number, whole + [run for run in runs if run not in whole])
            done["deleted"] += max(len(runs) - 1, 0)
            done["kept" if whole else "written"] += 1
            if not whole:
                experiment.write(record)
        for runs in known.values():  # of trials that the store does not have
            for run in runs:
                experiment.client.delete_run(run.info.run_id)
                done["deleted"] += 1
        if skills := [r.metrics["skill"] for r in records if r.state == "complete"]:
            finished = sum(r.state in ("complete", "pruned", "failed") for r in records)
            experiment.write_best({finished: max(skills)})
        if all(record.over for record in records):
            experiment.set_parent_status("FINISHED")
    except Exception as error:
        raise StorageError(
            f"{shown_uri(uri)}: MLflow cannot be brought up to date: {first_line(error)}; check "
            "[run] tracking or RNNSEARCH_TRACKING and that the server is up, then run "
            "`rnnsearch sync` again"
        ) from None
    return done


def _says(run: Any, record: RunRecord, parent: str) -> bool:
    """Whether a run shows a trial as it ended."""
    tags = run.data.tags
    said = (tags.get(STATE), tags.get(PARENT), run.info.status)
    return said == (record.state, parent, STATUS[record.state])


def default_uri(folder: Path) -> str:
    """The embedded tracking store."""
    return f"sqlite:///{folder / 'mlflow.db'}"


def first_line(error: Exception) -> str:
    """An error in at most 200 characters, without passwords."""
    return shown_uri((str(error).strip().splitlines() or [repr(error)])[0])[:200]


def shown_uri(uri: str) -> str:
    """The URI without its password."""
    return re.sub(r"//([^:@/\s]*):[^@/\s]*@", r"//\1:***@", uri)


def _client(uri: str) -> "MlflowClient":
    """A client that fails fast and keeps quiet. Imports MLflow, which takes two seconds."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")  # `Tracker` tries again
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "15")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
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
