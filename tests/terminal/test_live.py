"""The live view of a search: what it shows fits the terminal, with and without colours."""

import re
from io import StringIO
from pathlib import Path
from typing import Literal

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from rich.console import Console

from rnnsearch.api.live import NotebookView
from rnnsearch.config import load_study
from rnnsearch.search.driver.running import RunningTrial
from rnnsearch.search.store.asked import AskedTrial
from rnnsearch.search.store.store import Store
from rnnsearch.search.store.view import TrialView
from rnnsearch.search.trial.parameters import TrialParameters
from rnnsearch.search.trial.protocol import EpochReport
from rnnsearch.terminal.live import SearchView
from rnnsearch.terminal.many import ManyViews
from tests.helpers.searches import write_study

pytestmark = pytest.mark.usefixtures("home")

COLOUR = re.compile(r"\x1b\[[\d;]*3\dm")
INPUTS = tuple(f"momentum_indicator_{number}" for number in range(9))
LONGEST = TrialParameters(
    cell="bilstm",
    neurons=(128, 128, 128),
    dropout=0.2,
    window=60,
    epochs=100,
    batch_size=64,
    learning_rate=0.001,
    optimizer="adam",
    weight_decay=0.1,
    averaging=True,
    scaler="standard",
    input_shift=3,
    output_shift=10,
    inputs=INPUTS,
    clip=1.0,
)


def running(study: optuna.Study, epochs: int) -> RunningTrial:
    asked = AskedTrial(study, study.ask(), "this one")
    trial = RunningTrial(asked, LONGEST, TrialView(create_trial(state=TrialState.RUNNING)))
    for epoch in range(1, epochs + 1):
        trial.add(EpochReport(epoch, -0.0123, -0.0023, 1.0, 1.0, 0.5, 0.1))
    return trial


def frozen(number: int, state: TrialState, value: float | None = None) -> FrozenTrial:
    attrs = {"parameters": LONGEST.plain(), "reason": "diverged"}
    trial = create_trial(state=state, value=value, user_attrs=attrs)
    trial.number = number
    return trial


def finished(number: int, state: TrialState, value: float | None = None) -> TrialView:
    return TrialView(frozen(number, state, value))


def view_of(tmp_path: Path, *, workers: int, colours: Literal["256"] | None = None) -> SearchView:
    console = Console(
        file=StringIO(), force_terminal=True, color_system=colours, width=80, height=24
    )
    view = SearchView(console)
    view.begin(Store(load_study(write_study(tmp_path))), 500, workers)
    return view


def drawn(view: SearchView | ManyViews) -> list[str]:
    """The live part as lines of text."""
    screen = Console(file=StringIO(), width=80, height=24, color_system=None)
    screen.print(view._draw())
    assert isinstance(screen.file, StringIO)
    return [line.rstrip() for line in screen.file.getvalue().rstrip("\n").split("\n")]


def test_as_many_running_trials_are_shown_as_the_terminal_has_room_for(tmp_path: Path) -> None:
    view = view_of(tmp_path, workers=64)
    study = optuna.create_study()
    for _ in range(64):
        view.running(running(study, 42))
    view.finished(finished(70, TrialState.COMPLETE, 0.0123))
    view.finished(finished(71, TrialState.PRUNED))
    view.finished(finished(72, TrialState.FAIL))
    lines = drawn(view)
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    assert "bi-lstm 3×128 w60 s3 h10       9  42/100  -0.0123" in lines[1]
    assert "and 49 more" in lines[16]
    assert "3/500" in lines[17]
    assert "1 complete, 1 pruned, 1 failed" in lines[17]
    assert "/min" in lines[17]
    assert "left" in lines[17]
    assert lines[18].startswith(
        "best so far: skill +0.0123  gain +0.0123, trial 70, bi-lstm 3×128 w60 s3 h10"
    )
    assert lines[19].startswith("its inputs: momentum_indicator_0, momentum_indicator_1,")
    assert lines[19].endswith("…")


def test_trials_of_other_drivers_are_seen_and_those_let_go_are_not(tmp_path: Path) -> None:
    store = Store(load_study(write_study(tmp_path)))
    view = view_of(tmp_path, workers=1)
    view.running(running(optuna.create_study(), 1))
    view.finished(finished(1, TrialState.COMPLETE, 0.01))
    assert drawn(view)[1].split()[0] == "0"
    for value in (0.01, 0.02, 0.03):
        store._study.add_trial(frozen(0, TrialState.COMPLETE, value))
    view.look(store)
    view.let_go(0)
    lines = drawn(view)
    assert "3/500" in lines[0]
    assert lines[1].startswith("best so far: skill +0.0300  gain +0.0300, trial 2,")


def test_before_the_first_epoch_workers_are_starting(tmp_path: Path) -> None:
    view = view_of(tmp_path, workers=2)
    assert drawn(view)[0] == "2 workers starting"
    view.running(running(optuna.create_study(), 0))
    assert "2 workers starting" in drawn(view)
    view.running(running(optuna.create_study(), 1))
    assert "2 workers starting" not in drawn(view)


def test_no_color_leaves_the_colours_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    for no_color in ("", "1"):
        monkeypatch.setenv("NO_COLOR", no_color)
        view = view_of(tmp_path, workers=1, colours="256")
        view.finished(finished(0, TrialState.COMPLETE, 0.01))
        assert isinstance(view.console.file, StringIO)
        said = view.console.file.getvalue()
        assert "+0.0100  best" in said
        assert bool(COLOUR.search(said)) == (not no_color)


def test_how_many_series_are_read_is_shown_until_all_are(tmp_path: Path) -> None:
    console = Console(file=StringIO(), force_terminal=True, width=80, height=24)
    pool, folder = SearchView(console), ManyViews(console, 500)
    assert drawn(pool) == ["reading the data"]
    for view in (pool, folder):
        view.reading(123, 500)
        [line] = drawn(view)
        assert line.startswith("reading the data")
        assert line.endswith("123 of 500 series")
    folder.searching(480)
    assert drawn(folder)[0].endswith("0/480 series")
    pool.begin(Store(load_study(write_study(tmp_path))), 5, 1)
    assert "reading" not in "\n".join(drawn(pool))


def test_a_notebook_shows_how_many_series_are_read(capsys: pytest.CaptureFixture[str]) -> None:
    with NotebookView() as view:
        view.reading(3, 7)
        assert "3 of 7 series" in view._repr_html_()
        assert "3 of 7 series" in repr(view)
