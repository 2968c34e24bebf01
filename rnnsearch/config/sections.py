"""The sections of a study file, and the file they make. Every key has a default except the data."""

import difflib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    WithJsonSchema,
    model_validator,
)

from rnnsearch import cells
from rnnsearch.config import engines
from rnnsearch.config.data import DataSection, MarketSection, target_loss, target_package
from rnnsearch.config.dimensions import (
    MOST,
    LengthDimension,
    LengthRange,
    Section,
    bounds,
    drawn,
    extremes,
)
from rnnsearch.config.paths import check_steps
from rnnsearch.config.space import SpaceSection
from rnnsearch.config.times import checked
from rnnsearch.config.trade import TradeSection
from rnnsearch.errors import shown
from rnnsearch.own_code import OwnCode, read_code, split_reference

Precision = Literal["float32", "bfloat16"]

# Where prices are: they enter by their content. Others that are left out change none of a series.
SOURCE = ("path", "sample", "series", "layout", "skip_bad")
NEWER_KEYS = ("missing", "fill")  # of [data], which old stores do not have

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


QUANTILE = "quantile"

OWN = {"bce": "cross-entropy"}
"""What losses are called that a target brings itself."""

LATER = (
    ("inputs", "lengths"),
    ("data", "pool"),
    ("space", "embedding"),
    ("space", "loss"),
    ("space", "quantiles"),
)
"""Keys that studies of earlier versions do not have; where they say nothing, nothing changes."""


class StudyFile(Section):
    """One study, as its file says it."""

    study: StudySection = Field(default_factory=StudySection)
    data: DataSection
    split: SplitSection = Field(default_factory=SplitSection)
    space: SpaceSection = Field(default_factory=SpaceSection)
    inputs: InputsSection = Field(default_factory=InputsSection)
    evaluate: EvaluateSection = Field(default_factory=EvaluateSection)
    trade: TradeSection = Field(default_factory=TradeSection)
    run: RunSection = Field(default_factory=RunSection)

    _folder: Path = PrivateAttr(default=Path())
    _code: dict[str, OwnCode] | None = PrivateAttr(default=None)
    _family: str = PrivateAttr(default="")

    @model_validator(mode="after")
    def _pools_what_can_be(self) -> Self:
        if not self.data.pool:
            if any(extremes(self.space.embedding)):
                raise ValueError(
                    "[space] embedding tells series of one network apart, which needs pool = true "
                    f"in [data], got embedding = {shown(self.space.embedding)}; write that, or "
                    "embedding = 0"
                )
            return self
        if self.data.path is None:
            raise ValueError(
                f"[data] pool = true needs many series, and sample = {shown(self.data.sample)} is "
                'one; name them, as path = "stocks/*.csv"'
            )
        if self.study.metric == TRADED:
            raise ValueError(
                f'[study] metric = "{TRADED}" is of one series, and [data] pool = true scores all '
                'together; write metric = "skill" or "rank_ic"'
            )
        if self.evaluate.refit_every:
            raise ValueError(
                "[evaluate] refit_every walks through the test of one series, and [data] pool = "
                f"true has one network for all, got {self.evaluate.refit_every}; write 0"
            )
        return self

    @model_validator(mode="after")
    def _paths_are_possible(self) -> Self:
        check_steps(self)
        return self

    @property
    def name(self) -> str:
        return self.study.name

    @property
    def furthest(self) -> int:
        """Sessions from an origin to the last target that any trial has."""
        return int(max(extremes(self.space.output_shift))) + self.data.steps - 1

    @property
    def family(self) -> str:
        """The name of the study of many series that this is one of; "" where it is of none."""
        return self._family

    def of_series(self, name: str, path: Path, series: tuple[str, ...]) -> Self:
        """The study of one of its many series, as a study of its own with its own `name`."""
        _ = self.code  # all have it as it is now
        data = self.data.model_copy(update={"path": path, "series": series})
        own = self.study.model_copy(update={"name": name})
        study = self.model_copy(update={"study": own, "data": data})
        study._family = self.name
        return study

    def cannot_be_balanced(self) -> str | None:
        """Why `balance` cannot be held to, with the value and the remedy; None where it can."""
        name, space = self.study.balance, self.space
        if name is None:
            return None
        listed = [
            one
            for one in drawn(SpaceSection)
            if isinstance(value := getattr(space, one), tuple) and len(value) > 1
            if not (one == "neurons" and space.neurons_per == "layer")
            if not (one == "input_shift" and space.input_shift_per == "family")
        ]
        if name not in listed:
            there = f"those are {', '.join(listed)}" if listed else "there is none: write a list"
            return (
                "names a parameter that every trial has one of several choices of, listed in "
                f"[space] ({there}), got {shown(name)}"
            )
        if self.study.sampler == "grid":
            return "a grid tries every combination, so each choice has its share; leave it out"
        return None

    @property
    def folder(self) -> Path:
        """Where its file lies: paths are meant from there."""
        return self._folder.absolute()

    @property
    def code(self) -> Mapping[str, OwnCode]:
        """The user's own files, by the names that the study has for them.

        They are read when they are first asked for, and then stay what they were: whatever happens
        to them while a command runs, it knows one state of them. Raises StudyFileError.
        """
        if self._code is None:
            self._code = {
                name: read_code(name, self._folder, place) for place, name in self._files()
            }
        return self._code

    @property
    def module(self) -> OwnCode | None:
        """The file of `[inputs] module`. Raises StudyFileError."""
        return None if self.inputs.module is None else self.code[str(self.inputs.module)]

    def with_code(self, code: Mapping[str, OwnCode]) -> Self:
        """The same study with code that is not read from beside it."""
        study = self.model_copy()
        study._code = dict(code)
        return study

    @property
    def trained_code(self) -> Mapping[str, OwnCode]:
        """Those of the files that the result of a trial depends on. Raises StudyFileError."""
        names = {file for _, file in self._files_of_trials()}
        return {name: code for name, code in self.code.items() if name in names}

    @property
    def measuring_code(self) -> dict[str, str]:
        """The hash of what `[evaluate]` names, by its reference. Raises StudyFileError."""
        references = {
            name: reference[0]
            for name in (*self.evaluate.metrics, *self.evaluate.baselines)
            if (reference := split_reference(name))
        }
        return {name: self.code[file].hash for name, file in references.items()}

    def as_it_was(self, plain: dict[str, Any]) -> Self:
        """The study that `plain` says, in the place of this one; what changes no trial is kept."""
        kept = {name: getattr(self, name).model_dump() for name in ("run", "evaluate", "trade")}
        study = type(self).model_validate(plain | kept)
        study._folder, study._family = self._folder, self._family
        return study

    def _files(self) -> Iterator[tuple[str, str]]:
        """Key and file of what is a user's own code."""
        yield from self._files_of_trials()
        for key in ("metrics", "baselines"):
            for name in getattr(self.evaluate, key):
                if reference := split_reference(name):
                    yield f"[evaluate] {key}", reference[0]

    def _files_of_trials(self) -> Iterator[tuple[str, str]]:
        if self.inputs.module is not None:
            yield "[inputs] module", str(self.inputs.module)
        for name in extremes(self.space.cell):
            if reference := split_reference(name):
                yield cells.PLACE, reference[0]
        if reference := split_reference(self.study.metric):
            yield "[study] metric", reference[0]

    def fingerprint(self) -> dict[str, Any]:
        """What makes trials comparable, as plain JSON: a resumed study must have the same.

        The data enter by their content (see `inputs.InputTable.hash`), not by their path.
        """
        plain = self.model_dump(mode="json")
        data = {key: value for key, value in plain["data"].items() if key not in SOURCE}
        if data["join"]:
            data["join"] = [
                {key: value for key, value in join.items() if key not in SOURCE}
                for join in data["join"]
            ]
        else:  # when sessions close then matters to no trial
            for key in ("join", *MarketSection.model_fields):
                del data[key]
        for section in (data, *data.get("join", ())):
            for key in NEWER_KEYS:  # a study from before they were there goes on
                if section[key] == DataSection.model_fields[key].default:
                    del section[key]
        if not data["known_ahead"]:
            del data["known_ahead"]
        if data["steps"] == 1:
            del data["steps"]
        parts = {"data": data, **{key: plain[key] for key in ("split", "space", "inputs")}}
        if self.data.steps == 1:  # what is of paths alone changes nothing
            for key in ("head", "teacher_forcing"):
                parts["space"].pop(key)
        parts["inputs"].pop("module")  # a file of the user's enters by its content
        if code := self._code_record():
            parts["code"] = code
        parts |= self.valued_by
        if QUANTILE not in extremes(self.space.loss):
            parts["space"]["quantiles"] = SpaceSection.model_fields["quantiles"].default
        for section, key in LATER:  # a study of before such a key goes on without it
            field = type(getattr(self, section)).model_fields[key]
            usual = field.get_default(call_default_factory=True)
            if parts[section][key] in (usual, [*usual] if isinstance(usual, tuple) else usual):
                del parts[section][key]
        return parts

    @property
    def loss_fault(self) -> str:
        """Why nothing can be trained by [space] loss, and what to do; empty where it can."""
        losses, own = extremes(self.space.loss), target_loss(self.data.predict)
        if own != "mse" and losses != ("mse",):
            return (
                f"predict = {self.data.predict!r} is learnt by {OWN.get(own, own)} alone, got "
                f"{shown(losses[0] if len(losses) == 1 else [*losses])}; leave loss out"
            )
        if self.data.pool and QUANTILE in losses:
            return (
                "one network for many series (pool = true) forecasts points, got "
                f"{shown(losses[0] if len(losses) == 1 else [*losses])}; leave {QUANTILE} out, or "
                "give each series a search (pool = false)"
            )
        if self.study.metric == PINBALL and losses != (QUANTILE,):
            said = shown(losses[0] if len(losses) == 1 else [*losses])
            return (
                f"metric = {PINBALL!r} compares distributions, and a point loss forecasts none, "
                f"got {said}; write loss = {QUANTILE!r}, or metric = 'skill' to compare "
                "medians with points"
            )
        return ""

    @property
    def valued_by(self) -> dict[str, Any]:
        """What the value of a trial depends on beside its forecasts; empty where it is skill."""
        metric = self.study.metric
        if metric == StudySection.model_fields["metric"].default:
            return {}
        trade = {"trade": self.trade.model_dump()} if metric == TRADED else {}
        return {"study": {"metric": metric}, **trade}

    def _code_record(self) -> dict[str, str]:
        """The hash of each file; the version of each package that brings a cell or the target."""
        packages = {name: cells.package_of(name) for name in extremes(self.space.cell)}
        packages |= {f"[data] {self.data.predict}": target_package(self.data.predict)}
        record = {name: version for name, version in packages.items() if version}
        files = [split_reference(name) for name in extremes(self.space.cell)]
        record |= {file[0]: self.code[file[0]].hash for file in files if file}
        if self.module is not None:
            record["[inputs] module"] = self.module.hash
        if reference := split_reference(self.study.metric):
            record[reference[0]] = self.code[reference[0]].hash
        return record
