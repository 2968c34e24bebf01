"""`evaluate` killed on the way: the next one answers, and every opening of the test is counted."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy

from rnnsearch.config import load_study
from rnnsearch.model.forecasting import folder
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.publish.registry import model_name
from rnnsearch.scoring.sentences import charge
from rnnsearch.search.store.records import tracking_uri
from rnnsearch.search.store.store import Store
from rnnsearch.verdict import evaluation
from rnnsearch.verdict.evaluation import champion_folder, evaluate, has_champion
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import Evaluated, quiet
from tests.helpers.faults import killed
from tests.helpers.searches import finish, run

pytestmark = pytest.mark.slow  # whole searches or commands

STEPS = {  # where it is killed -> openings of the test by then
    "validated, nothing saved": (Forecaster, "save", False, 1, 0),
    "between the champion's files": (folder, "replace_file", True, 1, 0),
    "before it counts": (evaluation, "open_test", False, 1, 0),
    "entered in the ledger": (Store, "note", False, 1, 1),
    "counted": (evaluation, "open_test", True, 1, 1),
    "compared": (evaluation, "compare", True, 1, 1),
    "before the answer is noted": (Store, "note", False, 2, 1),
    "noted": (Store, "note", True, 2, 1),
}


@pytest.fixture
def unevaluated(evaluated: Evaluated) -> Evaluated:
    """The small study as it was before the first evaluation; `answer` is what that had said."""
    shutil.rmtree(champion_folder(evaluated.study))
    store = Store(evaluated.study, create=False)
    for key, value in (("evaluation", None), ("openings", 0)):
        store.note(key, value)
    with store.engine.begin() as connection:
        connection.execute(sqlalchemy.text("DELETE FROM rnnsearch_openings"))
    return evaluated


def evaluate_small(path: Path) -> dict[str, Any]:
    return evaluate(load_study(path), top=2, seeds=2, say=quiet)


@pytest.mark.parametrize("step", STEPS)
def test_an_evaluation_killed_at_any_step_is_made_by_the_next(
    unevaluated: Evaluated, step: str
) -> None:
    owner, name, after, call, opened = STEPS[step]
    killed(unevaluated.path, owner, name, after=after, call=call, search=evaluate_small)
    answered = step == "noted"
    answer = evaluate_small(unevaluated.path)
    assert answer["openings"] == opened + (not answered)
    assert answer["opening"] == answer["openings"]
    said = {1: "first opening of the test", 2: "second opening of the test"}[answer["openings"]]
    assert said in answer["verdict"]["sentence"]
    for key in ("champion", "table", "forecasts", "significance"):
        assert answer[key] == unevaluated.answer[key]
    p = answer["significance"]["diebold_mariano"]["p_better"] * charge(answer["openings"])
    assert answer["verdict"]["p"] == pytest.approx(min(1.0, p))
    assert predict(unevaluated.study)["openings"] == answer["openings"]


@pytest.mark.parametrize("step", STEPS)
def test_a_second_evaluation_killed_at_any_step_leaves_no_answer_without_its_champion(
    evaluated: Evaluated, step: str
) -> None:
    def other(path: Path) -> None:
        evaluate(load_study(path), top=1, seeds=1, again=True, say=quiet)

    owner, name, after, call, opened = STEPS[step]
    killed(evaluated.path, owner, name, after=after, call=call, search=other)
    answer = evaluate_small(evaluated.path)  # the first one stands, unless it was replaced
    assert answer["openings"] == 1 + opened
    assert answer["basis"]["seeds"] == (1 if step == "noted" else 2)
    if step != "noted":
        assert answer["table"] == evaluated.answer["table"]
        assert answer["champion"] == evaluated.answer["champion"]
    assert has_champion(evaluated.study, answer)
    assert predict(evaluated.study)["openings"] == answer["openings"]


@pytest.mark.slow
def test_a_command_killed_while_it_registers_the_champion_registers_it_once(
    evaluated: Evaluated,
) -> None:
    from mlflow import MlflowClient

    fault = {"kill": ["mlflow.MlflowClient.create_model_version", True, 1]}
    command = [sys.executable, "-m", "tests.helpers.faulty", "evaluate", str(evaluated.path)]
    command += ["--top", "2", "--seeds", "2"]
    code, out, err = finish(
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env=os.environ | {"FAULT": json.dumps(fault)},
        )
    )
    assert code == -signal.SIGKILL, out + err
    code, out, err = run("evaluate", evaluated.path, "--top", 2, "--seeds", 2)
    assert code == 0, err
    assert f"champion in MLflow: models:/{model_name(evaluated.study)}@champion" in out
    client = MlflowClient(tracking_uri(evaluated.study))
    name = model_name(evaluated.study)
    (version,) = client.search_model_versions(f"name = '{name}'")
    assert client.get_model_version_by_alias(name, "champion").version == version.version
    assert version.tags["rnnsearch.champion"] == evaluated.answer["champion"]["identity"]
    assert Store(evaluated.study, create=False).openings == 1
