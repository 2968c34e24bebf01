"""One study, as its file says it: what its sections come to together."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import (
    Field,
    PrivateAttr,
    model_validator,
)

from rnnsearch import cells
from rnnsearch.config.data import DataSection, MarketSection, target_loss, target_package
from rnnsearch.config.dimensions import (
    Section,
    drawn,
    extremes,
)
from rnnsearch.config.paths import check_steps
from rnnsearch.config.sections import (
    PINBALL,
    TRADED,
    EvaluateSection,
    InputsSection,
    RunSection,
    SplitSection,
    StudySection,
    TradeSection,
)
from rnnsearch.config.space import SpaceSection
from rnnsearch.errors import shown
from rnnsearch.own_code import OwnCode, read_code, split_reference

# Where prices are: they enter by their content. Others that are left out change none of a series.
SOURCE = ("path", "sample", "series", "layout", "skip_bad")
NEWER_KEYS = ("missing", "fill")  # of [data], which old stores do not have

QUANTILE = "quantile"

OWN = {"bce": "cross-entropy"}
"""What losses are called that a target brings itself."""

LATER = (
    ("inputs", "lengths"),
    ("data", "known_ahead"),
    ("data", "pool"),
    ("data", "steps"),
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
        if not self.split.test:
            raise ValueError(
                "[split] test is 0, and with [data] pool = true the champion is chosen by "
                "`evaluate`, on rows that are locked until then; write test = 0.2"
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
        parts = {"data": data, **{key: plain[key] for key in ("split", "space", "inputs")}}
        if self.data.steps == 1:  # what is of paths alone changes nothing
            for key in ("head", "teacher_forcing"):
                parts["space"].pop(key)
        elif not self.space.decodes:
            usual = SpaceSection.model_fields["teacher_forcing"].default
            parts["space"]["teacher_forcing"] = usual.model_dump(mode="json")
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
            if own != "mse" or self.data.pool:
                of = "many series (pool = true)" if self.data.pool else repr(self.data.predict)
                return (
                    f"metric = {PINBALL!r} compares distributions, and there are none of {of}, got "
                    f"{said}; write metric = 'skill'"
                )
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
        # Before, a pool's was the mean over series of the order of the rows of each.
        over = {"over": "series of a date"} if self.data.pool and metric == "rank_ic" else {}
        return {"study": {"metric": metric} | over, **trade}

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
