"""What an engine is."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, ClassVar, Protocol

from rnnsearch.errors import StudyFileError
from rnnsearch.search.engines.machine import Notice, plan_workers
from rnnsearch.search.trial.protocol import Workers

if TYPE_CHECKING:
    import pandas as pd

    from rnnsearch.config import StudyFile
    from rnnsearch.config.sections import RunSection
    from rnnsearch.search.problem import Problem


@dataclass(frozen=True)
class Placement:
    """facts: a line each; nodes: the machines of a cluster, none for this machine alone."""

    facts: list[str]
    nodes: "pd.DataFrame | None" = None


class SharedWorkers(Workers, Protocol):
    """Workers that train tasks of several problems, of an engine that `shares` them."""

    def learn(self, number: int, problem: "Problem") -> None:
        """Take tasks of a further problem of the same study file, under this number from 1 on."""

    def forget(self, number: int) -> None:
        """No further task of it will come."""


class Engine(ABC):
    """One way to train trials, for any study: what it knows of one is in its workers.

    name     as `[run] engine` has it; that of its entry point
    package  what it cannot do without, as it is imported; an engine imports it in its methods
    install  the command that installs it
    """

    name: ClassVar[str]
    package: ClassVar[str] = ""
    install: ClassVar[str] = ""
    shares: ClassVar[bool] = False
    """Whether its workers are SharedWorkers."""

    @abstractmethod
    def start(self, problem: "Problem", notice: Notice, most: int | None = None) -> Workers:
        """Workers for a problem, at most `most`; they need not be ready. See `protocol.Workers`.

        A trial has the same values wherever it is trained: by `trial.runner.TrialRunner` (or
        `trial.worker.serve`), from `setup_here`, or `problem.worker_setup` for other machines.
        `notice` may be told something later, too. Raises StudyFileError for what can never be
        placed.
        """

    @abstractmethod
    def placement(self, problem: "Problem") -> Placement:
        """How many workers `start` would begin where, on which device, without beginning any.

        Raises StudyFileError as `start` does.
        """

    def expected_workers(self, study: "StudyFile") -> int:
        """How many trials are trained at a time, as far as can be told without asking a cluster."""
        return plan_workers(study.run.device, study.run.workers)[1]

    def warm_up(self) -> None:  # noqa: B027  not every engine has to
        """Begin what takes long and needs no study; return at once. May be called at any time."""

    def foresee(self, run: "RunSection") -> None:  # noqa: B027  not every engine has to
        """Begin what a study with this [run] will need; return at once."""

    def here(self) -> "Engine":
        """The engine that trains the champion's further seeds, few trials: of this machine."""
        return self

    def require(self) -> None:
        """Raises StudyFileError, with what to install, where its package is not."""
        if self.package and find_spec(self.package) is None:
            raise StudyFileError(
                f'[run] engine: "{self.name}" needs the package {self.package}, which is not '
                f'installed here; run `{self.install}`, or use the engine "local"'
            )
