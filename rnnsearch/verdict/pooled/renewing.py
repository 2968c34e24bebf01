"""The champion of many series, trained on all rows of all that are known today."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from rnnsearch.config import StudyFile, digest
from rnnsearch.data.listing import is_pattern
from rnnsearch.data.prices.panel import Panel
from rnnsearch.errors import (
    DataError,
    NoTrialError,
    StudyFileError,
    shown,
)
from rnnsearch.model.forecasting.pooled import PooledForecaster
from rnnsearch.model.panel import PooledFold, newest_dates
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.shown import some
from rnnsearch.verdict.answers import stored_answer
from rnnsearch.verdict.champion import Say
from rnnsearch.verdict.pooled.fitting import fit_pool
from rnnsearch.verdict.pooled.predicting import TOLD, evaluated_pool
from rnnsearch.verdict.renewal import check_window, renewed


def renew_pool(
    study: StudyFile, *, data: Path | None, window: int | None, say: Say
) -> dict[str, Any]:
    """As `renewal.renew`, for one network of many series.

    Intervals stay those of the champion's errors on validation rows, and adapt to what came since.
    Series that are new in the data train it too. `window` keeps the newest so many dates; a series
    with hardly a row since is then one that the network never saw.
    """
    check_window(window)
    store = Store(study, create=False)
    with storage_errors(store.url):
        store.claim(study.fingerprint(), store.data)
        answer = stored_answer(store)
        if answer is None:
            raise NoTrialError(
                f"{study.name}: there is no champion to refit; run `rnnsearch evaluate` first"
            )
        formulation = store.formulation
    champion = evaluated_pool(study, answer)
    problem = _problem(study, data)
    champion.spec.check_measured(problem.prices)
    spec = champion.spec
    if absent := [name for name in spec.inputs if name not in problem.table.names]:
        raise DataError(
            f"{problem.prices.name}: the champion needs the input {absent[0]!r}, which cannot be "
            "made of the columns of every series; give all columns that the study was searched with"
        )
    panel, fold = problem.panel, problem.split.refit
    assert panel is not None
    assert isinstance(fold, PooledFold)
    rows = len(fold.train)
    if window is not None:
        dates = problem.prices.dates.to_numpy("datetime64[us]")
        fold = newest_dates(fold, dates, window)
    fewer = [len(fold.train)] if len(fold.train) < rows else []
    identity = digest("refit", spec.identity, problem.table.hash, problem.prices.hash, *fewer)
    renewed_spec = replace(spec, identity=identity, refit_of=spec.identity, series=problem.series)
    return renewed(
        study,
        champion,
        identity,
        train=lambda: fit_pool(
            problem,
            fold,
            TrialParameters.from_plain(answer["champion"]["params"]),
            spec.seeds,
            formulation=formulation,
            spec=renewed_spec,
            errors={
                number: (champion.series[name].errors, champion.series[name].scales)
                for number, name in enumerate(panel.series)
                if name in champion.series
            },
            say=say,
        ),
        rows=len(fold.train),
        notes=lambda before: [*problem.prices.warnings, *_odd(before, panel)],
        say=say,
    )


def _odd(known: PooledForecaster, panel: Panel) -> list[str]:
    """The first of `_differing`, and how many more there are."""
    differs = list(_differing(known, panel))
    more = [f"and {len(differs) - TOLD} more notes"] if len(differs) > TOLD else []
    return [*differs[:TOLD], *more]


def _differing(known: PooledForecaster, panel: Panel) -> Iterator[str]:
    """What is odd about these prices, compared with those that trained the weights before."""
    if absent := [name for name in known.series if name not in panel.each]:
        yield f"{some(absent)}: not in these prices, so that nothing is learnt of such series"
    for name, prices in panel.each.items():
        if name in known.series:
            for text in known.of(name).notes(prices):
                yield f"{name}: {text.removeprefix(f'{prices.name}: ')}"


def _problem(study: StudyFile, data: Path | None) -> Problem:
    """The study on these prices, with no locked rows."""
    today = study.model_copy(update={"split": study.split.model_copy(update={"test": 0.0})})
    if data is not None:
        own = study.data.path
        assert own is not None
        path = data.absolute()
        if path.is_dir():
            path = path / own.name
        if is_pattern(own) != is_pattern(path):
            kind = "a file for each" if is_pattern(own) else "one file of all"
            raise StudyFileError(
                f"--data: study {study.name} has {kind} of its series, so newer prices are given "
                f"so too, as {shown(own.name)}, got {shown(path.name)}"
            )
        section = study.data.model_copy(update={"path": path})
        today = today.model_copy(update={"data": section})
    return Problem.load(today)
