"""A trial while a driver has it, and whoever shows it to the user."""

from dataclasses import dataclass, field
from typing import Protocol

from rnnsearch.search.store.asked import AskedTrial
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import EpochReport

HISTORY = ("skill", "gain", "train_loss", "validation_loss", "gradient_norm")


@dataclass(eq=False)
class RunningTrial:
    """A trial of this driver, from ask to tell."""

    asked: AskedTrial
    parameters: TrialParameters
    begun: TrialView  # as the store had it before its first epoch
    history: dict[str, list[float]] = field(default_factory=lambda: {key: [] for key in HISTORY})
    lost_workers: int = 0
    lost_servers: int = 0  # processes that workers are forked from
    train_seconds: float = 0.0
    kernels: str | None = None  # what trains it; see `EpochReport`

    @property
    def number(self) -> int:
        return self.asked.number

    @property
    def is_reference(self) -> bool:
        return self.begun.reference is not None

    @property
    def epoch(self) -> int:
        return len(self.history["skill"])

    def add(self, report: EpochReport) -> None:
        for key in HISTORY:
            self.history[key].append(getattr(report, key))
        self.train_seconds += report.seconds
        self.kernels = report.kernels


class View(Protocol):
    """Whoever shows the search to the user."""

    def begin(self, store: Store, target: int, workers: int) -> None: ...
    def running(self, trial: RunningTrial) -> None: ...
    def finished(self, trial: TrialView) -> None: ...
    def let_go(self, number: int) -> None: ...
    def look(self, store: Store) -> None: ...
    def notice(self, text: str) -> None: ...
