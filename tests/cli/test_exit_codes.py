"""Every way to fail ends with the code that is promised, and in words."""

import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.searches import write_study

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("home")]

Result = tuple[int, str, str]


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


def test_a_command_typed_wrongly_shows_how_it_is_typed(rnnsearch: Callable[..., Result]) -> None:
    for arguments in (["search"], ["search", "a", "--nonsense"], ["search", "a", "b"]):
        code, _, err = rnnsearch(*arguments)
        assert code == 2
        assert re.search(r"Usage: .*search \[OPTIONS\] STUDY \(.*search --help tells more\)$", err)
    assert "COMMAND [ARGS]..." in rnnsearch("nonsense")[2]


def test_a_dry_run_says_what_would_be_started_and_starts_nothing(
    rnnsearch: Callable[..., Result], tmp_path: Path, home: Path
) -> None:
    code, out, _ = rnnsearch(
        "search", write_study(tmp_path), "--dry-run", "--engine", "local", "--workers", 3
    )
    assert code == 0
    assert "3 workers on this machine, device cpu" in out
    assert not (home / "optuna.db").exists()


@pytest.mark.parametrize("flag", ["--dry-run", "--quiet"])
def test_the_engine_ray_without_ray_ends_with_2_and_says_what_to_install(
    rnnsearch: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "ray"]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("ray_cluster", "ray_actors"):
        monkeypatch.delitem(sys.modules, f"rnnsearch.search.engines.{name}", raising=False)
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
    monkeypatch.setattr("rnnsearch.search.store.databases.BUSY_SECONDS", 0.2)
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


@pytest.mark.parametrize("flags", [["schema"], ["check", "small.toml"]])
def test_a_reader_that_has_read_enough_is_no_error(tmp_path: Path, flags: list[str]) -> None:
    write_study(tmp_path)
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "rnnsearch", *flags]
    done = subprocess.run(command, cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, check=False)
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")
