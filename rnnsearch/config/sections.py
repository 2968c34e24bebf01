"""The sections of a study file, but for [data] and [space], which have modules of their own."""

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    WithJsonSchema,
    model_validator,
)

from rnnsearch.config import engines
from rnnsearch.config.dimensions import (
    MOST,
    LengthDimension,
    LengthRange,
    Section,
    bounds,
)
from rnnsearch.config.times import checked
from rnnsearch.errors import shown
from rnnsearch.own_code import split_reference

Precision = Literal["float32", "bfloat16"]


NAME_RULE = re.compile(r"\w[\w.-]{0,99}")


def _study_name(name: str) -> str:
    if name and not NAME_RULE.fullmatch(name):
        raise ValueError(
            f"a study name has letters, digits, '_', '-' and '.', starts with a letter or digit "
            f"and has at most 100 characters, got {shown(name)}"
        )
    return name


PINBALL, TRADED = "pinball_skill", "sharpe"
METRICS = ("skill", "mae_skill", "log_loss_skill", PINBALL, "hit_rate", "rank_ic", TRADED)
METRIC_SCHEMA = {"anyOf": [{"enum": [*METRICS]}, {"type": "string"}]}


def _metric(name: str) -> str:
    if name in METRICS or split_reference(name):
        return name
    near = difflib.get_close_matches(name, METRICS, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}? " if near else ""
    raise ValueError(
        f"{hint}a search can maximise {', '.join(METRICS)}, or a function of yours, "
        f'"my_metrics.py:function", got {shown(name)}'
    )


def _one_metric(value: Any) -> Any:
    """Two objectives at once are refused with the reason, and with what to do."""
    if not isinstance(value, list | tuple):
        return value
    raise ValueError(
        f"a search maximises one measure, got {shown([*value])}: with several no trial can be "
        "pruned by its epochs (Optuna takes none), and none is the best that the locked rows could "
        'be opened for; name one, such as "sharpe", which counts what turnover costs, or weigh '
        'them in a function of yours, "my_metrics.py:function"'
    )


class StudySection(Section):
    """What to search, and how long."""

    name: Annotated[str, AfterValidator(_study_name)] = Field(
        default="", description="Name in the stores; the file's name where it is left out."
    )
    trials: int = Field(
        default=50, ge=1, le=999_999_999, description="Finished trials the study shall have."
    )
    timeout: Annotated[str, BeforeValidator(checked)] | None = Field(
        default=None,
        description='How long a search asks for new trials, from each start of the command: "90s", '
        '"45m", "2h", "1d", "1h30m"; running ones are finished, and the next search goes on.',
    )
    seed: int = Field(default=0, ge=0, lt=2**32, description="Same seed, same trials.")
    metric: Annotated[
        str,
        BeforeValidator(_one_metric),
        AfterValidator(_metric),
        WithJsonSchema(METRIC_SCHEMA),
    ] = Field(
        default="skill",
        description="What a search maximises, and chooses the champion by: how much better than "
        "doing nothing the forecasts of the validation rows are by it. sharpe: after the costs of "
        '[trade]; or a function of your own, `"my_metrics.py:function"`.',
    )
    sampler: Literal["tpe", "random", "qmc", "gp", "grid"] = Field(
        default="tpe", description="Who proposes the next trial; grid tries every combination."
    )
    pruner: Literal["median", "asha", "hyperband", "none"] = Field(
        default="median", description="Who stops a hopeless trial before its last epoch."
    )
    references: bool = Field(
        default=True, description="Try close only, all inputs and a small set before sampling."
    )
    balance: str | None = Field(
        default=None,
        description='A parameter of [space] with a list of choices, such as "cell": each gets as '
        "many trials as the others, so that they can be compared.",
    )


class SplitSection(Section):
    """Which rows train, validate and test."""

    test: float = Field(
        default=0.2, ge=0, le=0.8, description="Last share of the target rows, locked."
    )
    folds: int = Field(default=3, ge=1, le=50, description="Walk-forward steps.")
    validation: float = Field(
        default=0.1,
        ge=0.001,
        lt=1,
        description="Share of the unlocked rows each fold validates on.",
    )
    expanding: bool = Field(
        default=True, description="Training rows grow from fold to fold; false: they roll."
    )

    @model_validator(mode="after")
    def _leaves_training_rows(self) -> Self:
        if self.folds * self.validation > 0.9:
            raise ValueError(
                f"folds × validation must leave a tenth of the rows to train on, but "
                f"{self.folds} × {self.validation} = {self.folds * self.validation:.2f}; lower one"
            )
        return self


def _from_short_to_long(value: Any) -> Any:
    """Two numbers are a range."""
    if isinstance(value, tuple) and len(value) == 2:
        if value[0] > value[1]:
            raise ValueError(f"two lengths are a range, but {value[0]} > {value[1]}; swap them")
        return LengthRange(low=value[0], high=value[1])
    return value


Length = Annotated[
    LengthDimension, AfterValidator(_from_short_to_long), bounds(2, 1000, why=" sessions")
]


def _module(path: Path | None) -> Path | None:
    if path is not None and (path.suffix != ".py" or "\0" in str(path)):
        raise ValueError(
            f'functions of your own are in one file of Python, as "my_inputs.py", got '
            f"{shown(str(path))}"
        )
    return path


class InputsSection(Section):
    """Which inputs there are to choose from, and how a set is chosen."""

    indicators: Literal["all", "none"] | tuple[str, ...] = Field(
        default="all", description="All, none, or a list of families and indicator names."
    )
    lengths: Literal["auto"] | dict[str, Length] = Field(
        default_factory=dict,
        description="Indicators over other lengths than their own, as further inputs: "
        "`{ momentum_rsi = [5, 30] }` (from 5 to 30 sessions, some of them; or three and more "
        "lengths); auto: half and twice the own length.",
    )
    module: Annotated[Path | None, AfterValidator(_module)] = Field(
        default=None,
        description="A file of Python, relative to the study file: its functions of the table of "
        "prices are further inputs.",
    )
    search: Literal["ranked", "each", "families", "all"] = Field(
        default="ranked",
        description="ranked: the best k of a ranking learnt on training rows, and a switch per "
        "family; each: a switch per input; families: a switch per family; all: no search.",
    )
    max: int | None = Field(
        default=None,
        ge=1,
        le=MOST,
        description="Most inputs of a ranked set, beside the target's own.",
    )


RefitWindow = Literal["expanding", "rolling"] | Annotated[int, Field(ge=50)]


class EvaluateSection(Section):
    """What forecasts are measured by and compared with, beside what is there without asking."""

    refit_every: int = Field(
        default=0,
        ge=0,
        description="Walk through the locked test: champion and baselines are fitted anew every so "
        "many sessions, on the rows known by then, beside the one fit before it; 0: that alone.",
    )
    refit_window: RefitWindow = Field(
        default="expanding",
        description="What such a refit learns from: expanding: all rows known by then; rolling: "
        "the newest, as many as the one fit has; or so many of the newest target rows, at "
        "least 50.",
    )
    refit_start: Literal["cold", "warm"] = Field(
        default="cold",
        description="cold: each refit trains new networks; warm: it goes on from the weights of "
        "the one before, in a pass over the newest refit_every × epochs rows.",
    )

    metrics: tuple[str, ...] = Field(
        default=(),
        description='Metrics of your own, `["my_metrics.py:worst"]`: a function or a `Metric` of '
        "a file beside the study.",
    )
    baselines: tuple[str, ...] = Field(
        default=(),
        description='Baselines of your own, `["my_baselines.py:MEAN"]`: a function or a '
        "`Baseline` of a file beside the study.",
    )


EngineName = Annotated[
    str,
    AfterValidator(engines.checked),
    WithJsonSchema({"anyOf": [{"enum": [*engines.OURS]}, {"type": "string"}]}),
]


class TradeSection(Section):
    """How the champion's forecasts are traded on the locked rows, on paper, and at what cost.

    It changes no trial and no champion.
    """

    position: Literal["scaled", "sign", "costs", "none"] = Field(
        default="scaled",
        description="What a forecast wants. scaled: a share of the capital, by the forecast over "
        "volatility; sign: all of it, by its sign; costs: all of it where the forecast exceeds "
        "what trading it costs; none: nothing is traded.",
    )
    sides: Literal["long_short", "long_only"] = Field(
        default="long_short",
        description="long_short: a fall that is forecast is sold short; long_only: it is not.",
    )
    entry: Literal["close", "open"] = Field(
        default="close",
        description="close: at the close that the forecast is made from, so it has to be there "
        "just before; open: at the next open.",
    )
    cost: float = Field(
        default=5.0,
        ge=0,
        le=1000,
        description="Of a trade, in basis points (0.01 %) of what is bought or sold, per side.",
    )
    borrow: float = Field(
        default=0.0, ge=0, le=1000, description="Percent a year on what is sold short."
    )
    cash: float = Field(
        default=0.0,
        gt=-50,
        le=1000,
        description="Percent a year on cash; a gain is measured against it.",
    )


class RunSection(Section):
    """Where it runs and where it is written.

    Only device and precision change a trial's result; kernels its last digits.
    """

    engine: EngineName = Field(
        default="local",
        description="local: processes of this machine; ray: of a Ray cluster; inline: the "
        "command's own process, one trial at a time whatever workers is; or the engine of an "
        "installed package.",
    )
    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=1024)] = Field(
        default="auto",
        description="Training processes; auto: one per core, four per GPU.",
    )
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = Field(
        default="auto", description="auto, cpu, cuda, cuda:1 or mps."
    )
    precision: Precision = Field(default="float32", description="bfloat16: autocast on CUDA.")
    kernels: Literal["auto", "torch"] = Field(
        default="auto",
        description="What trains on a CPU; auto: compiled kernels where they do what torch does.",
    )
    ray_address: Annotated[str, Field(pattern=r"^(auto|(ray://)?[^/\s]+:\d+)$")] | None = Field(
        default=None,
        description="auto: the cluster this machine belongs to; ray://HOST:10001; HOST:6379; "
        "left out: Ray is started on this machine.",
    )
    gpus_per_trial: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Share of a GPU for a Ray worker; left out: 0.25, or 0 where device is cpu or "
        "the cluster has no GPU.",
    )
    cpus_per_trial: float = Field(default=1, gt=0, description="CPU cores for a Ray worker.")
    max_workers: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Ray workers to ask for, however large the cluster is now; left out: workers, "
        "or with auto as many as have room.",
    )
    storage: str | None = Field(
        default=None, description="Optuna storage URL; left out: runs/optuna.db."
    )
    tracking: str | None = Field(
        default=None, description="MLflow tracking URI; left out: runs/mlflow.db."
    )
