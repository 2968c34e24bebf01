"""Files of ours that a disk, a copy or a person has changed: said, with the way back."""

import os
import random
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from rnnsearch.errors import StorageError
from rnnsearch.search.problem import Problem, cache_folder
from rnnsearch.search.store.damage import check_pages, find_damage
from rnnsearch.verdict.evaluation import champion_folder
from rnnsearch.verdict.prediction import predict
from tests.helpers.evaluated import Evaluated, answer_again, command, search_inline
from tests.helpers.searches import run

pytestmark = pytest.mark.slow  # whole searches or commands


def database(evaluated: Evaluated) -> Path:
    file = evaluated.home / "optuna.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


def flip(file: Path, chance: random.Random) -> None:
    """Change one bit of a byte that is not empty space."""
    content = bytearray(file.read_bytes())
    place = chance.choice([place for place, byte in enumerate(content) if byte])
    content[place] ^= 1 << chance.randrange(8)
    file.write_bytes(content)


def test_a_flipped_bit_in_the_store_is_told_and_never_an_error_nobody_foresaw(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, chance = database(evaluated), random.Random(3)
    whole = file.read_bytes()
    told = 0
    for _ in range(25):
        file.write_bytes(whole)
        flip(file, chance)
        damaged = file.read_bytes()
        for name in ("status", "predict"):
            code = command(monkeypatch, name, evaluated.path)
            err = capsys.readouterr().err
            assert code != 1, err  # a digit of a number may be another, or a name
            assert "should not be" not in err
            told += "is damaged" in err
        assert find_damage(file) is None or file.read_bytes() == damaged  # looked at, not changed
        for extra in file.parent.glob("optuna.db-*"):
            extra.unlink()
    assert told > 10


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("trial_user_attributes SET value_json = '{\"a' WHERE key = 'parameters'", "'parameters'"),
        ("trial_user_attributes SET key = 'recore' WHERE key = 'record'", "has no 'record'"),
        (
            "trial_user_attributes SET value_json = "
            "replace(value_json, '\"metrics\"', '\"metsics\"') WHERE key = 'record'",
            "'record' cannot be read",
        ),
        (
            "study_user_attributes SET value_json = replace(value_json, '\"input\"', '\"inqut\"') "
            "WHERE key = 'inputs'",
            "'inputs' is not what was written",
        ),
        ("study_user_attributes SET value_json = 'nul' WHERE key = 'evaluation'", "'evaluation'"),
        ("trials SET state = 'COMPLETF' WHERE number = 1", "trial 1: its state is 'COMPLETF'"),
        ("trial_params SET distribution_json = '{}'", "the range of"),
        ("trial_params SET param_value = 1e30 WHERE param_name = 'cell'", "is outside its range"),
        ("trials SET number = NULL WHERE number = 1", "a trial has no number"),
        ("trials SET datetime_start = '2026-11-28 07*36:08' WHERE number = 0", "table trials"),
        ("trial_values SET value_type = 'FINI' WHERE trial_id = 1", "table trial_values"),
        ("rnnsearch_openings SET marks = marks || 'A'", "its marks cannot be read"),
        (
            "study_user_attributes SET value_json = replace(value_json, 'before_by', 'befoze_by') "
            "WHERE key = 'evaluation'",
            "it is not what was written",
        ),
    ],
)
def test_what_cannot_be_read_is_named_with_its_trial_and_the_way_back(
    evaluated: Evaluated,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    change: str,
    told: str,
) -> None:
    file = database(evaluated)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"UPDATE {change}")
        connection.commit()
    assert told in str(find_damage(file))
    codes = [command(monkeypatch, name, evaluated.path) for name in ("status", "report")]
    err = capsys.readouterr().err
    assert 4 in codes
    assert set(codes) <= {0, 4}
    assert f"{file}: the study storage is damaged" in err
    assert told in err
    for line in err.splitlines():
        assert len(line) < 1000
    # The advice, taken.
    for extra in ("", "-wal", "-shm"):
        if (path := Path(f"{file}{extra}")).exists():
            path.rename(f"{file}.damaged{extra}")
    search_inline(evaluated.path)
    assert command(monkeypatch, "status", evaluated.path) == 0


def test_forecasts_that_cannot_be_unpacked_are_found(evaluated: Evaluated) -> None:
    file = database(evaluated)
    with closing(sqlite3.connect(file)) as connection:
        change = "SET value_json = '\"AAAA\"' WHERE key = 'forecasts'"
        connection.execute(f"UPDATE trial_user_attributes {change}")
        connection.commit()
    assert "'forecasts' cannot be read" in str(find_damage(file))


def test_a_result_that_can_be_read_and_is_another_is_found(evaluated: Evaluated) -> None:
    file = database(evaluated)
    with closing(sqlite3.connect(file)) as connection:
        change = "SET value_json = replace(value_json, '\"folds\"', '\"foldt\"')"
        connection.execute(f"UPDATE trial_user_attributes {change} WHERE key = 'record'")
        connection.commit()
    assert "its result is not what was written" in str(find_damage(file))


def test_a_whole_store_is_not_called_damaged_for_an_error_of_another_kind(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check_pages(database(evaluated))
    assert find_damage(database(evaluated)) is None

    def broken(*_: object, **__: object) -> None:
        raise KeyError("ours")

    monkeypatch.setattr("rnnsearch.report.status.status", broken)
    assert command(monkeypatch, "status", evaluated.path) == 1
    assert "KeyError: 'ours'" in capsys.readouterr().err


def test_a_damaged_database_of_mlflow_is_told_with_the_way_back_which_leads_back(
    _mlflow_database: Path,  # noqa: PT019  it is a path
    evaluated: Evaluated,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = evaluated.home / "mlflow.db"
    content = bytearray(file.read_bytes())
    content[:64] = b"\xff" * 64
    file.write_bytes(content)
    assert command(monkeypatch, "sync", evaluated.path) == 4
    err = capsys.readouterr().err
    assert f"MLflow's database is damaged: move it away (mv '{file}' '{file}.damaged'" in err
    file.rename(f"{file}.damaged")
    shutil.copy(_mlflow_database, file)  # an empty one would take ten seconds to make
    code, out, err = run("sync", evaluated.path)  # MLflow keeps what it has opened in a process
    assert code == 0, err
    assert "6 trials written" in out


def test_a_damaged_champion_is_a_matter_of_storage_whichever_byte_it_is(
    evaluated: Evaluated,
) -> None:
    folder, chance = champion_folder(evaluated.study), random.Random(4)
    answer_again(evaluated)
    for name in ("forecaster.json", "weights.safetensors"):
        whole = (folder / name).read_bytes()
        for _ in range(15):
            flip(folder / name, chance)
            with pytest.raises(StorageError, match="rnnsearch evaluate"):
                predict(evaluated.study)
            (folder / name).write_bytes(whole)
    predict(evaluated.study)
    shutil.rmtree(folder)
    with pytest.raises(StorageError, match="rnnsearch evaluate"):
        predict(evaluated.study)


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
def test_a_pipe_in_place_of_a_file_of_ours_is_not_waited_for(
    evaluated: Evaluated, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pipe(file: Path) -> None:
        file.unlink(missing_ok=True)
        os.mkfifo(file)

    shutil.rmtree(cache_folder())  # what a copied study left there is of no use to this one
    Problem.load(evaluated.study).candidates  # noqa: B018  the cache is filled
    for file in [path for path in cache_folder().iterdir() if path.is_file()]:
        pipe(file)
        Problem.load(evaluated.study).candidates  # noqa: B018  it is made again
        assert file.is_file() or file.suffix == ".lock", file
    for name in ("forecaster.json", "weights.safetensors"):
        shutil.copytree(champion_folder(evaluated.study), evaluated.home / name)
        pipe(champion_folder(evaluated.study) / name)
        assert command(monkeypatch, "predict", evaluated.path) == 4
        shutil.rmtree(champion_folder(evaluated.study))
        (evaluated.home / name).rename(champion_folder(evaluated.study))
    pipe(evaluated.home / "mlflow.db")
    assert command(monkeypatch, "sync", evaluated.path) == 4
    database(evaluated)
    for extra in ("-wal", "-shm"):
        Path(f"{evaluated.home / 'optuna.db'}{extra}").unlink(missing_ok=True)
    pipe(evaluated.home / "optuna.db")
    assert command(monkeypatch, "status", evaluated.path) == 4
    assert "no regular file" in capsys.readouterr().err
