"""What a study would do, told before it does it: data, space, rows, and one tiny trial."""

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd
from optuna.trial import FixedTrial

from rnnsearch.config import StudyFile, extremes
from rnnsearch.config.study import QUANTILE
from rnnsearch.data.markets.calendars import coming_sessions
from rnnsearch.language import _, counted, in_english, listed, marked
from rnnsearch.scoring.words import duration
from rnnsearch.search import engines
from rnnsearch.search.inputs.candidates import describe
from rnnsearch.search.problem import Problem
from rnnsearch.search.space.references import references
from rnnsearch.search.space.suggesting import grid_size, nearest, space_sizes, suggest
from rnnsearch.search.store.records import title
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import Outcome, Task

TINY_EPOCHS = 3  # of the tiny trial; its first one starts torch too


@dataclass(frozen=True)
class Check:
    """facts: a line each; space, rows: tables; warnings: what looks odd in the data; all in the
    user's language. plain: the same as JSON, which is English."""

    facts: list[str]
    space: pd.DataFrame
    rows: pd.DataFrame
    warnings: tuple[str, ...]
    plain: dict[str, Any] = field(default_factory=dict)


def check(study: StudyFile) -> Check:
    """Read the data, lay out the study, and train a network from the middle of its space a little,
    and the references.

    Raises what `search` would raise: DataError, StudyFileError.
    """
    problem = Problem.load(study, tried=True)
    prices, furthest = problem.prices, study.furthest
    # Raises for another market's.
    one = prices if problem.panel is None else next(iter(problem.panel.each.values()))
    coming_sessions(one.name, study.data.calendar, one.dates, one.coming_dates, furthest)
    middle = _middle(problem)
    timed = _trial_times(problem, [middle, *_references(problem)])
    told = _told(problem, middle, *timed)
    with in_english():
        english = _told(problem, middle, *timed)
    plain = {
        "facts": english.facts,
        "warnings": [*english.warnings],
        "space": english.space.to_dict("records"),
        "rows": english.rows.to_dict("records"),
    }
    return replace(told, plain=plain)


def _told(
    problem: Problem, middle: TrialParameters, seconds: list[float] | str, device: str
) -> Check:
    """`seconds`, `device`: as of `_trial_times`."""
    study, prices = problem.study, problem.prices
    data = problem.data_record()
    sizes = space_sizes(study, problem.candidates)
    combinations = math.prod(sizes.values())
    trials = study.study.trials
    if study.study.sampler == "grid":
        trials = min(trials, grid_size(study, problem.candidates))
    name = title(middle.plain())
    workers = engines.by_name(study.run.engine).expected_workers(study)
    endless = math.isinf(combinations)
    facts = [
        _(
            "data: {file}, {rows} sessions, {first} to {last}",
            file=data["name"],
            **{key: data[key] for key in ("rows", "first", "last")},
        ),
        _("target: {kind} of {target}", kind=study.data.predict, target=study.data.target)
        + (_(", by {how}", how=_(prices.how)) if prices.how else ""),
        *(
            [_("maximised: {meaning}", meaning=_(problem.objective.meaning))]
            if study.valued_by
            else []
        ),
        counted(
            "inputs: the target's own and {names} to choose from in {count} family, warm-up "
            "{warmup} sessions",
            "inputs: the target's own and {names} to choose from in {count} families, warm-up "
            "{warmup} sessions",
            len(problem.candidates.families),
            names=len(problem.candidates.names),
            warmup=problem.table.warmup,
        ),
        *_ahead(problem, study.furthest),
        _(
            "space: {size} combinations, {trials} wanted",
            size=_("endless") if endless else f"{combinations:.3g}",
            trials=_trials(trials),
        ),
    ]
    if isinstance(seconds, str):
        facts.append(
            _(
                "a trial from the middle of the space does not train: {network}, {error}",
                network=name,
                error=seconds,
            )
        )
    else:
        per_trial, *of_references = seconds
        total = sum(of_references[:trials]) + per_trial * max(trials - len(of_references), 0)
        facts += [
            _(
                "time per trial: about {time} ({network}, {epochs} epochs, from the middle of the "
                "space; on {device})",
                time=duration(per_trial),
                network=name,
                epochs=middle.epochs,
                device=device,
            ),
            _(
                "time in all: about {time} for {trials} on {workers}, less what is pruned",
                time=duration(total / min(workers, trials)),
                trials=_trials(trials),
                workers=counted("{count} worker", "{count} workers", workers),
            ),
        ]
    return Check(facts, _space(study, sizes), _rows(problem), _notes(problem))


def _ahead(problem: Problem, furthest: int) -> Iterator[str]:
    """What is known ahead, and for how many sessions to come."""
    prices = problem.prices
    if not prices.ahead:
        return
    coming = prices.coming_dates
    told = (
        _(
            "{count} rows past the last price, to {last}",
            count=len(coming),
            last=coming[-1].strftime("%Y-%m-%d"),
        )
        if len(coming)
        else _(
            "no row past the last price yet, of which a forecast needs up to {count}",
            count=furthest,
        )
    )
    yield _(
        "known ahead: {names}, with the value at the target's date; {told}",
        names=listed(prices.ahead),
        told=told,
    )


def _trials(count: int) -> str:
    return counted("{count} trial", "{count} trials", count)


def _notes(problem: Problem) -> tuple[str, ...]:
    return (*problem.notes, *describe(problem.candidates.record()))


def _space(study: StudyFile, sizes: dict[str, float]) -> pd.DataFrame:
    shown: dict[str, Any] = {
        name: getattr(study.space, name) for name in sizes if name != "inputs"
    } | {"inputs": study.inputs.search}
    return pd.DataFrame(
        [
            (name, _written(shown[name]), "∞" if math.isinf(size) else f"{size:.4g}")
            for name, size in sizes.items()
        ],
        columns=[_("parameter"), _("values"), _("count")],
    )


def _written(dimension: Any) -> str:
    """A dimension as a study file would write it, in short."""
    if isinstance(dimension, tuple):
        return ", ".join(map(str, dimension))
    if not hasattr(dimension, "low"):
        return str(dimension)
    text = _("{low} to {high}", low=dimension.low, high=dimension.high)
    if dimension.step not in (None, 1):
        text += _(" in steps of {step}", step=dimension.step)
    return text + (_(" (log)") if dimension.log else "")


def _rows(problem: Problem) -> pd.DataFrame:
    """First and last target date of every block of rows, with the time of day where it tells."""
    dates = problem.prices.dates
    one = dates if problem.panel is None else dates[: problem.panel.begins[1]]
    form = "%Y-%m-%d" if one.normalize().is_unique else "%Y-%m-%d %H:%M"
    split = problem.split
    blocks = [
        (_(name, number=number), rows)
        for number, fold in enumerate(split.folds, start=1)
        for name, rows in (
            (marked("fold {number} training"), fold.train),
            (marked("fold {number} validation"), fold.validation),
        )
    ]
    blocks.append((_("test (locked)"), split.test))
    return pd.DataFrame(
        [
            (
                name,
                len(rows),
                *(day.strftime(form) for day in (dates[rows].min(), dates[rows].max())),
            )
            for name, rows in blocks
            if len(rows)
        ],
        columns=[_("rows"), _("count"), _("first"), _("last")],
    )


def _middle(problem: Problem) -> TrialParameters:
    """A trial from the middle of every range, for what a trial costs."""
    space, table = problem.study.space, problem.table
    middle = {
        name: _halfway(getattr(space, name))
        for name in type(space).model_fields
        if name not in ("layers", "neurons_per", "input_shift_per")
    }
    layers = _halfway(space.layers)
    middle["neurons"] = (middle["neurons"],) * layers
    middle["dropout"] *= layers > 1
    middle["quantiles"] = space.quantiles if middle["loss"] == QUANTILE else ()
    inputs = table.names[: round(math.sqrt(len(table.names)))]  # the number is drawn on a log scale
    return TrialParameters(
        **middle,
        inputs=tuple(dict.fromkeys([*table.always, *inputs])),
        steps=problem.steps,
    )


def _halfway(dimension: Any) -> Any:
    ends = extremes(dimension)
    if isinstance(dimension, tuple):
        return ends[len(ends) // 2]
    if not hasattr(dimension, "low"):
        return dimension
    return nearest(dimension, math.sqrt(math.prod(ends)) if dimension.log else sum(ends) / 2)


def _references(problem: Problem) -> list[TrialParameters]:
    """The trials that the search begins with; with all inputs they take the longest."""
    if not problem.study.study.references:
        return []
    named = references(problem.study, problem.candidates)
    return [
        suggest(FixedTrial(values), problem.study, problem.candidates) for values in named.values()
    ]


def _trial_times(
    problem: Problem, trials: Sequence[TrialParameters]
) -> tuple[list[float] | str, str]:
    """Seconds that each would take, judged by the fastest of its first epochs, or why the first
    has no result; the device."""
    from rnnsearch.search.trial.runner import TrialRunner  # torch: two seconds

    setup, _kernels = engines.setup_here(problem, lambda text: None, workers=1)
    runner = TrialRunner(setup)
    device = runner.description["device"]
    seconds: list[float] = []
    for parameters in trials:
        tiny = replace(parameters, epochs=min(parameters.epochs, TINY_EPOCHS))
        times = [time.perf_counter()]
        for said in runner.run(Task(0, tiny.plain())):
            if isinstance(said, str) and not seconds:
                return said, device
            if not isinstance(said, str | Outcome):
                times.append(time.perf_counter())
        epochs = [later - earlier for earlier, later in itertools.pairwise(times)]
        seconds.append(parameters.epochs * min(epochs, default=0.0))
    return seconds, device
