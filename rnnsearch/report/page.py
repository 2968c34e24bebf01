"""One page with the answer: it needs no network, reads on a telephone, and prints.

The locked test is never looked at here: of it the page shows what `evaluate` has stored.
"""

import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from markupsafe import Markup

from rnnsearch.cells import label
from rnnsearch.config import StudyFile, home
from rnnsearch.config.toml import to_toml
from rnnsearch.data.atomic import replace_file
from rnnsearch.language import _, listed, names, used
from rnnsearch.language.names import chosen
from rnnsearch.language.templates import PLOTLY, templates
from rnnsearch.report import journal, walked
from rnnsearch.report.captions import pictures
from rnnsearch.report.comparisons import comparisons
from rnnsearch.report.contributions import in_words
from rnnsearch.report.facts import Facts, collect
from rnnsearch.report.figures.champion import Picture
from rnnsearch.report.figures.paper import stills
from rnnsearch.report.figures.style import DARK
from rnnsearch.scoring import metrics, trading, words
from rnnsearch.scoring.metrics.base import alike
from rnnsearch.scoring.path_words import of_steps
from rnnsearch.search.store.records import title
from rnnsearch.search.store.view import FINISHED, TrialView, best_first, trained
from rnnsearch.verdict.answers import told_beyond, told_sentence
from rnnsearch.verdict.explanation import words as explained

PACKAGES = ("rnnsearch", "torch", "optuna", "ta", "pandas", "numpy", "scikit-learn", "mlflow")
SHOWN = 20


def report(study: StudyFile) -> Path:
    """Write the page of a study. Raises NoTrialError where no trial was completed."""
    return write(study.name, render(collect(study)))


def write(study: str, page: str) -> Path:
    """Write what `render` made of a study."""
    path, text = home() / f"{study}.html", page.encode()
    replace_file(path, lambda file: file.write(text))
    path.chmod(0o644)  # a page is made to be shown
    return path


def render(facts: Facts) -> str:
    """The page as HTML, in the user's language; `facts` should be collected in the same."""
    if facts.study.data.pool:
        from rnnsearch.report.pooled import render_pool

        return render_pool(facts)
    from plotly.offline import get_plotlyjs

    sections = pictures(facts)
    every = {picture.name: picture for section in sections.values() for picture in section}
    evaluation = facts.evaluation
    interval = _interval(evaluation)
    return (
        templates()
        .get_template("page.html.j2")
        .render(
            metric=metrics.find,
            name=facts.study.name,
            data=facts.attributes.get("data", {}),
            target=facts.study.data.target,
            predict=facts.study.data.predict.replace("_", " "),
            notes=facts.notes,
            evaluation=evaluation,
            verdict=verdict_of(evaluation),
            beyond=told_beyond(evaluation) if evaluation else "",
            tone=tone(evaluation),
            best=facts.best,
            best_skill=facts.best.skill,
            definition=words.definition(facts.scoring, facts.objective),
            champion=facts.champion,
            fold_skills=[metrics.get("skill").text(fold["skill"]) for fold in facts.champion.folds],
            champion_title=title(facts.champion.plain),
            champion_inputs=facts.champion.inputs,
            test=_locked_rows(facts),
            locked=bool(facts.study.split.test),
            journal=journal.section(facts.journal),
            pictures=sections,
            intervals=list(words.intervals(interval)) if interval else [],
            quarters=quarters_of(interval),
            baselines=_baseline_table(evaluation) if evaluation else None,
            trading=evaluation["trading"] if evaluation else None,
            not_traded=trading.why_not,
            money=_money_table(evaluation) if evaluation else None,
            walk=walked.table(evaluation),
            steps=of_steps(evaluation),
            trials=trial_table(facts),
            looking=_looking(facts.explanation),
            complete=len(trained(facts.trials)),
            trial_metrics=trial_metrics(facts),
            counts=[f"{count} {_(state)}" for state, count in facts.counts.items() if count],
            finished=sum(facts.counts[state] for state in FINISHED),
            times=_times(facts.trials),
            inputs=facts.inputs,
            comparisons=comparisons(facts.trials),
            importance=facts.importance,
            in_words=in_words,
            importance_told=words.IMPORTANCE,
            findings=list(words.findings(evaluation)) if evaluation else [],
            folds=facts.champion.folds,
            settings=settings_of(facts),
            versions=versions_of(facts),
            written=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
            figures=_embedded(every),
            plotly=Markup(get_plotlyjs()),
            stills=stills(every),
            dark=Markup(json.dumps(DARK)),
            plotly_words=PLOTLY,
        )
    )


def _looking(told: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What is said beside the pictures of an explanation; None without one."""
    if told is None:
        return None
    skill = metrics.get("skill")
    return {
        "sentences": explained.sentences(told),
        "no_gates": explained.no_gates(told),
        "cells": [
            {
                "name": label(one["cell"]),
                "skill": (skill.text(one["skill"]), one["skill"]),
                "faded": ("–" if one["faded"] is None else f"{one['faded']:.2g}", one["faded"]),
                "singular": listed(f"{names.part(k)} {v:.2f}" for k, v in one["singular"].items()),
            }
            for one in told["cells"]
        ],
    }


def _embedded(pictures: Mapping[str, Picture]) -> Markup:
    """Figures as JSON that can stand inside a script element."""
    text = (
        "{" + ",".join(f"{json.dumps(n)}:{p.figure.to_json()}" for n, p in pictures.items()) + "}"
    )
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)


def tone(evaluation: Mapping[str, Any] | None) -> str:
    """good, bad (worse than doing nothing) or unclear."""
    if evaluation is None:
        return "open"
    if evaluation["verdict"]["better"]:
        return "good"
    if evaluation["verdict"]["informative"]:
        return "informative"
    return "bad" if evaluation["verdict"]["sentence"].startswith("Worse") else "unclear"


def verdict_of(evaluation: Mapping[str, Any] | None) -> tuple[str, str]:
    """The answer in a few words, and the rest of its sentence."""
    if evaluation is None:
        return "", ""
    sentence = told_sentence(evaluation)
    for before in (" %", " = ", " < "):
        sentence = sentence.replace(before, before.replace(" ", "\u00a0"))
    colon = _(": ")
    answer, _colon, rest = sentence.partition(colon if colon in sentence else ": ")
    return answer + _(".") if rest else answer, rest[:1].upper() + rest[1:]


def _locked_rows(facts: Facts) -> dict[str, Any] | None:
    """How many rows are locked, and their dates."""
    if facts.evaluation:
        return dict(facts.evaluation["test"])
    if facts.problem is None or not len(facts.problem.split.test):
        return None
    rows, dates = facts.problem.split.test, facts.problem.prices.dates
    first, last = (f"{dates[row]:%Y-%m-%d}" for row in rows[[0, -1]])
    return {"rows": len(rows), "first": first, "last": last}


def _interval(evaluation: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What the evaluation says of intervals; empty where there are none, or some of each step."""
    told = evaluation or {}
    return {} if "steps" in told else told.get("interval") or {}


def quarters_of(interval: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What intervals held on each quarter of the test, widths in words."""
    return [
        quarter
        | {
            "said": ""
            if quarter["width"] is None
            else words.width(quarter["width"], interval["unit"])
        }
        for quarter in interval.get("quarters", ())
    ]


def _baseline_table(evaluation: Mapping[str, Any]) -> dict[str, Any]:
    """Header and rows of the table against baselines; a cell is (text, value to sort by)."""
    rows = evaluation["table"]
    own = evaluation.get("own_metrics")
    shown = [metrics.find(key, own) for key in rows[0] if key != "forecast"]
    fitted = [row["forecast"] for row in rows]
    return {
        "header": [(metric.label, metric.hint) for metric in shown],
        "rows": [
            {
                "name": row["forecast"],
                "meaning": words.meaning(row["forecast"], evaluation),
                "chosen": _chosen(evaluation, row["forecast"]),
                "cells": cells,
            }
            for row, cells in zip(rows, _cells(shown, rows), strict=True)
        ],
        "skipped": {n: r for n, r in evaluation["baselines"].items() if n not in fitted},
    }


def _money_table(evaluation: Mapping[str, Any]) -> dict[str, Any] | None:
    """A column per account, a row per figure; None where nothing was traded."""
    traded = evaluation["trading"]
    if "reason" in traded:
        return None
    return {
        "header": [trading.LABELS[account["account"]] for account in traded["table"]],
        "rows": [
            {"label": one.label, "hint": one.hint, "cells": cells}
            for one, cells in trading.shown_measures(traded)
        ],
        "notes": trading.notes(traded),
        "costs": listed(map(trading.at_cost, traded["costs"])),
        "sentence": traded["sentence"] if used() == "en" else trading.sentence(traded),
    }


def _chosen(evaluation: Mapping[str, Any], name: str) -> str:
    """What a baseline chose, and its cost; evaluations of old know no cost."""
    seconds = evaluation.get("baseline_seconds", {}).get(name)
    told = [chosen(evaluation["baselines"].get(name, ""))]
    told += [] if seconds is None else [words.duration(max(seconds, 0.01))]
    return listed(filter(None, told))


def trial_table(facts: Facts) -> list[dict[str, Any]]:
    """The best trials."""
    rows = []
    shown = trial_metrics(facts)
    best = best_first(trained(facts.trials))[:SHOWN]
    every = _cells(shown, [trial.metrics | {"gain": trial.gain} for trial in best])
    rates = alike([trial.plain["learning_rate"] for trial in best], 2)
    dropouts = alike([trial.plain["dropout"] for trial in best], 2)
    for trial, cells, rate, dropout in zip(best, every, rates, dropouts, strict=True):
        rows.append(
            {
                "number": trial.number,
                "title": title(trial.plain),
                "parameters": trial.plain,
                "reference": names.reference(trial.reference) if trial.reference else "",
                "cells": cells,
                "learning_rate": rate,
                "dropout": dropout,
            }
        )
    return rows


def _cells(
    shown: Sequence[metrics.Metric], rows: Sequence[Mapping[str, Any]]
) -> list[list[tuple[str, Any]]]:
    """Rows of (text, value to sort by), with equal decimals in a column."""
    columns = []
    for metric in shown:
        values = [row.get(metric.key) for row in rows]
        columns.append(zip(metric.texts(values), values, strict=True))
    return [list(cells) for cells in zip(*columns, strict=True)]


def trial_metrics(facts: Facts) -> list[metrics.Metric]:
    """What the table of trials tells of each: with the naive forecasts that all were held to."""
    every = [trial.metrics for trial in trained(facts.trials)]
    first = [metrics.get(key) for key in ("skill", "gain", "rmse")]
    first = [*metrics.valued_by(facts.objective), *first]
    last = [metrics.get(key) for key in ("directional_accuracy", "qlike", "rank_ic")]
    last = [metric for metric in last if any(metric.key in one for one in every)]
    last = [metric for metric in last if metric.key not in {one.key for one in first}]
    return [*first, *metrics.naive_columns(every), *last]


def _times(trials: list[TrialView]) -> dict[str, str] | None:
    began = [trial.started for trial in trials if trial.started]
    ended = [trial.ended for trial in trials if trial.ended]
    if not began or not ended:
        return None
    return {"first": f"{min(began):%Y-%m-%d %H:%M}", "last": f"{max(ended):%Y-%m-%d %H:%M}"}


def settings_of(facts: Facts) -> str:
    """The study file as it was searched: what differs from the defaults, in TOML.

    Without [run], which holds passwords and changes no number. Paths are those from the study file.
    """
    settings = facts.study.model_dump(mode="json", exclude_defaults=True, exclude={"run"})
    searched = facts.attributes.get("study_file", {})
    seed = searched.get("study", {}).get("seed", facts.study.study.seed)
    head = {"name": facts.study.name, "trials": facts.attributes.get("target_trials"), "seed": seed}
    settings["study"] = {k: v for k, v in head.items() if v is not None} | {
        k: v for k, v in settings.get("study", {}).items() if k not in head
    }
    lines: list[str] = []
    for section, keys in settings.items():
        joins = keys.pop("join", []) if section == "data" else []
        lines += ["", f"[{section}]", *_toml_lines(keys, facts.study.folder)]
        for join in joins:
            lines += ["", "[[data.join]]", *_toml_lines(join, facts.study.folder)]
    return "\n".join(lines).strip()


def _toml_lines(keys: Mapping[str, Any], folder: Path) -> Iterator[str]:
    for key, value in keys.items():
        if value is not None:
            yield f"{key} = {to_toml(_near(value, folder) if key == 'path' else value)}"


def _near(path: str, folder: Path) -> str:
    """A path from the study file's folder; of one far away the name alone: folders are nobody's
    business."""
    try:
        near = Path(os.path.relpath(path, folder))
    except ValueError:  # on another drive
        return Path(path).name
    return near.as_posix() if near.parts.count("..") <= 1 else near.name


def versions_of(facts: Facts) -> dict[str, str]:
    """What the champion was trained with, and the packages that wrote this page."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found | {k: str(v) for k, v in facts.champion.environment.items() if k != "data_hash"}
