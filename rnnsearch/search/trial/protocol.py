"""What driver and workers say to each other. Plain data: no torch, no Optuna.

    driver -> worker    Task | Stop | Learn
    worker -> driver    Ready, then per task: Progress* and one of Done | Failed | Stopped | Crashed

`Lost` is said by the pool of workers, of a worker that cannot speak any more.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from rnnsearch.config import Precision, Predict
from rnnsearch.data.inputs.table import InputTable
from rnnsearch.model.windows import Split
from rnnsearch.own_code import OwnCode
from rnnsearch.scoring.objectives import SKILL, Wanted
from rnnsearch.targets import SCORING, Quotes


@dataclass(frozen=True)
class WorkerSetup:
    """What a worker needs before its first task."""

    table: Path | InputTable  # the file in the cache, which every worker maps; or what is in it
    quotes: Quotes
    split: Split
    predict: Predict
    device: str  # as the study file says it
    precision: Precision = "float32"
    workers_per_device: int = 1
    code: Mapping[str, OwnCode] = field(default_factory=dict)  # `StudyFile.code`, as text
    kernels: Path | None = None  # the folder of the compiled ones; without it torch trains
    metrics: tuple[str, ...] = ()  # the study's own, whose files are in `code`
    objective: Wanted = SKILL  # what trials are valued by
    slot: int = 0  # number of this worker among the driver's; spreads workers over GPUs


@dataclass(frozen=True)
class EpochReport:
    """One epoch of all folds. Losses are means over the folds; the pruner compares gain."""

    epoch: int  # 1-based
    skill: float
    gain: float
    train_loss: float
    validation_loss: float
    gradient_norm: float
    seconds: float  # inside training steps
    kernels: str = "torch"  # what trained: see `model.training.Trainer`


@dataclass(frozen=True)
class Outcome:
    """A trial trained to its last epoch.

    `metrics` are those of the validation rows of all folds together (skill, gain and the study's
    own objective: as reported),
    `folds` those of each; `forecasts` of these rows in date order, in the target's unit,
    packed by `packing.pack`; and so are `quantiles` (m, Q), row by row, empty where there are none.
    `permutation` is how much skill each input is worth; empty where that
    was not measured. `lacking` says which measures of the study's own there are none of, and why.
    """

    skill: float
    gain: float  # what the search maximises; see `scoring.gain`
    metrics: dict[str, float]
    folds: list[dict[str, float]]
    forecasts: str
    seconds: float
    permutation: dict[str, float] = field(default_factory=dict)
    quantiles: str = ""
    lacking: str = ""


@dataclass(frozen=True)
class Task:
    """A trial to train. Its inputs are measured if it reaches a gain above `measure_above`."""

    number: int  # of the trial
    parameters: dict[str, Any]  # TrialParameters.plain()
    measure_above: float = math.inf
    scoring: int = SCORING  # of its study
    formulation: int | None = None  # of its study; None for the newest
    problem: int = 0  # whose it is: 0 that of the worker's own setup, else one it has learnt


@dataclass(frozen=True, kw_only=True)
class Refit(Task):
    """A configuration to be fitted on given rows; what it says of later ones is the outcome.

    train, told  first and one past the last target row to learn from, and to forecast
    history      the same of the table rows that anything may be fitted on; see `windows.Fold`
    """

    train: tuple[int, int]
    told: tuple[int, int]
    history: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class NetworkRefit(Refit):
    """Its network: goes on from `weights` where there are any, on the `newest` training rows alone.

    Scalers are fitted on all of them. `kept`: the outcome has the weights of then.
    """

    weights: bytes = b""  # safetensors
    newest: int = 0
    kept: bool = False


@dataclass(frozen=True, kw_only=True)
class BaselineRefit(Refit):
    """A baseline on the configuration's windows; `own` are the study's own, by reference."""

    baseline: str
    own: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Refitted(Outcome):
    """What a refit says of the rows that it was told: `forecasts` alone, and no score of them.

    `chosen` as of `baselines.Fitted`; `weights` of the network where they are to be kept.
    """

    skill: float = math.nan
    gain: float = math.nan
    metrics: dict[str, float] = field(default_factory=dict)
    folds: list[dict[str, float]] = field(default_factory=list)
    chosen: str = ""
    weights: bytes = b""


@dataclass(frozen=True)
class Stop:
    number: int


KEPT = 3
"""Problems that a worker has open at a time, of many series."""


@dataclass(frozen=True)
class Learn:
    """A further problem, said before a task of it to a worker that does not have it open."""

    problem: int
    setup: WorkerSetup


@dataclass(frozen=True)
class Ready:
    description: dict[str, str]  # device and versions


@dataclass(frozen=True)
class Progress:
    number: int
    report: EpochReport


@dataclass(frozen=True)
class Done:
    number: int
    outcome: Outcome


@dataclass(frozen=True)
class Stopped:
    number: int


@dataclass(frozen=True)
class Failed:
    """The trial itself has no result, and would have none again: diverged, out of memory."""

    number: int
    reason: str


@dataclass(frozen=True)
class Crashed:
    """An error nobody foresaw; the worker leaves after saying so."""

    number: int
    reason: str
    detail: str


@dataclass(frozen=True)
class Lost:
    """A worker died, hung or crashed and was replaced; `number` is the trial it held, if any.

    `blameless`: what it died of cannot have been the trial.
    """

    number: int | None
    reason: str
    blameless: bool = False


Message = Ready | Progress | Done | Stopped | Failed | Crashed
Event = Ready | Progress | Done | Stopped | Failed | Lost


class Open:
    """The problems that a worker has open beside its own, 0; worker and driver keep one each."""

    def __init__(self) -> None:
        self.numbers: list[int] = []  # the one of the newest task is the last

    def needs(self, problem: int) -> bool:
        """Whether a task of it, which is the next, has to be said with what it is about."""
        new = problem not in (0, *self.numbers)
        if problem:
            self.numbers = [one for one in self.numbers if one != problem] + [problem]
            del self.numbers[:-KEPT]
        return new


class Workers(Protocol):
    """What the driver needs of workers, wherever they run."""

    @property
    def description(self) -> dict[str, str]:
        """Device and versions, as far as a worker has told them."""

    @property
    def count(self) -> int:
        """How many there are, those that are still starting too."""

    def has_idle(self) -> bool:
        """Whether `submit` may be called."""

    def starved(self) -> bool:
        """Whether none has had a place for a while: others have the cluster."""

    def submit(self, task: Task) -> None:
        """Hand a task to an idle worker."""

    def stop(self, number: int) -> None:
        """Ask for a trial to end soon; `Stopped`, or its end, follows as an event."""

    def events(self, timeout: float) -> Iterable[Event]:
        """What has been said, in order; waits up to `timeout` seconds for something."""

    def close(self) -> None:
        """End all workers at once."""
