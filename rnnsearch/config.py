"""The study file: TOML, validated once, frozen ever after.

Every key has a default except the data. A parameter of the space is written in one of three ways:

    window = 20                                  fixed
    window = [10, 20, 40]                        choices
    window = { low = 5, high = 60, log = true }  a range, both ends included
"""

import difflib
import hashlib
import json
import os
import re
import tomllib
import zoneinfo
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    model_validator,
)

from rnnsearch.errors import StudyFileError

Cell = Literal["rnn", "lstm", "gru", "birnn", "bilstm", "bigru"]
ScalerKind = Literal["standard", "minmax", "robust"]
OptimizerKind = Literal["adam", "sgd"]
Predict = Literal["log_return", "level", "direction"]
Sample = Literal["sp500", "nasdaq"]
Precision = Literal["float32", "bfloat16"]


class Section(BaseModel):
    """A table of the study file: frozen, and no key that we do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


# --- one parameter of the space -----------------------------------------------------------------


class IntRange(Section):
    """Whole numbers from `low` to `high`, both included."""

    low: int
    high: int
    log: bool = False
    step: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_range(self.low, self.high, self.log, self.step != 1)
        return self


class FloatRange(Section):
    """Numbers from `low` to `high`, both included; in steps of `step` where it is given."""

    low: float
    high: float
    log: bool = False
    step: float | None = Field(default=None, gt=0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        _check_range(self.low, self.high, self.log, self.step is not None)
        return self


def _check_range(low: float, high: float, log: bool, stepped: bool) -> None:
    if low > high:
        raise ValueError(f"low must not exceed high, but {low} > {high}")
    if log and low <= 0:
        raise ValueError(f"a log range must start above 0, but low is {low}")
    if log and stepped:
        raise ValueError("a log range takes no step; remove log or step")


def _kind(value: object) -> str:
    """Which of the three ways a parameter is written in, so that its errors speak of that one."""
    if isinstance(value, dict | IntRange | FloatRange):
        return "range"
    return "choices" if isinstance(value, list | tuple) else "value"


def _choices(values: tuple[Any, ...]) -> tuple[Any, ...]:
    if not values:
        raise ValueError("a list of choices needs at least one value")
    if len(set(values)) < len(values):
        raise ValueError(f"choices must differ, got {list(values)}")
    return values


def _bounds(
    low: float, high: float | None = None, *, why: str = "", below: float | None = None
) -> AfterValidator:
    """Every value of a parameter lies in low..high (or strictly under `below`)."""

    def check(value: Any) -> Any:
        for number in extremes(value):
            if number < low:
                raise ValueError(f"must be at least {low}, got {number}{why}")
            if high is not None and number > high:
                raise ValueError(f"must be at most {high}, got {number}{why}")
            if below is not None and number >= below:
                raise ValueError(f"must be under {below}, got {number}{why}")
        return value

    return AfterValidator(check)


def extremes(dimension: Any) -> tuple[Any, ...]:
    """The values a parameter can take, or for a range its two ends."""
    if isinstance(dimension, IntRange | FloatRange):
        return (dimension.low, dimension.high)
    return dimension if isinstance(dimension, tuple) else (dimension,)


IntDimension = Annotated[
    Annotated[int, Tag("value")]
    | Annotated[tuple[int, ...], AfterValidator(_choices), Tag("choices")]
    | Annotated[IntRange, Tag("range")],
    Discriminator(_kind),
]
FloatDimension = Annotated[
    Annotated[float, Tag("value")]
    | Annotated[tuple[float, ...], AfterValidator(_choices), Tag("choices")]
    | Annotated[FloatRange, Tag("range")],
    Discriminator(_kind),
]
Word = TypeVar("Word")
WordDimension = Annotated[
    Annotated[Word, Tag("value")]
    | Annotated[tuple[Word, ...], AfterValidator(_choices), Tag("choices")],
    Discriminator(_kind),
]

# --- the sections -------------------------------------------------------------------------------

NAME_RULE = re.compile(r"\w[\w.-]{0,99}")


def _study_name(name: str) -> str:
    if name and not NAME_RULE.fullmatch(name):
        raise ValueError(
            f"a study name has letters, digits, '_', '-' and '.', starts with a letter or digit "
            f"and has at most 100 characters, got {name!r}"
        )
    return name


class StudySection(Section):
    """What to search, and how long."""

    name: Annotated[str, AfterValidator(_study_name)] = Field(
        default="", description="Name in the stores; the file's name where it is left out."
    )
    trials: int = Field(default=50, ge=1, description="Finished trials the study shall have.")
    seed: int = Field(default=0, ge=0, lt=2**32, description="Same seed, same trials.")
    metric: Literal["skill"] = Field(
        default="skill", description="What a trial is valued by: the mean skill over the folds."
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


CLOSE_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


def _close_time(text: str) -> str:
    if not CLOSE_TIME.fullmatch(text) or text == "00:00":
        midnight = "; a session that ends at midnight closes at 24:00" if text == "00:00" else ""
        raise ValueError(f'a close time is written "16:00" (24 hours), got {text!r}{midnight}')
    return text


def _time_zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (OSError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        near = difflib.get_close_matches(name, zoneinfo.available_timezones(), n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else 'write one like "America/New_York"'
        raise ValueError(f"there is no time zone {name!r}; {hint}") from None
    return name


class MarketSection(Section):
    """When the sessions of a market close: what `calendar` says, or one time in one zone."""

    close_time: Annotated[str, AfterValidator(_close_time)] | None = Field(
        default=None, description='When its sessions close, in its time zone: "16:00".'
    )
    time_zone: Annotated[str, AfterValidator(_time_zone)] | None = Field(
        default=None, description='Its time zone: "America/New_York".'
    )
    calendar: str | None = Field(
        default=None,
        description="An exchange_calendars name (XNYS, XTAI): close times, early ones too, zone.",
    )

    @model_validator(mode="after")
    def _told_once(self) -> Self:
        both = [name for name in ("close_time", "time_zone") if getattr(self, name) is not None]
        if self.calendar is not None and both:
            raise ValueError(
                f"a calendar gives close times and time zone, so {' and '.join(both)} cannot be "
                f"given with calendar = {self.calendar!r}; remove one or the other"
            )
        if self.close_time is not None and self.time_zone is None:
            raise ValueError(
                f"close_time = {self.close_time!r} needs a time_zone "
                f'such as "America/New_York", got none'
            )
        return self


def _prefix(text: str) -> str:
    if not re.fullmatch(r"[^\W\d_]\w{0,39}", text):
        raise ValueError(
            f"a prefix has letters, digits and '_', starts with a letter and has at most 40 "
            f'characters, as "nasdaq_", got {text!r}'
        )
    return text


class JoinSection(MarketSection):
    """A further series whose newest row known at the target's close becomes inputs."""

    path: Path | None = Field(
        default=None, description="CSV or Parquet file, relative to the study file."
    )
    sample: Sample | None = Field(
        default=None, description="Daily prices 1999-2018 that come with the arch package."
    )
    prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        description='Begins the names of its inputs: "nasdaq_"; "nasdaq" is then their family.'
    )
    columns: Literal["all", "none"] | tuple[str, ...] = Field(
        default="all", description="Extra columns of the file that become inputs."
    )
    indicators: Literal["all", "none"] | tuple[str, ...] = Field(
        default="none", description="All, none, or a list of families and indicator names."
    )
    adjust: bool = Field(
        default=False, description="Rescale open, high, low, close by the adjusted close."
    )

    @property
    def family(self) -> str:
        return self.prefix.rstrip("_")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _check_source(self.path, self.sample)
        return self


def _check_source(path: Path | None, sample: str | None) -> None:
    if (path is None) == (sample is None):
        raise ValueError(
            'give either path = "FILE" or sample = "sp500" | "nasdaq"'
            + (", not both" if path else "")
        )


class DataSection(MarketSection):
    """Which prices."""

    path: Path | None = Field(
        default=None, description="CSV or Parquet file, relative to the study file."
    )
    sample: Sample | None = Field(
        default=None, description="Daily prices 1999-2018 that come with the arch package."
    )
    target: str = Field(default="Close", description="The column that is forecast.")
    predict: Predict = Field(
        default="log_return",
        description="log_return: log(close[t+h]/close[t]); level: close[t+h]; direction: up?",
    )
    columns: Literal["all", "none"] | tuple[str, ...] = Field(
        default="all", description="Extra columns of the file that become inputs."
    )
    adjust: bool = Field(
        default=False, description="Rescale open, high, low, close by the adjusted close."
    )
    join: tuple[JoinSection, ...] = Field(
        default=(), description="Other markets whose prices become inputs."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _check_source(self.path, self.sample)
        return self

    @model_validator(mode="after")
    def _prefixes_differ(self) -> Self:
        families = [join.family for join in self.join]
        for number, family in enumerate(families):
            if family in families[:number]:
                raise ValueError(
                    f"each [[data.join]] needs a prefix of its own, but numbers "
                    f"{families.index(family) + 1} and {number + 1} have "
                    f"{self.join[number].prefix!r}; change one"
                )
        return self


class SplitSection(Section):
    """Which rows train, validate and test."""

    test: float = Field(
        default=0.2, ge=0, le=0.8, description="Last share of the target rows, locked."
    )
    folds: int = Field(default=3, ge=1, le=50, description="Walk-forward steps.")
    validation: float = Field(
        default=0.1, gt=0, lt=1, description="Share of the unlocked rows each fold validates on."
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


_FUTURE = "; a negative shift would show the network sessions after the origin"


class SpaceSection(Section):
    """What a trial is drawn from: a value, a list of choices, or a range."""

    cell: WordDimension[Cell] = Field(
        default=("lstm", "gru", "bilstm"), description="Recurrent cell."
    )
    layers: Annotated[IntDimension, _bounds(1, 16)] = Field(
        default=IntRange(low=1, high=3), description="Stacked recurrent layers."
    )
    neurons: Annotated[IntDimension, _bounds(1, 8192)] = Field(
        default=IntRange(low=8, high=128, log=True), description="Units per layer and direction."
    )
    neurons_per: Literal["network", "layer"] = Field(
        default="network", description="network: all layers alike; layer: each has its own."
    )
    window: Annotated[IntDimension, _bounds(1)] = Field(
        default=IntRange(low=5, high=60), description="Sessions in one sample."
    )
    epochs: Annotated[IntDimension, _bounds(1)] = Field(
        default=IntRange(low=10, high=60), description="Passes over the training rows."
    )
    batch_size: Annotated[IntDimension, _bounds(1)] = Field(
        default=(32, 64, 128, 256), description="Samples per gradient step."
    )
    learning_rate: Annotated[FloatDimension, _bounds(1e-8, 10)] = Field(
        default=FloatRange(low=1e-4, high=1e-2, log=True), description="Of the optimizer."
    )
    optimizer: WordDimension[OptimizerKind] = Field(
        default="adam", description="adam, or sgd with momentum 0.9."
    )
    weight_decay: Annotated[FloatDimension, _bounds(0, 100)] = Field(
        default=FloatRange(low=0.01, high=3.0, log=True),
        description="Pull of the weights towards 0, decoupled from the gradient (AdamW).",
    )
    dropout: Annotated[FloatDimension, _bounds(0, below=1)] = Field(
        default=FloatRange(low=0.0, high=0.5, step=0.1),
        description="Between layers; a network of one layer has none.",
    )
    scaler: WordDimension[ScalerKind] = Field(
        default="standard", description="Of the inputs, fitted on training rows."
    )
    input_shift: Annotated[IntDimension, _bounds(0, why=_FUTURE)] = Field(
        default=IntRange(low=0, high=5), description="The window ends so many sessions early."
    )
    input_shift_per: Literal["trial", "family"] = Field(
        default="trial", description="trial: one shift for all inputs; family: one for each family."
    )
    output_shift: Annotated[IntDimension, _bounds(1, why=_FUTURE)] = Field(
        default=IntRange(low=1, high=5), description="The target lies so many sessions ahead."
    )
    clip: float = Field(default=1.0, ge=0, description="Largest gradient norm; 0 clips nothing.")


class InputsSection(Section):
    """Which inputs there are to choose from, and how a set is chosen."""

    indicators: Literal["all", "none"] | tuple[str, ...] = Field(
        default="all", description="All, none, or a list of families and indicator names."
    )
    search: Literal["ranked", "each", "families", "all"] = Field(
        default="ranked",
        description="ranked: the best k of a ranking learnt on training rows, and a switch per "
        "family; each: a switch per input; families: a switch per family; all: no search.",
    )
    max: int | None = Field(
        default=None, ge=1, description="Most inputs of a ranked set, beside the target's own."
    )


class RunSection(Section):
    """Where it runs and where it is written. Only device and precision change a trial's result."""

    workers: Literal["auto"] | Annotated[int, Field(ge=1, le=1024)] = Field(
        default="auto", description="Training processes; auto: one per core, four per GPU."
    )
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = Field(
        default="auto", description="auto, cpu, cuda, cuda:1 or mps."
    )
    precision: Precision = Field(default="float32", description="bfloat16: autocast on CUDA.")
    storage: str | None = Field(
        default=None, description="Optuna storage URL; left out: runs/optuna.db."
    )
    tracking: str | None = Field(
        default=None, description="MLflow tracking URI; left out: runs/mlflow.db."
    )


class StudyFile(Section):
    """One study, as its file says it."""

    study: StudySection = Field(default_factory=StudySection)
    data: DataSection
    split: SplitSection = Field(default_factory=SplitSection)
    space: SpaceSection = Field(default_factory=SpaceSection)
    inputs: InputsSection = Field(default_factory=InputsSection)
    run: RunSection = Field(default_factory=RunSection)

    @property
    def name(self) -> str:
        return self.study.name

    def fingerprint(self) -> dict[str, Any]:
        """What makes trials comparable, as plain JSON: a resumed study must have the same.

        The data enter by their content (see `inputs.InputTable.hash`), not by their path.
        """
        plain = self.model_dump(mode="json")
        data = {key: value for key, value in plain["data"].items() if key not in ("path", "sample")}
        if data["join"]:
            data["join"] = [
                {key: value for key, value in join.items() if key not in ("path", "sample")}
                for join in data["join"]
            ]
        else:  # when sessions close then matters to no trial
            for key in ("join", *MarketSection.model_fields):
                del data[key]
        return {"data": data, **{key: plain[key] for key in ("split", "space", "inputs")}}


# --- reading ------------------------------------------------------------------------------------


def home() -> Path:
    """The folder that everything a machine writes goes to: $RNNSEARCH_HOME or ./runs."""
    return Path(os.environ.get("RNNSEARCH_HOME") or "runs").absolute()


def load_study(path: str | Path, **overrides: Any) -> StudyFile:
    """Read and check a study file.

    `overrides` replace single keys, `run__workers=2` the key `workers` of `[run]`; a None is
    ignored. RNNSEARCH_STORAGE and RNNSEARCH_TRACKING come before the file, overrides before both.

    Raises `StudyFileError` with every fault of the file, each with its key, rule and value.
    """
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = sorted(p.name for p in path.parent.glob("*.toml")) if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, known, n=1, cutoff=0.0)
        raise StudyFileError(
            f"{path}: there is no such study file" + (f"; did you mean {near[0]}?" if near else "")
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise StudyFileError(f"{path}: cannot be read as UTF-8 text: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise StudyFileError(f"{path}: is not TOML: {error}") from None

    environment = {
        "run__storage": os.environ.get("RNNSEARCH_STORAGE") or None,
        "run__tracking": os.environ.get("RNNSEARCH_TRACKING") or None,
    }
    for key, value in (environment | {k: v for k, v in overrides.items() if v is not None}).items():
        section, _, name = key.partition("__")
        if value is not None and isinstance(tables.setdefault(section, {}), dict):
            tables[section][name] = value
    if isinstance(tables.setdefault("study", {}), dict):
        tables["study"].setdefault("name", path.stem)
    try:
        study = StudyFile.model_validate(tables)
    except ValidationError as error:
        raise StudyFileError("\n".join(_explain(path, error))) from None
    return _resolve_paths(study, path.absolute().parent)


def _resolve_paths(study: StudyFile, folder: Path) -> StudyFile:
    def resolved(path: Path | None) -> dict[str, Path | None]:
        return {"path": None if path is None else folder / path.expanduser()}

    joins = tuple(join.model_copy(update=resolved(join.path)) for join in study.data.join)
    data = study.data.model_copy(update=resolved(study.data.path) | {"join": joins})
    return study.model_copy(update={"data": data})


_UNION_ARM = re.compile(r"value|choices|range|[\w-]+\[.*\]|constrained-\w+")


def _explain(path: Path, error: ValidationError) -> Iterator[str]:
    """One line per fault: file, key, rule, value, and for an unknown key the nearest known one."""
    for fault in error.errors(include_url=False):
        where = [str(part) for part in fault["loc"] if not _UNION_ARM.fullmatch(str(part))]
        if fault["type"] == "extra_forbidden":
            known = _keys_at(where[:-1])
            near = difflib.get_close_matches(where[-1], known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"known keys: {', '.join(known)}"
            rule = f"unknown key; {hint}"
        else:
            rule = fault["msg"].removeprefix("Value error, ")
            rule = rule.removeprefix("Input should be").strip()
            rule = f"should be {rule}" if fault["msg"].startswith("Input should") else rule
            if fault["type"] not in ("value_error", "missing"):
                rule += f", got {fault['input']!r}"
        yield f"{path}: {_dotted(where)}: {rule}"


def _dotted(where: list[str]) -> str:
    if where[:2] == ["data", "join"] and len(where) > 2:
        return f"[[data.join]] number {int(where[2]) + 1}: {'.'.join(where[3:])}".rstrip(": ")
    return f"[{where[0]}] {'.'.join(where[1:])}".rstrip() if where else "the file"


def _keys_at(where: Iterable[str]) -> list[str]:
    """The keys known under a place in the file."""
    node: Any = StudyFile.model_json_schema()
    definitions = node["$defs"]
    for key in where:
        node = node.get("properties", {}).get(key) or node.get("items", {})
        options = [node, *node.get("oneOf", []), *node.get("anyOf", []), *node.get("allOf", [])]
        refs = [option["$ref"] for option in options if "$ref" in option]
        node = definitions[refs[0].rpartition("/")[2]] if refs else node
    return list(node.get("properties", {}))


def digest(*parts: Any) -> str:
    """A short, stable hash of plain JSON values."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
