"""Which metrics there are, and all of them at work."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from rnnsearch import plugins, targets
from rnnsearch.errors import StudyFileError
from rnnsearch.language import marked
from rnnsearch.own_code import OwnCode, split_reference
from rnnsearch.scoring.metrics.base import OF_NAIVE, Metric, Scored
from rnnsearch.scoring.metrics.theirs import EXAMPLE, PLACE, MetricError, guarded, own, unfit
from rnnsearch.targets import Target

GROUP = "rnnsearch.metrics"
"""The entry points of other packages' metrics."""

FIRST = ("errors", "hits", "chances", "volatility", "prices")
"""Files whose metrics stand first in tables; those of the others follow, by the file's name."""

RENAMED = {"always_up_accuracy": "always_up"}
"""Old name -> name, of trials in stores of before a metric had one name."""

NAIVE = "naive"
"""In names: the naive forecast that a trial is held to."""


ORDER = Metric.from_plain(
    "rank_ic",
    {
        "label": marked("rank IC"),
        "meaning": marked("rank correlation of forecasts and moves over the series of a date"),
        "format": "+.4f",
        "better": "higher",
    },
)
"""Of the trials of one network of many series: it is of many rows at once, and no `function`."""


@cache
def ours() -> tuple[Metric, ...]:
    """The metrics of this folder: `METRICS` of each file, in order."""
    files = {module.name for module in iter_modules([str(Path(__file__).parent)])}
    modules = [
        import_module(f"{__package__}.{file}") for file in (*FIRST, *sorted(files - {*FIRST}))
    ]
    return tuple(metric for module in modules for metric in getattr(module, "METRICS", ()))


@cache
def brought() -> tuple[Mapping[str, Metric], tuple[str, ...]]:
    """The metrics of other packages by key, and of each that cannot be used a sentence why."""
    found: dict[str, Metric] = {}
    reasons: list[str] = []
    for point, one in plugins.brought(GROUP, Metric, {metric.key for metric in ours()}, "key"):
        reason = one if isinstance(one, str) else unfit(one, {*taken(), *found})
        if isinstance(one, str) or reason:
            reasons.append(f"the metric {point.name!r} of another package is not used: {reason}")
        else:
            found[one.key] = guarded(one)
    return found, tuple(reasons)


def registry() -> tuple[Metric, ...]:
    """Every metric: ours, then those of other packages by the names of their entry points."""
    return (*ours(), *brought()[0].values())


def of_study(names: Sequence[str], code: Mapping[str, OwnCode]) -> tuple[Metric, ...]:
    """Every metric, and a study's own: their references, and its files. Raises StudyFileError."""
    known = [metric.key for metric in registry()]
    further = list(dict.fromkeys(name for name in names if name not in known))
    for name in further:
        if split_reference(name) is None:
            raise StudyFileError(f"{PLACE}: {plugins.unknown(name, [*known, EXAMPLE])}")
    return (*registry(), *own(further, code, {*taken(), *known}))


def get(key: str) -> Metric:
    """The metric of this name; also of a naive forecast's, as `no_change_rmse`.

    Raises ValueError with the known ones and the nearest.
    """
    for metric in (*registry(), *_of_naive_forecasts(registry()), ORDER):
        if metric.key == key:
            return metric
    raise ValueError(plugins.unknown(key, [metric.key for metric in registry()]))


def find(key: str, told: Mapping[str, Any] | None = None) -> Metric:
    """How to show a metric that may not be installed now: `told` is what an answer says of it."""
    try:
        return get(key)
    except ValueError:
        return Metric.from_plain(key, (told or {}).get(key, {}))


def valued_by(objective: Mapping[str, str] | None) -> list[Metric]:
    """The measure that trials are valued by, to show it; none where that is skill.

    `objective`: its key, label and meaning.
    """
    if objective is None or objective["key"] == "skill":
        return []
    told = {name: objective[name] for name in ("label", "meaning")}
    found = find(objective["key"], {objective["key"]: told | {"format": "+.4f"}})
    return [found]


def taken() -> set[str]:
    """Names that no other metric can have."""
    own = [metric.key for metric in (*ours(), *_of_naive_forecasts(ours()))]
    return {*own, *RENAMED, "forecast"}


def score(
    scored: Scored,
    metrics: Sequence[Metric] | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, float]:
    """Each of the `metrics` (all, if none are given) that applies, by its key.

    NaN where one has no value; of those that others brought, `say` is told why.
    """
    found = {}
    for metric in _applying(scored.target, metrics):
        try:
            found[metric.key] = metric.function(scored)
        except MetricError as error:
            found[metric.key] = math.nan
            say(f"metric {metric.key}: {error}")
    return found


def score_trial(scored: Scored, metrics: Sequence[Metric] | None = None) -> dict[str, float]:
    """`score`, and the naive forecasts beside it, which have no row of their own as in a table.

    `naive_KEY` is of the one that the trial is held to; `NAME_rmse` of each by its name. What has
    no value is left out.
    """
    beside = [metric for metric in _applying(scored.target, metrics) if metric.naive]
    naive = score(scored.of(scored.hardest), beside)
    rmse = get("rmse")
    found = {
        **score(scored, metrics),
        **{f"{NAIVE}_{key}": value for key, value in naive.items()},
        **{f"{name}_rmse": rmse.function(scored.of(y)) for name, y in scored.naive.items()},
    }
    return {key: value for key, value in found.items() if not math.isnan(value)}


def renamed(found: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics of a stored trial under the names that they have now."""
    return {RENAMED.get(key, key): value for key, value in found.items()}


def naive_columns(trials: Sequence[Mapping[str, float]]) -> list[Metric]:
    """The RMSE of each naive forecast that all these trials tell, or of the hardest."""
    names = [f"{name}_rmse" for name in _naive_names()]
    shared = [name for name in names if all(name in one for one in trials)]
    return [get(name) for name in shared or [f"{NAIVE}_rmse"]]


def _applying(target: Target, metrics: Sequence[Metric] | None) -> list[Metric]:
    return [one for one in (registry() if metrics is None else metrics) if one.applies(target)]


def _naive_names() -> list[str]:
    return list(
        dict.fromkeys(name for target in targets.registry().values() for name in target.naive_words)
    )


def _of_naive_forecasts(metrics: Iterable[Metric]) -> Iterator[Metric]:
    """What trials tell of naive forecasts; the RMSE of one is headed by its name alone."""
    for metric in metrics:
        if not metric.naive:
            continue
        for name in (*_naive_names(), NAIVE):
            said = name.replace("_", " ")
            alone = metric.key == "rmse" and name != NAIVE
            yield replace(
                metric,
                key=f"{name}_{metric.key}",
                label=said if alone else f"{said} {metric.label}",
                meaning=OF_NAIVE.format(meaning=metric.meaning),
                short="",
                naive=False,
            )
