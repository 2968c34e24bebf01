"""The command: helpful, with the exit codes it promises, and never a traceback."""

import json
import os
import re
import shutil
import sqlite3
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
from rnnsearch.live import trial_line
from rnnsearch.search import study as study_module
from rnnsearch.terminal import best_table
from rnnsearch.version import __version__
from tests.evaluated import write_bars
from tests.searches import InlineWorkers, run, write_study

pytestmark = pytest.mark.usefixtures("home")

Result = tuple[int, str, str]
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
    "best",
    "workers",
}


@pytest.fixture
def rnnsearch(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """The command in this process, its training too."""
    monkeypatch.setattr(study_module, "LocalWorkers", InlineWorkers)

    def call(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["rnnsearch", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return int(end.value.code or 0), said.out, said.err

    return call


def test_it_tells_its_version(rnnsearch: Callable[..., Result]) -> None:
    assert rnnsearch("--version") == (0, f"rnnsearch {__version__}\n", "")


@pytest.mark.parametrize("flags", [["schema"], ["check", "small.toml"]])
def test_a_reader_that_has_read_enough_is_no_error(tmp_path: Path, flags: list[str]) -> None:
    write_study(tmp_path)
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "rnnsearch", *flags]
    done = subprocess.run(command, cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")


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
    assert all("complete" in line for line in lines)
    assert "\x1b" not in out
    assert re.search(r"naive +hit +always *\n.* RMSE +rate +up *\n", out)
    assert "--trials +50" in out


def test_the_longest_names_fit_a_terminal_of_80_columns() -> None:
    network = {"cell": "bilstm", "neurons": [128] * 3, "window": 60, "output_shift": 10}
    metrics = {"rmse": 0.0213456, "naive_rmse": 0.02, "directional_accuracy": 1.0}
    record = {
        "metrics": metrics | {"always_up_accuracy": 1.0},
        "history": {"skill": [0.0] * 100},
    }
    trial = create_trial(
        value=-0.0123,
        user_attrs={
            "parameters": network | {"epochs": 100, "inputs": ["return"] * 100},
            "record": record,
        },
    )
    trial.number = 1234
    assert len(trial_line(trial, better=True)) <= 80
    screen = Console(width=80, file=StringIO())
    screen.print(best_table([trial]))
    shown = screen.file.getvalue()
    assert "bi-lstm 3×128 w60 h10    100 -0.0123 0.02135 0.02000 100.0% 100.0%" in shown


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
            "PYTHONPATH": str(Path(cli.__file__).parent.parent),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.splitlines() == [
        "search",
        "shares shifts",
        "studies/shifts.toml",
        "shares shifts",
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
    assert facts["best"].keys() == {"number", "value", "params"}
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


def test_a_wrong_study_file_or_flag_ends_with_2(
    rnnsearch: Callable[..., Result], tmp_path: Path, home: Path
) -> None:
    path = write_study(tmp_path, study={"trials": 0})
    code, _, err = rnnsearch("search", path)
    assert code == 2
    assert err.startswith(f"rnnsearch: {path}: [study] trials: ")
    for arguments in (["search"], ["search", path, "--nonsense"], ["nonsense"], ["search", "no"]):
        code, _, err = rnnsearch(*arguments)
        assert code == 2, arguments
        assert err.startswith("rnnsearch: ")
    path = write_study(tmp_path)
    for wrong in ("many", "0", "+0", "9" * 5000):
        assert rnnsearch("search", path, "--trials", wrong)[0] == 2
    assert rnnsearch("search", path, "--workers", "0")[0] == 2
    assert not (home / "optuna.db").exists()


def test_a_dry_run_says_what_would_be_started_and_starts_nothing(
    rnnsearch: Callable[..., Result], tmp_path: Path, home: Path
) -> None:
    code, out, _ = rnnsearch("search", write_study(tmp_path), "--dry-run", "--workers", 3)
    assert code == 0
    assert "3 workers on this machine, device cpu" in out
    assert not (home / "optuna.db").exists()


@pytest.mark.parametrize("flag", ["--dry-run", "--quiet"])
def test_the_engine_ray_without_ray_ends_with_2_and_says_what_to_install(
    rnnsearch: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("ray_cluster", "ray_workers"):
        monkeypatch.delitem(sys.modules, f"rnnsearch.search.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    code, _, err = rnnsearch("search", write_study(tmp_path), "--engine", "ray", flag)
    assert code == 2
    assert "pip install 'rnnsearch[cluster]'" in err


def test_bad_data_end_with_3(rnnsearch: Callable[..., Result], tmp_path: Path, home: Path) -> None:
    path = write_study(tmp_path)
    (tmp_path / "prices.csv").write_text("Date,Close\n2020-01-02,1\n2020-01-02,2\n")
    code, _, err = rnnsearch("search", path)
    assert code == 3
    assert "prices.csv" in err
    assert not (home / "optuna.db").exists()
    (tmp_path / "prices.csv").unlink()
    assert rnnsearch("check", path)[0] == 3


def test_data_changed_after_a_search_end_with_3_and_a_changed_space_with_2(
    rnnsearch: Callable[..., Result], tmp_path: Path
) -> None:
    rnnsearch("search", write_study(tmp_path), "--trials", 1)
    assert rnnsearch("search", write_study(tmp_path, space={"neurons": 3}))[0] == 2
    lines = (tmp_path / "prices.csv").read_text().splitlines()
    (tmp_path / "prices.csv").write_text("\n".join(lines[:-5]))
    assert rnnsearch("search", write_study(tmp_path))[0] == 3


@pytest.mark.parametrize(
    ("storage", "told"),
    [
        ("nonsense", "the study storage does not answer as it should"),
        ("sqlite://", "name a SQLite file"),
        ("sqlite:////proc/nowhere/optuna.db", "/proc/nowhere"),
        ("nosuch://user:s3cret@127.0.0.1/x", "nosuch://user:***@127.0.0.1/x"),
        ("postgresql://user:s3cret@127.0.0.1:1/x", "postgresql+psycopg://user:***@127.0.0.1:1/x"),
        ("postgresql://user:s3cret@127.0.0.1:one/x", "user:***@127.0.0.1:one/x"),
        ("postgresql:/user:s3cret@127.0.0.1/x", "the study storage does not answer as it should"),
    ],
)
def test_a_storage_that_cannot_be_used_ends_with_4(
    rnnsearch: Callable[..., Result], tmp_path: Path, storage: str, told: str
) -> None:
    code, out, err = rnnsearch("search", write_study(tmp_path), "--storage", storage)
    assert code == 4, err
    assert told in err
    assert "s3cret" not in out + err


def test_a_study_that_was_never_searched_has_no_status(
    rnnsearch: Callable[..., Result], tmp_path: Path
) -> None:
    path = write_study(tmp_path)
    code, _, err = rnnsearch("status", path)
    assert code == 4
    assert "run `rnnsearch search` first" in err
    rnnsearch("search", path, "--trials", 1)
    code, _, err = rnnsearch("status", write_study(tmp_path, "other"))
    assert code == 4
    assert "there is no study 'other' (there are: small)" in err


def test_a_server_that_cannot_be_synced_ends_with_4(
    rnnsearch: Callable[..., Result], tmp_path: Path
) -> None:
    path = write_study(tmp_path)
    rnnsearch("search", path, "--trials", 1)
    code, out, err = rnnsearch("sync", path, "--tracking", "http://user:s3cret@127.0.0.1:1")
    assert code == 4
    assert "http://user:***@127.0.0.1:1: MLflow cannot be brought up to date" in err
    assert "s3cret" not in out + err


def test_a_search_in_which_every_trial_fails_ends_with_5(
    rnnsearch: Callable[..., Result], tmp_path: Path
) -> None:
    space = {"optimizer": "sgd", "learning_rate": 10.0, "clip": 0, "epochs": 3, "batch_size": 4}
    path = write_study(
        tmp_path, study={"trials": 2}, space=space | {"window": 2, "output_shift": 1}
    )
    code, out, err = rnnsearch("search", path)
    assert code == 5, out
    assert "no trial was completed, so there is no result; they failed with: diverged: " in err


def test_a_storage_that_is_locked_for_too_long_ends_with_4_and_the_study_goes_on_later(
    rnnsearch: Callable[..., Result],
    tmp_path: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rnnsearch.search.databases.BUSY_SECONDS", 0.2)
    path = write_study(tmp_path)
    rnnsearch("search", path, "--trials", 2)
    with sqlite3.connect(home / "optuna.db") as other:
        other.execute("BEGIN IMMEDIATE")
        code, _, err = rnnsearch("search", path)
        assert code == 4
        assert "database is locked" in err
        other.rollback()
    other.close()
    assert rnnsearch("search", path)[0] == 0


def test_an_error_nobody_foresaw_is_one_line_and_a_log(
    rnnsearch: Callable[..., Result], tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("what now, postgresql://user:s3cret@host/db")

    monkeypatch.setattr("rnnsearch.config.load_study", broken)
    code, _, err = rnnsearch("check", write_study(tmp_path))
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "ZeroDivisionError: what now" in err
    log = (home / "error.log").read_text()
    assert "Traceback" in log
    assert "s3cret" not in err + log


@pytest.mark.slow
def test_the_module_is_the_command(tmp_path: Path) -> None:
    code, out, err = run("search", write_study(tmp_path), "--trials", 1, "--quiet")
    assert code == 0, err
    assert "Best trials" in out
    assert "trial    0" not in out


FIRST_TRIAL = """
    import os, sys
    from rnnsearch.cli import main
    from rnnsearch.search.workers import LocalWorkers

    def submit(self, task):
        slow = {"torch", "scipy", "sklearn", "plotly", "statsmodels", "matplotlib"}
        print("imported:", *sorted(slow & sys.modules.keys()), flush=True)
        os._exit(0)

    LocalWorkers.submit = submit
    sys.argv = ["rnnsearch", "search", sys.argv[1], "--quiet"]
    main()
"""


def test_a_search_hands_out_its_first_trial_without_what_takes_long_to_import(
    tmp_path: Path, home: Path
) -> None:
    """Each takes the driver a second or two, for which its workers would wait."""
    command = [sys.executable, "-c", textwrap.dedent(FIRST_TRIAL), str(write_study(tmp_path))]
    assert subprocess.check_output(command, text=True) == "imported:\n"
