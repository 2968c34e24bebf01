"""How the values of each parameter fared beside each other: cells, date shifts, all else.

As in `contributions`, all is about validation rows and about the trials that the search chose to
try. Best, median and spread are of the gains of complete trials, each configuration once; pruned
ones are counted, as their last gain is not that of a trained network.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnsearch.config.dimensions import drawn
from rnnsearch.config.space import SpaceSection
from rnnsearch.language import _, in_english, listed
from rnnsearch.search.store.view import COMPLETE, FAILED, FINISHED, PRUNED, TrialView, best_first

THIN = 10
"""With fewer complete trials than this, a value's median is luck as much as merit."""

MOST_VALUES = 8
"""Numbers of which more than this were tried are a scale, not kinds to be compared one by one."""

PER_VALUE = 3
"""So are those with fewer trials for a value, on average."""

SHIFT = "input_shift"
KINDS = ("cell", SHIFT, "output_shift")
"""The parameters that are told first, however many values they have."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """The finished trials with one value of a parameter.

    `best`, `median` and `spread` (between the quartiles) are gains; None without a complete trial.
    """

    value: str | int | float | bool
    trials: int
    complete: int
    pruned: int
    failed: int
    best: float | None
    best_trial: int | None
    median: float | None
    spread: float | None
    gains: tuple[float, ...]

    @property
    def name(self) -> str:
        """The value as the study file writes it."""
        return str(self.value).lower() if isinstance(self.value, bool) else f"{self.value}"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One parameter, its values in order; `family` of the inputs whose shift it is.

    `by_kind` tells cells, shifts and words from plain numbers with few values.
    """

    parameter: str
    family: str | None
    by_kind: bool
    groups: tuple[Group, ...]

    @property
    def title(self) -> str:
        """Its name in words."""
        name = _(self.parameter.replace("_", " "))
        return (
            _("{parameter} of {family}", parameter=name, family=self.family)
            if self.family
            else name
        )

    @property
    def thin(self) -> list[Group]:
        """The values with too few trials to be compared."""
        return [group for group in self.groups if group.complete < THIN]

    @property
    def note(self) -> str:
        """Which values have too few trials to be compared; empty where none has."""
        if not self.thin:
            return ""
        return _(
            "thin, fewer than {least} complete trials ({values}), so it may be luck",
            least=THIN,
            values=listed(f"{group.name}: {group.complete}" for group in self.thin),
        )

    def plain(self) -> dict[str, Any]:
        """As JSON, which is English."""
        with in_english():
            note = self.note
        shown = [name for name in Group.__dataclass_fields__ if name != "gains"]
        return {
            "parameter": self.parameter,
            "family": self.family,
            "groups": [{name: getattr(group, name) for name in shown} for group in self.groups],
            "note": note,
        }


def comparisons(trials: Sequence[TrialView]) -> list[Comparison]:
    """Cell and shifts first, then the other parameters of which a few values were tried."""
    finished = [t for t in trials if t.state in FINISHED and t.is_original and t.plain]
    found: dict[tuple[str, str | None], dict[Any, list[TrialView]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for trial in finished:
        for key, value in _values(trial):
            found[key][value].append(trial)
    every = [
        Comparison(
            parameter=parameter,
            family=family,
            by_kind=parameter in KINDS or isinstance(next(iter(values)), str | bool),
            groups=tuple(_group(value, values[value]) for value in sorted(values, key=_order)),
        )
        for (parameter, family), values in found.items()
        if len(values) > 1
    ]
    told = [one for one in every if one.by_kind or _few(one)]
    places = [*KINDS, *drawn(SpaceSection)]
    return sorted(
        told, key=lambda one: (not one.by_kind, places.index(one.parameter), one.family or "")
    )


def _few(one: Comparison) -> bool:
    """Whether numbers are few enough, and tried often enough, to be compared one by one."""
    values = len(one.groups)
    trials = sum(group.trials for group in one.groups)
    return values <= MOST_VALUES and trials >= PER_VALUE * values


def _values(trial: TrialView) -> Iterator[tuple[tuple[str, str | None], Any]]:
    """(parameter, family) -> value, of each that is one word or number."""
    plain = trial.plain | trial.as_drawn
    for name in drawn(SpaceSection):
        value = len(plain["neurons"]) if name == "layers" else plain.get(name)
        if name == "neurons":
            value = plain["neurons"][0] if len(set(plain["neurons"])) == 1 else None
        if name == SHIFT and isinstance(value, dict):
            yield from (((name, family), shift) for family, shift in value.items())
        elif isinstance(value, str | bool | int | float):
            yield (name, None), value


def _order(value: Any) -> tuple[str, Any]:
    """Words by name, numbers by size."""
    return ("word", value) if isinstance(value, str) else ("", value)


def _group(value: Any, trials: Sequence[TrialView]) -> Group:
    complete = best_first(trial for trial in trials if trial.gain is not None)
    gains = [trial.gain or 0.0 for trial in complete]
    low, median, high = np.quantile(gains, [0.25, 0.5, 0.75]) if gains else (None,) * 3
    states = [trial.state for trial in trials]
    return Group(
        value=value,
        trials=len(trials),
        complete=states.count(COMPLETE),
        pruned=states.count(PRUNED),
        failed=states.count(FAILED),
        best=gains[0] if gains else None,
        best_trial=complete[0].number if complete else None,
        median=None if median is None else float(median),
        spread=None if low is None or high is None else float(high - low),
        gains=tuple(gains),
    )
