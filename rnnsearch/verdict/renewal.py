"""The champion's configuration, trained on all that is known today.

The answer stays the answer of the locked test; what changes are the weights that `predict` uses.
Each renewal has a folder of its own under `runs/refits/STUDY`, named by what it was made of, and a
file `newest` says which of them counts. That file is written last, so a renewal that dies leaves
the one before.
"""

import contextlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from rnnsearch.arrays import Floats, Rows
from rnnsearch.config import StudyFile, digest, home
from rnnsearch.data.atomic import read_file, replace_file
from rnnsearch.data.prices.load import Prices
from rnnsearch.errors import DataError, NoTrialError, RnnsearchError, StorageError, StudyFileError
from rnnsearch.language import _, marked
from rnnsearch.model.forecasting.bands import Moves
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.model.forecasting.pooled import PooledForecaster
from rnnsearch.model.forecasting.spec import ForecasterSpec, read_spec
from rnnsearch.model.windows import MIN_TRAIN, Fold, window_ends
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.store import Store
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.shown import number_of
from rnnsearch.verdict.answers import stored_answer
from rnnsearch.verdict.champion import Say, best_refitted, best_trials
from rnnsearch.verdict.evaluation import (
    alone,
    champion_folder,
    validated,
)
from rnnsearch.verdict.plain import as_json
from rnnsearch.verdict.refit import fit, path_values, refit

T = TypeVar("T", Forecaster, PooledForecaster)

NEWEST = "newest"
UNTESTED = "untested_champion"  # study attribute
UNTESTED_SENTENCE = marked(
    "Never tested: [split] test is 0, so no rows were kept to tell whether this is better than "
    "doing nothing."
)


def renew(
    study: StudyFile, *, data: Path | None = None, window: int | None = None, say: Say
) -> dict[str, Any]:
    """Train the evaluated champion's configuration and seeds on every row of the study's data.

    `data` are newer prices in place of the study's, `window` keeps the last so many target rows.
    The same rows again change nothing, and rows that differ from what the weights in use were
    trained on are named. Keys: study, champion (trial number), evaluated (its
    identity), rows, first, last (of the targets that trained it), folder, identity, made (False
    where it was there already), notes.

    A study without locked rows has no evaluation: its champion is chosen here, on validation rows
    alone, and again when more trials are finished.

    Raises NoTrialError before `evaluate`, StorageError where the champion is damaged or gone,
    DataError where the prices do not suffice.
    """
    if study.data.pool:
        from rnnsearch.verdict.pooled.renewing import renew_pool

        return renew_pool(study, data=data, window=window, say=say)
    store = Store(study, create=False)
    with storage_errors(store.url):
        store.claim(study.fingerprint(), store.data)
        if not study.split.test:
            _choose_untested(study, store, say)
        answer = answer_of(store, study)
        if answer is None:
            raise NoTrialError(
                f"{study.name}: there is no champion to refit; run `rnnsearch evaluate` first"
            )
        formulation = store.formulation
    champion = evaluated_champion(study, answer)
    problem = _problem(study, champion.spec, data)
    champion.spec.check_measured(problem.prices)
    parameters = TrialParameters.from_plain(answer["champion"]["params"])
    fold = _rows(problem, window)
    spec = champion.spec
    identity = digest(
        "refit",
        spec.identity,
        problem.table.hash,
        problem.prices.hash,
        len(fold.train),
        int(fold.train[-1]),
    )
    renewed_spec = replace(spec, identity=identity, refit_of=spec.identity)
    return renewed(
        study,
        champion,
        identity,
        train=lambda: fit(
            problem,
            fold,
            parameters,
            spec.seeds,
            formulation=formulation,
            spec=renewed_spec,
            say=say,
            **_errors(champion, problem),
        ),
        rows=len(fold.train),
        # What is known reaches to the newest row that any weights were trained on.
        notes=lambda before: [*problem.prices.warnings, *before.notes(problem.prices)],
        say=say,
    )


def renewed(
    study: StudyFile,
    champion: T,
    identity: str,
    *,
    train: Callable[[], T | None],
    rows: int,
    notes: Callable[[T], list[str]],
    say: Say,
) -> dict[str, Any]:
    """The champion's weights of this identity, trained where they are not there; see `renew`.

    `notes` tells what is odd about the prices, beside those that trained the weights in use.
    """
    with alone(study):
        known, before = last_made(study, champion)
        odd = notes(before)
        made = known is None or known[1].identity != identity
        if made:
            say(
                _(
                    "training trial {number} on {rows:,} rows, with all known today",
                    number=champion.spec.trial,
                    rows=rows,
                )
            )
            known = kept(study, train())
    assert known is not None
    return told(study, *known, made=made, notes=odd)


def told(
    study: StudyFile, folder: Path, spec: ForecasterSpec, *, made: bool, notes: list[str]
) -> dict[str, Any]:
    """What a renewal comes to; see `renew`."""
    return {
        "study": study.name,
        "champion": spec.trial,
        "evaluated": spec.refit_of,
        "rows": spec.trained_rows,
        "first": spec.trained_first,
        "last": spec.trained_last,
        "folder": str(folder),
        "identity": spec.identity,
        "made": made,
        "notes": notes,
    }


def answer_of(store: Store, study: StudyFile) -> dict[str, Any] | None:
    """The stored answer; of a study without locked rows the champion that `renew` chose."""
    answer = stored_answer(store)
    if answer is None and not study.split.test:
        untested: dict[str, Any] | None = store.notes().get(UNTESTED)
        return untested
    return answer


def evaluated_champion(study: StudyFile, answer: dict[str, Any]) -> Forecaster:
    """The champion of an answer. Raises StorageError where its folder holds another, or none."""
    return Forecaster.load(evaluated_folder(study, answer))


def evaluated_folder(study: StudyFile, answer: dict[str, Any]) -> Path:
    """That of the champion of an answer. Raises StorageError where it holds another, or none."""
    folder = champion_folder(study)
    spec = read_spec(folder)
    if spec is None or spec.identity != answer["champion"]["identity"]:
        raise StorageError(
            f"{folder}: the champion of the last evaluation is not there; run `rnnsearch evaluate` "
            "with the --top and --seeds of then, which trains it again without opening the test"
        )
    return folder


def newest(study: StudyFile, evaluated: str) -> tuple[Path, ForecasterSpec] | None:
    """Folder and specification of the newest renewal of the evaluated champion; None without one.

    One of an earlier evaluation does not count. Raises StorageError where it is damaged.
    """
    try:
        name = json.loads(read_file(_folder(study) / NEWEST))["identity"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError):
        raise _damaged(study) from None
    if not isinstance(name, str) or not name.isalnum():
        raise _damaged(study)
    folder = _folder(study) / name
    spec = read_spec(folder)
    if spec is None:
        raise _damaged(study)
    return (folder, spec) if spec.refit_of == evaluated else None


def last_made(study: StudyFile, champion: T) -> tuple[tuple[Path, ForecasterSpec] | None, T]:
    """Folder and specification of the champion's newest renewal, and its weights; None and the
    champion without one. One that is damaged does not count: it is made again.
    """
    with contextlib.suppress(StorageError):
        if (known := newest(study, champion.spec.identity)) is not None:
            return known, champion.load(known[0])
    return None, champion


def newest_weights(study: StudyFile, evaluated: str) -> Forecaster | None:
    """The newest renewal of the evaluated champion; None without one.

    Raises StorageError where it is damaged.
    """
    known = newest(study, evaluated)
    if known is None:
        return None
    try:
        return Forecaster.load(known[0])
    except StorageError:
        raise _damaged(study) from None


def as_searched(study: StudyFile, store: Store) -> Problem:
    """The study on the rows that its trials had, where its file has grown since.

    Raises DataError where it differs in them.
    """
    problem, known = Problem.load(study), store.data
    if problem.table.hash != known["hash"] and len(problem.prices.dates) > known["rows"]:
        then = problem.prices.until(problem.prices.dates[known["rows"] - 1])
        problem = Problem.of(study, then)
    store.claim(study.fingerprint(), problem.data_record())
    return problem


def data_of(study: StudyFile, spec: ForecasterSpec, data: Path | None) -> StudyFile:
    """The study with newer prices, of which columns that the champion does not use may lack."""
    if data is None:
        return study
    columns = spec.data["columns"]
    columns = columns if isinstance(columns, str) else tuple(columns)
    changes = {"path": data.absolute(), "sample": None, "columns": columns}
    section = study.data.model_copy(update=changes)
    return study.model_copy(update={"data": section})


def age(spec: ForecasterSpec, prices: Prices) -> int:
    """Sessions of the prices after the last one that trained the weights."""
    if not spec.trained_last:
        return 0
    later = prices.dates.to_numpy("datetime64[D]") > np.datetime64(spec.trained_last[:10])
    return int(np.count_nonzero(later))


# --- on the way ---------------------------------------------------------------------------------


def _choose_untested(study: StudyFile, store: Store, say: Say) -> None:
    """The best of the best trials under further seeds, trained on all rows that were searched."""
    known = store.notes().get(UNTESTED) or {}
    spec, finished = read_spec(champion_folder(study)), store.finished()
    if spec and (known.get("identity"), known.get("trials")) == (spec.identity, finished):
        return
    problem, top, seeds = as_searched(study, store), 5, 3
    trials = best_trials(store, top)
    count = number_of(len(trials), "trial")
    say(_("no rows are locked: choosing among the best {count} on validation rows", count=count))
    with alone(study):
        candidates = validated(problem, store, trials, seeds, say)
        winner, champion = best_refitted(problem, candidates, seeds, say, refit)
        champion.save(champion_folder(study))
        chosen = winner.as_plain() | {"identity": champion.spec.identity}
        untested = {
            "champion": chosen,
            "identity": champion.spec.identity,
            "trials": finished,
            "verdict": {"sentence": UNTESTED_SENTENCE},
            "openings": 0,
        }
        store.note(UNTESTED, as_json(untested))


def _problem(study: StudyFile, spec: ForecasterSpec, data: Path | None) -> Problem:
    """The study on these prices, with no locked rows."""
    split = study.split.model_copy(update={"test": 0.0})
    today = data_of(study, spec, data).model_copy(update={"split": split})
    problem = Problem.load(today)
    absent = [name for name in spec.inputs if name not in problem.table.names]
    if absent:
        raise DataError(
            f"{problem.prices.name}: the champion needs the input {absent[0]!r}, which cannot be "
            "made of its columns; give all columns that the study was searched with"
        )
    return problem


def check_window(window: int | None) -> None:
    """Raises StudyFileError for fewer than can be trained on."""
    if window is not None and window < MIN_TRAIN:
        raise StudyFileError(f"--window: must be at least {MIN_TRAIN} rows, got {window}")


def _rows(problem: Problem, window: int | None) -> Fold:
    whole = problem.split.refit
    check_window(window)
    if window is None or window >= len(whole.train):
        return whole
    train: Rows = whole.train[-window:]
    reach = int(whole.train[0]) - whole.history.start
    return Fold(train, whole.validation, slice(int(train[0]) - reach, whole.history.stop))


def _errors(champion: Forecaster, problem: Problem) -> dict[str, Floats]:
    """Errors of forecasts that were made before their outcome was known, and the usual moves then.

    Those of the champion: on validation rows, then on all rows since it was trained.
    """
    spec, prices, target = champion.spec, problem.prices, problem.target
    dates = prices.dates.to_numpy("datetime64[us]")
    first = int(np.searchsorted(dates, champion.history.dates[-1])) + spec.output_shift
    last = len(dates) - (problem.steps - 1)
    rows = np.arange(max(first, problem.split.first), last, dtype=np.int64)
    origins = window_ends(rows, spec.output_shift)
    forecast = champion.forecast_rows(prices, problem.table, origins).mean(axis=0)
    actual = path_values(problem, prices.close, rows, spec.output_shift)
    usual = Moves.fit(champion.history.target, target).at(prices.close)[origins]
    return {
        "errors": np.concatenate([champion.errors, forecast - actual]),
        "scales": np.concatenate([champion.scales, usual]),
    }


def kept(
    study: StudyFile, renewed: Forecaster | PooledForecaster | None
) -> tuple[Path, ForecasterSpec]:
    """Write it beside what is there, and then name it the newest: its folder and specification.

    Raises RnnsearchError where there are no weights.
    """
    if renewed is None:
        raise RnnsearchError(
            f"{study.name}: training on all rows diverged under every seed; the champion stays as "
            "it is"
        )
    root, name = _folder(study), renewed.spec.identity
    renewed.save(root / name)
    about = json.dumps({"identity": name}).encode()
    replace_file(root / NEWEST, lambda file: file.write(about))
    for other in root.iterdir():
        if other.is_dir() and other.name != name:
            with contextlib.suppress(OSError):
                shutil.rmtree(other)
    return root / name, renewed.spec


def _folder(study: StudyFile) -> Path:
    return home() / "refits" / study.name


def _damaged(study: StudyFile) -> StorageError:
    return StorageError(
        f"{_folder(study)}: the newest refit cannot be read; run `rnnsearch refit`, which makes it "
        "again"
    )
