"""The command: helpful, with the exit codes it promises, and never a traceback."""

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from optuna.trial import create_trial
from rich.console import Console

from rnnsearch import cli
from rnnsearch.config import sample_studies
from rnnsearch.search.store.view import TrialView
from rnnsearch.terminal.evaluated import evaluation_tables
from rnnsearch.terminal.live import trial_line
from rnnsearch.terminal.tables import best_table
from rnnsearch.version import __version__
from tests.helpers.evaluated import write_bars
from tests.helpers.searches import run, write_study

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]

Result = tuple[int, str, str]
LONGEST = "bi-lstm 3×128 w60 s3 h10 -0.0234 -0.0123 0.02135 0.02000 0.02000 100.0 100.0"
STATUS_KEYS = {
    "study",
    "target_trials",
    "complete",
    "pruned",
    "failed",
    "running",
    "waiting",
    "abandoned",
    "duplicates",
    "tracked",
    "comparisons",
    "best",
    "workers",
}


def test_it_tells_its_version(rnnsearch: Callable[..., Result]) -> None:
    assert rnnsearch("--version") == (0, f"rnnsearch {__version__}\n", "")


COMMANDS = [
    command.callback.__name__ for command in cli.app.registered_commands if command.callback
]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_explains_itself(
    rnnsearch: Callable[..., Result], command: str, flag: str
) -> None:
    code, out, _ = rnnsearch(command, flag)
    assert code == 0
    assert f"rnnsearch {command}" in out


def test_a_search_prints_a_line_per_trial_and_the_best_against_the_naive_forecast(
    rnnsearch: Callable[..., Result], tmp_path: Path
) -> None:
    code, out, err = rnnsearch("search", write_study(tmp_path))
    assert code == 0, err
    lines = re.findall(r"^trial +\d+  .*", out, re.MULTILINE)
    assert len(lines) == 6
    assert all(re.search(r" 2/2 +skill .* gain [+-]", line) for line in lines)
    assert "\x1b" not in out
    assert re.search(r"no +aver- +hits +rises *\n.* RMSE +change +age +% +% *\n", out)
    assert "--trials +50" in out


def test_many_baselines_fit_a_terminal_of_80_columns() -> None:
    names = ["champion", "persistence", "ridge", "trees", "arima", "drift", "ets", "theta"]
    row = {"skill": -0.0123, "rmse": 0.0123456, "directional_accuracy": 0.512, "price_mape": 0.586}
    params = {"cell": "lstm", "neurons": [8], "window": 9, "output_shift": 1, "inputs": ["a"]}
    answer = {
        "verdict": {"sentence": ""},
        "champion": {"trial": 1, "params": params, "skill": 0.1, "seeds": [1]},
        "table": [{"forecast": name} | row for name in names],
        "test": {"rows": 1234, "first": "2014-01-01", "last": "2018-12-31"},
        "seed_skills": [0.1],
        "interval": None,
        "significance": {},
    }
    screen = Console(width=80, file=StringIO())
    for part in evaluation_tables(answer):
        screen.print(part)
    shown = screen.file.getvalue()
    assert "…" not in shown
    assert all(name in shown for name in names)
    assert shown.count("champion ") == 2  # in both tables
    assert shown.count("Locked test: 1234 target dates") == 1


def test_the_longest_names_fit_a_terminal_of_80_columns() -> None:
    network = {"cell": "bilstm", "neurons": [128] * 3, "window": 60}
    network |= {"input_shift": 3, "output_shift": 10}
    metrics = {"rmse": 0.0213456, "no_change_rmse": 0.02, "average_rmse": 0.02}
    metrics |= {"skill": -0.0234, "directional_accuracy": 1.0}
    record = {
        "metrics": metrics | {"always_up_accuracy": 1.0},
        "history": {"skill": [0.0] * 100},
    }
    frozen = create_trial(
        value=-0.0123,
        user_attrs={
            "parameters": network | {"epochs": 100, "inputs": ["return"] * 100},
            "record": record,
        },
    )
    for frozen.number in (123, 1234):
        trial = TrialView(frozen)
        assert len(trial_line(trial, better=True)) <= 80
        screen = Console(width=80, file=StringIO())
        screen.print(best_table([trial]))
        shown = screen.file.getvalue()
        assert "…" not in shown
        assert all(part in shown for part in ["bi-lstm", "3×128", "w60", "s3", "h10"])
        assert frozen.number > 999 or LONGEST in shown


def test_init_tells_what_it_saw_and_what_to_type_next(
    rnnsearch: Callable[..., Result], tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("studies").mkdir()
    write_bars(Path("mine.csv"), rows=120)
    code, out, err = rnnsearch("init", "mine.csv")
    assert code == 0, err
    assert "data: mine.csv, 120 daily bars, 2019-01-02 to " in out
    assert "written: studies/mine.toml" in out
    assert re.search(r"^rnnsearch check mine +\S.*\nrnnsearch search mine ", out, re.M)
    code, out, _ = rnnsearch("check", "mine")
    assert code == 0
    code, _, err = rnnsearch("init", "mine.csv")
    assert code == 2
    assert "studies/mine.toml: is there already" in err
    monkeypatch.setenv("MAKELEVEL", "1")
    assert "\nmake search STUDY=mine " in rnnsearch("init", "mine.csv", "--force")[1]


def test_fetch_ends_with_the_code_of_what_went_wrong(
    rnnsearch: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = rnnsearch("fetch", "2330.TW", "--from", "2010-13-01")
    assert (code, err) == (
        2,
        "rnnsearch: --from: a day is written like 2010-01-31, got '2010-13-01'\n",
    )
    monkeypatch.setitem(sys.modules, "yfinance", None)
    code, _, err = rnnsearch("fetch", "2330.TW", "--from", "2010-01-01", "--to", "2010-02-01")
    assert code == 1
    assert "pip install 'rnnsearch[yahoo]'" in err


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes_commands_and_studies(tmp_path: Path) -> None:
    command = tmp_path / "bin" / "rnnsearch"
    command.parent.mkdir()
    main = "import sys; sys.argv[0] = 'rnnsearch'; from rnnsearch.cli import main; main()"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -c "{main}" "$@"\n')
    command.chmod(0o755)
    write_study(tmp_path / "studies", "shifts")
    write_study(tmp_path / "studies", "shares")
    (tmp_path / "pyproject.toml").touch()
    script = """
        rnnsearch --install-completion bash >/dev/null && source ~/.bashrc
        for typed in "se" "search sh" "search studies/shi" "check " "search shifts --tri"; do
            COMP_WORDS=(rnnsearch $typed); COMP_CWORD=${#COMP_WORDS[@]}
            [ "${typed% }" = "$typed" ] && COMP_CWORD=$((COMP_CWORD - 1))
            _rnnsearch_completion rnnsearch
            echo "${COMPREPLY[@]}"
        done
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        cwd=tmp_path,
        env=os.environ
        | {
            "HOME": str(tmp_path),
            "PATH": f"{command.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(Path(cli.__file__).parents[2]),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "search",
        "shares shifts",
        "studies/shifts.toml",
        " ".join(sorted({*sample_studies(), "shares", "shifts"})),
        "--trials",
    ], done.stderr


def test_status_prints_one_object_with_the_promised_keys(
    rnnsearch: Callable[..., Result], tmp_path: Path
) -> None:
    path = write_study(tmp_path)
    rnnsearch("search", path, "--trials", 3, "--quiet")
    code, out, _ = rnnsearch("status", path, "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts.keys() >= STATUS_KEYS
    assert facts["complete"] == facts["tracked"] == facts["target_trials"] == 3
    assert facts["best"].keys() == {"number", "params", "skill", "value"}
    code, out, _ = rnnsearch("status", path)
    assert code == 0
    assert "study small: 3 of 3 trials finished (3 complete)" in out


def test_sync_check_inputs_and_schema_answer(
    rnnsearch: Callable[..., Result], tmp_path: Path
) -> None:
    path = write_study(tmp_path)
    rnnsearch("search", path, "--trials", 2)
    assert rnnsearch("sync", path)[:2] == (
        0,
        "MLflow: 0 trials written, 2 already there, 0 surplus runs deleted\n",
    )
    code, out, _ = rnnsearch("check", path)
    assert code == 0
    assert "300 sessions" in out
    assert re.search(r"^time per trial: about \S+ s \(", out, re.M)
    assert re.search(r"^time in all: about \S+ s for 6 trials on 1 worker,", out, re.M)
    code, out, _ = rnnsearch("inputs", path)
    assert code == 0
    assert "Spread" in out
    code, out, _ = rnnsearch("inputs", path, "--export", tmp_path / "table.csv")
    assert code == 0
    assert len((tmp_path / "table.csv").read_text().splitlines()) == 301
    code, out, _ = rnnsearch("schema")
    assert code == 0
    assert json.loads(out)["title"] == "StudyFile"


@pytest.mark.slow
def test_the_module_is_the_command(tmp_path: Path) -> None:
    path = write_study(tmp_path, run={"engine": "local"})
    code, out, err = run("search", path, "--trials", 1, "--quiet")
    assert code == 0, err
    assert "Best trials" in out
    assert "trial    0" not in out


FIRST_TRIAL = """
    import os, sys
    from rnnsearch.cli import main
    from rnnsearch.search.engines.local import LocalWorkers

    def submit(self, task):
        slow = {"torch", "scipy", "sklearn", "plotly", "statsmodels", "matplotlib"}
        print("imported:", *sorted(slow & sys.modules.keys()), flush=True)
        os._exit(0)

    LocalWorkers.submit = submit
    sys.argv = ["rnnsearch", "search", sys.argv[1], "--quiet", "--engine", "local"]
    main()
"""


def test_a_search_hands_out_its_first_trial_without_what_takes_long_to_import(
    tmp_path: Path, home: Path
) -> None:
    """Each takes the driver a second or two, for which its workers would wait."""
    command = [sys.executable, "-c", textwrap.dedent(FIRST_TRIAL), str(write_study(tmp_path))]
    assert subprocess.check_output(command, text=True) == "imported:\n"


def test_trials_from_before_there_were_two_naive_forecasts_are_shown_with_one() -> None:
    network = {"cell": "gru", "neurons": [8], "window": 5, "output_shift": 1}
    metrics = {"skill": 0.01, "rmse": 0.02, "naive_rmse": 0.0202, "directional_accuracy": 0.5}
    record = {"metrics": metrics | {"always_up_accuracy": 0.5}, "history": {"skill": [0.01]}}
    new = record | {"metrics": record["metrics"] | {"no_change_rmse": 0.0202}}
    trials = [
        create_trial(
            value=0.01,
            user_attrs={"parameters": network | {"epochs": 1, "inputs": ["return"]}, "record": one},
        )
        for one in (record, new)
    ]
    screen = Console(width=80, file=StringIO())
    screen.print(best_table([TrialView(trial) for trial in trials]))
    assert "0.02020" in screen.file.getvalue()
    assert "naive" in screen.file.getvalue()
