"""A run above the parent runs of all series in MLflow, with the table of all."""

import contextlib
import csv
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from rnnsearch.config import home
from rnnsearch.data.scratch import scratch
from rnnsearch.language import in_english
from rnnsearch.many.family import Member
from rnnsearch.many.index import render
from rnnsearch.many.verdicts import Verdicts
from rnnsearch.search.problem import Problem
from rnnsearch.search.store.records import parent_record, tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.tracking import PARENT, STUDY, TRIAL, Experiment, first_line, shown_uri

ABOVE = "many"  # as TRIAL, where the parent run of a study has "parent"


def publish_above(
    verdicts: Verdicts, problems: dict[Member, Problem], notice: Callable[[str], None]
) -> None:
    """Have the parent runs stand below one that has the leaderboard, of the series in `problems`.

    What goes wrong is told, not raised: the next `evaluate` does it again.
    """
    uri = tracking_uri(verdicts.family.study)
    try:
        _publish(verdicts, problems, uri)
    except Exception as error:  # whatever MLflow raises
        notice(
            f"{shown_uri(uri)}: MLflow did not take the table of all series ({first_line(error)}); "
            "`rnnsearch evaluate` writes it again"
        )


@in_english()  # MLflow is everybody's
def _publish(verdicts: Verdicts, problems: dict[Member, Problem], uri: str) -> None:
    from mlflow.entities import ViewType

    told, family = verdicts.plain(), verdicts.family
    above = ""
    for member, problem in problems.items():
        parent = parent_record(problem, Store(member.study, create=False).id)
        experiment = Experiment(uri, parent, home() / "artifacts")
        client = experiment.client
        if not above:
            known = client.get_run(experiment.parent_run).data.tags.get(PARENT)
            if known:
                with contextlib.suppress(Exception):  # somebody has deleted it
                    run = client.get_run(known)
                    above = known if run.info.lifecycle_stage == "active" else ""
        if not above:
            ids = {Store(one.study, create=False).id for one in verdicts.answers}
            found = client.search_runs(
                [experiment.id], f"tags.`{TRIAL}` = '{ABOVE}'", ViewType.ACTIVE_ONLY
            )
            same = [run for run in found if run.data.tags.get(STUDY, "")[len(ABOVE) + 1 :] in ids]
            if same:
                above = same[0].info.run_id
        if not above:
            tags = {STUDY: f"{ABOVE}:{parent.id}", TRIAL: ABOVE}
            run = client.create_run(experiment.id, tags=tags, run_name=family.name)
            above = run.info.run_id
        client.set_tag(experiment.parent_run, PARENT, above)
    kinds = [row["verdict"] for row in told["series"]]
    figures = {
        "series": len(kinds),
        "series_better": kinds.count("better"),
        "series_informative": kinds.count("better") + kinds.count("informative"),
        "p_at_least_one_informative": told["at_least_one"]["informative"],
    }
    for name, value in figures.items():
        client.log_metric(above, name, float(value))
    client.set_tag(above, "mlflow.note.content", told["sentence"])
    with tempfile.TemporaryDirectory(dir=scratch()) as name:
        folder = Path(name)
        (folder / "leaderboard.html").write_text(render(verdicts), encoding="utf-8")
        (folder / "leaderboard.json").write_text(json.dumps(told, indent=1), encoding="utf-8")
        with (folder / "leaderboard.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(told["series"][0]))
            writer.writeheader()
            writer.writerows(told["series"])
        client.log_artifacts(above, name)
    client.set_terminated(above, "FINISHED")
