"""Which baselines there are, and all of them at work."""

import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from pkgutil import walk_packages

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from rnnsearch import plugins
from rnnsearch.errors import StudyFileError
from rnnsearch.language import _, listed
from rnnsearch.language.names import chosen as chosen_told
from rnnsearch.language.names import reason as reason_told
from rnnsearch.own_code import OwnCode, split_reference
from rnnsearch.scoring import baselines
from rnnsearch.scoring.baselines.base import Baseline, Fitted, Task
from rnnsearch.scoring.baselines.theirs import (
    EXAMPLE,
    NOT_BASELINES,
    PLACE,
    BaselineError,
    check_whole,
    guarded,
    own,
)
from rnnsearch.scoring.inference.skipped import Skipped

GROUP = "rnnsearch.baselines"
"""The entry points of other packages' baselines."""


@cache
def registry() -> tuple[Baseline, ...]:
    """Every baseline: first those that the champion is tested against, then by name."""
    found: dict[str, Baseline] = {}
    for module in walk_packages(baselines.__path__, f"{baselines.__name__}."):
        one = getattr(import_module(module.name), "BASELINE", None)
        if one is not None:
            found[one.name] = one
    for point, one in plugins.brought(GROUP, Baseline, {*found, *NOT_BASELINES}):
        if isinstance(one, str):
            one = _unusable(point.value if point.name in found else point.name, one)
        else:
            one = guarded(one)
        found[one.name] = one
    return in_order(found.values())


def in_order(found: Iterable[Baseline]) -> tuple[Baseline, ...]:
    """First those that the champion is tested against."""
    return tuple(sorted(found, key=lambda one: (not one.rival, one.name)))


def by_name(name: str) -> Baseline | None:
    """The baseline of this name; None for a naive forecast, or one that is not installed now."""
    return next((one for one in registry() if one.name == name), None)


def of_study(names: Sequence[str], code: Mapping[str, OwnCode]) -> tuple[Baseline, ...]:
    """Every baseline, and a study's own: their references, and its files. Raises StudyFileError."""
    known = [one.name for one in registry()]
    further = list(dict.fromkeys(name for name in names if name not in known))
    for name in further:
        if split_reference(name) is None:
            raise StudyFileError(f"{PLACE}: {plugins.unknown(name, [*known, EXAMPLE])}")
    return in_order([*registry(), *own(further, code, {*known, *NOT_BASELINES})])


def run(
    task: Task, say: Callable[[str], None], chosen: Sequence[Baseline] | None = None
) -> dict[str, Fitted | Skipped]:
    """Each of the `chosen` (all, if none are given) that applies, by name, on one thread.

    One that fails, or forecasts anything but m finite numbers, is Skipped with the reason; so is
    one of others that looks ahead.
    """
    chosen = [one for one in (registry() if chosen is None else chosen) if _applies(one, task)]
    names = listed(one.name for one in chosen)
    say(_("fitting {count} baselines: {names}", count=len(chosen), names=names))
    found: dict[str, Fitted | Skipped] = {}
    for one in chosen:
        began = time.perf_counter()
        result = _guarded(one, task)
        seconds = time.perf_counter() - began
        if isinstance(result, Fitted):
            result = replace(result, seconds=seconds)
        said = (
            _("skipped, {reason}", reason=reason_told(result.reason))
            if isinstance(result, Skipped)
            else chosen_told(result.chosen)
        )
        took = f"{seconds:.1f} s"
        took = _("{one}; {other}", one=said, other=took) if said else took
        say(_("baseline {name}: {text}", name=one.name, text=took))
        found[one.name] = result
    return found


def _applies(one: Baseline, task: Task) -> bool:
    try:
        return bool(one.applies(task))
    except Exception:  # `_guarded` says what it is
        return True


def _guarded(one: Baseline, task: Task) -> Fitted | Skipped:
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"), threadpool_limits(limits=1):
            warnings.simplefilter("ignore")  # what comes out is judged by its error
            result = one.forecast(task)
        if isinstance(result, Skipped):
            return result
        values = np.asarray(result.forecast, dtype=np.float64)
        check_whole(values, task)
    except BaselineError as error:
        return Skipped(str(error))
    except Exception as error:  # a baseline is no reason to lose the evaluation
        return Skipped(plugins.failed(error))
    return replace(result, forecast=values)


def _unusable(name: str, reason: str) -> Baseline:
    """In the place of a baseline that cannot be had: it says why where it is asked."""
    return Baseline(
        name=name,
        meaning="a baseline of another package, which cannot be used",
        applies=lambda _: True,
        forecast=lambda _: Skipped(reason),
    )
