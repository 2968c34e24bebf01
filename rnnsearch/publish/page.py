"""A study's page and images on its parent run in MLflow.

    publish_plots(problem, store)   after a search: small images of what it has found
    publish_report(study)           the page with the answer, and the images
    publish_page(facts, page)       ... where they are read and drawn already

What goes wrong is told, not raised: both can be made again at any time.
"""

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from rnnsearch.config import StudyFile, home
from rnnsearch.data.scratch import scratch
from rnnsearch.errors import NoTrialError, RnnsearchError
from rnnsearch.language import in_english, used
from rnnsearch.publish.trials import publish_trials
from rnnsearch.report.contributions import (
    InputStatistics,
    input_statistics,
    parameter_importance,
)
from rnnsearch.report.figures.content import contents
from rnnsearch.report.figures.images import as_svg, plots
from rnnsearch.report.figures.looking import of_explanation
from rnnsearch.report.figures.money import equity_image
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.databases import storage_errors
from rnnsearch.search.store.records import parent_record, tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import trained
from rnnsearch.tracking import Experiment, Parent, first_line, shown_uri

if TYPE_CHECKING:
    from rnnsearch.report.facts import Facts

Notice = Callable[[str], None]


@in_english()  # MLflow is everybody's
def publish_plots(problem: Problem, store: Store, *, notice: Notice) -> bool:
    """Put the search's images on the parent run, where MLflow has all its trials; tell if it did.

    An MLflow that lacks trials did not answer a moment ago: `sync` brings both later.
    """
    study = problem.study
    try:
        with storage_errors(store.url):
            trials = store.trials()
            known = store.tracked(tracking_uri(study))
            finished = [trial.number for trial in trials if trial.is_over]
            if not trained(trials) or not known.issuperset(finished):
                return False
            importance = parameter_importance(store)
            inputs = input_statistics(trials, store.inputs)
    except RnnsearchError as error:
        notice(f"the images of the search are not in MLflow: {error}")
        return False
    files = _files(plots(contents(trials, inputs, importance, study.space)), inputs)
    parent = parent_record(problem, store.id)

    def beside(experiment: Experiment) -> None:
        publish_trials(experiment, problem, trials, scoring=store.scoring)

    return _publish(study, parent, files, "the images of the search", "sync", notice, beside)


@in_english()
def publish_report(study: StudyFile, *, notice: Notice, problem: Problem | None = None) -> bool:
    """Put the page and the images on the parent run; tell whether it worked.

    A study without a complete trial has neither. `problem`: the study's, where it is loaded
    already.
    """
    # Torch and plotly take two seconds, and every search ends with `publish_plots`.
    from rnnsearch.report.facts import collect
    from rnnsearch.report.page import render

    try:
        facts = collect(study, problem)
    except NoTrialError:
        return False
    except RnnsearchError as error:
        notice(f"the report is not in MLflow: {error}")
        return False
    return publish_page(facts, render(facts), notice=notice)


@in_english()
def publish_page(facts: "Facts", page: str, *, notice: Notice) -> bool:
    """The same of a page that is rendered, in English: `publish_read` asks for that."""
    if facts.problem is None:
        notice("the report is not in MLflow: the study's data cannot be read, or have changed")
        return False
    looked = plots(of_explanation(facts.explanation))
    images = plots(contents(facts.trials, facts.inputs, facts.importance, facts.study.space))
    images |= looked
    if facts.evaluation and "equity" in facts.evaluation["trading"]:
        images["equity"] = equity_image(facts.evaluation["trading"])
    files = _files(images, facts.inputs) | {"report.html": page}
    problem, answer = facts.problem, facts.evaluation
    verdict = answer["verdict"]["sentence"] if answer else ""

    def beside(experiment: Experiment) -> None:
        champion = answer["champion"]["trial"] if answer else None
        publish_trials(experiment, problem, facts.trials, scoring=facts.scoring, champion=champion)

    parent = parent_record(problem, facts.id, verdict)
    return _publish(facts.study, parent, files, "the report", "report", notice, beside)


def publish_read(facts: "Facts", page: str, *, notice: Notice) -> bool:
    """The same of a page that the user reads: in another language, MLflow gets its own."""
    if used() == "en":
        return publish_page(facts, page, notice=notice)
    return publish_report(facts.study, notice=notice, problem=facts.problem)


def _files(images: Mapping[str, Figure], inputs: Sequence[InputStatistics]) -> dict[str, str]:
    facts = json.dumps([asdict(one) for one in inputs], indent=1, ensure_ascii=False)
    drawn = {f"plots/{name}.svg": as_svg(image) for name, image in images.items()}
    return {"inputs.json": facts, **drawn}


def _publish(
    study: StudyFile,
    parent: Parent,
    files: Mapping[str, str],
    what: str,
    command: str,
    notice: Notice,
    beside: Callable[[Experiment], None],
) -> bool:
    uri = tracking_uri(study)
    try:
        experiment = Experiment(uri, parent, home() / "artifacts")
        with tempfile.TemporaryDirectory(dir=scratch()) as name:
            for place, text in files.items():
                path = Path(name) / place
                path.parent.mkdir(exist_ok=True)
                path.write_text(text, encoding="utf-8")
            experiment.client.log_artifacts(experiment.parent_run, name)
        beside(experiment)
    except Exception as error:  # whatever MLflow raises
        notice(
            f"{shown_uri(uri)}: MLflow did not take {what} ({first_line(error)}); "
            f"`rnnsearch {command}` writes it again"
        )
        return False
    return True
