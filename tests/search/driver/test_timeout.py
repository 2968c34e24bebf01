"""A search that has its time: it begins no more trials, ends in order, and the next one goes on."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnsearch.config import load_study
from rnnsearch.config.times import in_seconds
from rnnsearch.errors import StudyFileError
from rnnsearch.search import searching as study_module
from rnnsearch.search.driver.deadline import Deadline
from rnnsearch.search.driver.running import RunningTrial
from rnnsearch.search.searching import Interrupted
from tests.helpers.places import ROOT
from tests.helpers.searches import (
    Notes,
    assert_in_order,
    facts_of,
    finish,
    run,
    start,
    write_study,
)

pytestmark = pytest.mark.slow  # whole searches or commands

ENDLESS = 5_000  # trials: more than can be trained before the time is up


class Clock:
    """A clock that a test puts forward."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def until_time_is_up(
    path: Path, at: tuple[int, int], also: Callable[[RunningTrial], None] = lambda trial: None
) -> tuple[Deadline, Notes]:
    """Search with an hour, which is over once trial `at[0]` has trained `at[1]` epochs."""
    clock, notes = Clock(), Notes()
    deadline = Deadline("1h", clock)

    def look(trial: RunningTrial) -> None:
        if (trial.number, trial.epoch) == at:
            clock.now = 3_600
        also(trial)

    notes.at = look
    study_module.search(load_study(path), notes, deadline=deadline)
    return deadline, notes


# --- how a span is written


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("45m", 2_700),
        ("2h", 7_200),
        ("1d", 86_400),
        ("1h30m", 5_400),
        ("1d 2h", 93_600),
        ("1.5h", 5_400),
        ("2H", 7_200),
        (" 10s ", 10),
    ],
)
def test_a_span_has_units(text: str, seconds: float) -> None:
    assert in_seconds(text) == seconds


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("7200", 'write "7200s" for seconds, "7200m" for minutes'),
        ("2 hours", 'did you mean "2h"?'),
        ("90min", 'did you mean "90m"?'),
        ("", "got ''"),
        ("2x", "got '2x'"),
        ("30m1h", "got '30m1h'"),
        ("-1h", "got '-1h'"),
        ("0s", "longer than nothing, got '0s'; leave it out for none"),
        ("9" * 400 + "h", "got '999"),
    ],
)
def test_another_span_is_refused_with_what_to_write(text: str, hint: str) -> None:
    with pytest.raises(ValueError, match="a time limit ") as told:
        in_seconds(text)
    assert hint in str(told.value)
    assert len(str(told.value)) < 400


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("7200", 'got 7200; write "7200s"'),
        ("1.5", 'write "1.5s"'),
        ("true", "got True"),
        ("02:00:00", "got datetime.time"),
        ('"soon"', "got 'soon'"),
        ("[1]", "got [1]"),
    ],
)
def test_the_study_file_tells_how_a_time_limit_is_written(
    tmp_path: Path, value: str, hint: str
) -> None:
    path = write_study(tmp_path)
    path.write_text(path.read_text().replace("[study]", f"[study]\ntimeout = {value}"))
    with pytest.raises(StudyFileError, match=r'\[study\] timeout: .* "1h30m"') as told:
        load_study(path)
    assert hint in str(told.value)


def test_advice_about_a_bare_number_can_be_taken(tmp_path: Path) -> None:
    study = load_study(write_study(tmp_path, study={"timeout": "7200s"}))
    assert study.study.timeout == "7200s"
    assert study.fingerprint() == load_study(write_study(tmp_path)).fingerprint()


# --- a search whose time is up


@pytest.mark.usefixtures("home")
def test_running_trials_are_finished_and_the_next_search_goes_on(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    deadline, notes = until_time_is_up(path, at=(2, 1))
    assert deadline.stopped
    assert notes.told == [0, 1, 2], "the running one was finished, and no other begun"
    assert any("time is up (1h): 1 running trial is being finished" in n for n in notes.notices)
    facts = facts_of(path)
    assert (facts["complete"], facts["running"], facts["workers"]) == (3, 0, [])
    study_module.search(load_study(path), Notes())
    assert_in_order(path, 6)


@pytest.mark.usefixtures("home")
def test_a_search_that_has_all_its_trials_was_not_stopped(tmp_path: Path) -> None:
    path = write_study(tmp_path, study={"trials": 2})
    deadline, notes = until_time_is_up(path, at=(1, 2))
    assert not deadline.stopped
    assert notes.told == [0, 1]
    assert_in_order(path, 2)


@pytest.mark.usefixtures("home")
def test_once_the_time_is_up_one_ctrl_c_stops_at_once(tmp_path: Path) -> None:
    path = write_study(tmp_path)
    seen: list[int] = []

    def interrupt(trial: RunningTrial) -> None:
        if trial.number == 2 and trial.epoch == 2:
            seen.append(trial.epoch)
            signal.raise_signal(signal.SIGINT)

    path.write_text(path.read_text().replace("epochs = 2", "epochs = 6"))
    with pytest.raises(Interrupted):
        until_time_is_up(path, at=(2, 1), also=interrupt)
    assert seen == [2], "it trained no further"
    assert facts_of(path)["complete"] == 2
    study_module.search(load_study(path), Notes())
    assert_in_order(path, 6)


@pytest.mark.usefixtures("home")
def test_the_command_ends_by_itself_with_its_result(tmp_path: Path) -> None:
    path = write_study(
        tmp_path,
        study={"trials": ENDLESS, "timeout": "100d"},
        run={"engine": "local", "workers": 2},
    )
    code, out, err = run("search", path, "--timeout", "5s")
    facts = facts_of(path)
    done = facts["complete"] + facts["failed"]
    assert (code, facts["running"], facts["workers"]) == (0, 0, [])
    assert done < ENDLESS
    told = f"stopped after 5s: {done} of {ENDLESS} trials; `rnnsearch search {path} --timeout 5s`"
    assert told in err
    if done:
        assert f"the other {ENDLESS - done} trials" in out
    code, _, err = run("search", path, "--trials", done + 2, "--quiet")
    assert (code, err) == (0, "")
    assert_in_order(path, done + 2)


@pytest.mark.usefixtures("home")
def test_a_search_that_had_no_time_for_a_trial_says_so_and_is_no_failure(
    tmp_path: Path, rnnsearch: Callable[..., tuple[int, str, str]]
) -> None:
    path = write_study(tmp_path)
    code, out, err = rnnsearch("search", path, "--timeout", "0.001s", "--quiet")
    assert (code, out) == (0, "")
    assert "stopped after 0.001s: 0 of 6 trials; " in err
    assert rnnsearch("search", path, "--quiet")[0] == 0
    assert_in_order(path, 6)


def test_each_driver_has_its_own_time(tmp_path: Path, postgres_url: str, home: Path) -> None:
    settings: dict[str, Any] = {"study": {"trials": 12}, "run": {"storage": postgres_url}}
    path = write_study(tmp_path, **settings)
    ends_early, goes_on = start("search", path, "--timeout", "0.001s"), start("search", path)
    assert finish(ends_early)[0] == 0
    assert finish(goes_on)[0] == 0
    facts = facts_of(path)
    assert (facts["complete"] + facts["failed"], facts["running"], facts["workers"]) == (12, 0, [])


def test_a_wrong_flag_is_told_as_a_flag(
    tmp_path: Path, rnnsearch: Callable[..., tuple[int, str, str]]
) -> None:
    code, _, err = rnnsearch("search", write_study(tmp_path), "--timeout", "90")
    assert code == 2
    assert err.startswith("rnnsearch: --timeout: a time limit is written with units")
    assert 'write "90s" for seconds' in err


def test_make_hands_the_time_limit_on() -> None:
    done = subprocess.run(
        ["make", "-n", "search", "TIMEOUT=1h 30m", "TRIALS=9"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"MAKEFLAGS": ""},
    )
    assert "--trials 9" in done.stdout
    assert "--timeout '1h 30m'" in done.stdout
