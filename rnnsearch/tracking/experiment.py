"""One experiment per study, one parent run, one child per trial: what MLflow is told, and how.

A trial's run is looked up by its tags before one is made, and again when the trial ends, so that
neither a driver that died nor a server that answered too late leaves a second one. Studies of one
name, as two people may have in two stores, share an experiment; the tag `rnnsearch.study` tells
their runs apart.
"""

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rnnsearch.tracking import view
from rnnsearch.tracking.server import connect

STUDY = "rnnsearch.study"
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
NOTE = "mlflow.note.content"  # a description
WHOSE = ("mlflow.user", "mlflow.source.name", "mlflow.source.type")  # of a parent and its trials
VERDICT = "**Verdict on the locked test.** "  # begins a description, once there is one
CHAMPION = "champion"  # tag of the trial that `evaluate` chose
BATCH_METRICS, BATCH_OTHERS = 1000, 100  # MLflow's limits of one log_batch
IN_THE_SAME_MOMENT = "BAD_REQUEST"  # where another driver has written the same param or tag


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
    metrics: dict[str, float] = field(default_factory=dict)  # as they are by now
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        return max(map(len, self.history.values()), default=0)

    @property
    def over(self) -> bool:
        return self.state != "running"


@dataclass(frozen=True)
class Parent:
    """What MLflow shall show of the study itself."""

    study: str
    id: str  # of this study, and no other of its name
    description: str
    params: dict[str, str]
    tags: dict[str, str]
    experiment: str = ""  # the name of a study of many series that it is one of
    dataset: Mapping[str, str] = field(default_factory=dict)  # of mlflow.entities.Dataset

    @property
    def experiment_name(self) -> str:
        return self.experiment or self.study


def renewed(before: str, parent: Parent) -> str:
    """A description as it is to be: the verdict that stood in it stays until there is another one,
    and what somebody has written in its place stays at all."""
    verdict, _, rest = before.partition("\n\n")
    if not before.startswith(VERDICT):
        verdict, rest = "", before
    if rest and not rest.startswith(f"**{parent.study}**"):
        return before
    if verdict and not parent.description.startswith(VERDICT):
        return f"{verdict}\n\n{parent.description}"
    return parent.description


class Experiment:
    """A study's experiment in MLflow; every method talks to the server and may raise."""

    def __init__(self, uri: str, parent: Parent, artifacts: Path) -> None:
        self.client = connect(uri)
        self._study = parent.id
        self._runs: dict[int, str] = {}  # trial -> run
        self._logged: dict[int, int] = {}  # trial -> epochs written
        self._dataset = parent.dataset
        self._with_data: set[str] = set()  # runs that say of which data they are
        self.whose = {name: parent.tags[name] for name in WHOSE if name in parent.tags}
        self.id = self._ensure_experiment(uri, parent, artifacts)
        self.parent_run = self._ensure_parent(parent)

    def _ensure_experiment(self, uri: str, parent: Parent, artifacts: Path) -> str:
        from mlflow.exceptions import MlflowException

        name = parent.experiment_name
        found = self.client.get_experiment_by_name(name)
        if found is None:
            location = artifacts.as_uri() if not uri.startswith("http") else None
            tags = {NOTE: parent.description} | view.tags()
            with contextlib.suppress(MlflowException):  # another driver was faster
                self.client.create_experiment(name, location, tags=tags)
            found = self.client.get_experiment_by_name(name)
        assert found is not None
        if found.lifecycle_stage == "deleted":
            self.client.restore_experiment(found.experiment_id)
        known, wanted = found.tags, view.tags()
        if not parent.experiment:  # that of many series is described by the first of them
            wanted[NOTE] = renewed(known.get(NOTE, ""), parent)
        if view.KIND in known:
            del wanted[view.KIND]  # somebody may have said otherwise
        for key, value in wanted.items():
            if known.get(key) != value:
                self.client.set_experiment_tag(found.experiment_id, key, value)
        return str(found.experiment_id)

    def _ensure_parent(self, parent: Parent) -> str:
        from mlflow.exceptions import MlflowException

        while True:
            first = self._first_parent(parent)
            try:
                if not first.data.params:  # or whoever made it was cut off
                    self._write(first.info.run_id, params=parent.params)
                self._renew(first, parent)
                return str(first.info.run_id)
            except MlflowException:
                if not self._is_deleted(first.info.run_id):
                    raise  # else another driver has begun an older one meanwhile, and taken that

    def _first_parent(self, parent: Parent) -> Any:
        """The oldest of those there are, made where there is none; others are deleted."""
        if not (found := self._parents()):
            tags = {STUDY: self._study, TRIAL: "parent", NOTE: parent.description}
            self.client.create_run(self.id, tags=tags | parent.tags, run_name=parent.study)
            found = self._parents()
        first, *others = found
        if others:  # of drivers that began at the same time: one of them may go on by now
            first, *others = sorted([first, *others], key=lambda run: not self._children(run))
        for other in others:
            self.client.delete_run(other.info.run_id)
        return first

    def _is_deleted(self, run: str) -> bool:
        return str(self.client.get_run(run).info.lifecycle_stage) == "deleted"

    def _renew(self, run: Any, parent: Parent) -> None:
        """Have the parent run say what is true now: whose it is, of which data, what was found."""
        wanted = parent.tags | {NOTE: renewed(run.data.tags.get(NOTE, ""), parent)}
        wanted |= {key: run.data.tags[key] for key in WHOSE if key in run.data.tags}  # who began it
        if fresh := {k: v for k, v in wanted.items() if run.data.tags.get(k) != v}:
            self._write(run.info.run_id, tags=fresh)
        self._look_for_data(run)
        self._log_data(run.info.run_id)

    def _look_for_data(self, run: Any) -> None:
        """Remember whether a run says of which data it is."""
        known = run.inputs.dataset_inputs if run.inputs else ()
        if self._dataset.get("digest") in [one.dataset.digest for one in known]:
            self._with_data.add(run.info.run_id)

    def _log_data(self, run: str) -> None:
        """Have a run say of which data it is: a call, where it does not yet."""
        if not self._dataset or run in self._with_data:
            return
        from mlflow.entities import Dataset, DatasetInput, InputTag

        context = [InputTag("mlflow.data.context", "training")]
        self.client.log_inputs(run, [DatasetInput(Dataset(**self._dataset), context)])
        self._with_data.add(run)

    def _parents(self) -> list[Any]:
        return self._search(f"tags.`{TRIAL}` = 'parent'")

    def _children(self, parent: Any) -> list[Any]:
        return self._search(f"tags.`{PARENT}` = '{parent.info.run_id}'")

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
        """The runs of this study that a query finds, the oldest first."""
        query = f"tags.`{STUDY}` = '{self._study}' and {query}"
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
            self._look_for_data(runs[0])

    def write_course(
        self, measures: dict[int, dict[str, float]], times: Mapping[int, float] | None = None
    ) -> None:
        """Measures of the study, by step, on the parent run; `times` are when each step was, in
        seconds since the epoch."""
        values = [
            (name, value, n) for n, found in measures.items() for name, value in found.items()
        ]
        self._write(self.parent_run, values, times=times)

    def note_parent(self, metrics: dict[str, float], tags: dict[str, str], step: int = 0) -> None:
        """A result of the whole study, on the parent run; of several, the highest step is shown."""
        self._write(self.parent_run, [(n, v, step) for n, v in metrics.items()], tags=tags)

    def name_champion(self, number: int) -> None:
        """Have one trial's run say that it is the champion, and no other one."""
        for run in self._search(f"tags.`{CHAMPION}` != ''"):
            if run.data.tags[TRIAL] != str(number):
                self.client.delete_tag(run.info.run_id, CHAMPION)
        for run in self.runs(number)[:1]:
            self.client.set_tag(run.info.run_id, CHAMPION, "yes")

    def parent_history(self, name: str) -> dict[int, float]:
        """What the parent run has of a metric, by step; the newest where there are several."""
        history = self.client.get_metric_history(self.parent_run, name)
        return {one.step: one.value for one in sorted(history, key=lambda one: one.timestamp)}

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
        metrics += [(name, value, record.epochs) for name, value in record.metrics.items()]
        tags = record.tags | self.whose | {PARENT: self.parent_run}
        self._write(run, metrics, record.params if not done else {}, tags, record.started)
        self._logged[record.number] = record.epochs
        self._log_data(run)
        if record.over:
            self._with_data.discard(run)
            ended = int((record.ended or record.started) * 1000)
            self.client.set_terminated(run, STATUS[record.state], ended)
            self._runs.pop(record.number, None)
            self._logged.pop(record.number, None)

    def _create(self, record: RunRecord) -> str:
        tags = {STUDY: self._study, TRIAL: str(record.number), PARENT: self.parent_run}
        run = self.client.create_run(
            self.id,
            int(record.started * 1000),
            tags=tags | record.tags | self.whose,
            run_name=record.name,
        )
        # Another driver may have made one in the same moment: both keep the first.
        self.use(record.number, self.runs(record.number) or [run])
        return self._runs[record.number]

    def _write(
        self,
        run: str,
        metrics: Iterable[tuple[str, float, int]] = (),
        params: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
        started: float = 0.0,
        times: Mapping[int, float] | None = None,
    ) -> None:
        """Log in as few calls as MLflow allows. A value written twice is the same value: its
        time stamp is derived from its step, unless `times` say when each step was."""
        from mlflow.entities import Metric, Param, RunTag
        from mlflow.exceptions import MlflowException

        def stamp(step: int) -> int:
            return int(started * 1000) + step if times is None else int(times[step] * 1000)

        values = [Metric(n, v, stamp(step), step) for n, v, step in metrics]
        settings = [Param(name, value[:6000]) for name, value in (params or {}).items()]
        labels = [RunTag(name, value[:5000]) for name, value in (tags or {}).items()]
        while values or settings or labels:
            # 1000 entities of all kinds fit in one call
            room = BATCH_METRICS - min(len(settings), BATCH_OTHERS) - min(len(labels), BATCH_OTHERS)
            batch = values[:room], settings[:BATCH_OTHERS], labels[:BATCH_OTHERS]
            try:
                self.client.log_batch(run, *batch)
            except MlflowException as error:
                if error.error_code != IN_THE_SAME_MOMENT:
                    raise
                self.client.log_batch(run, *batch)
            values = values[room:]
            settings, labels = settings[BATCH_OTHERS:], labels[BATCH_OTHERS:]
