"""The study file: what it may say, and what it is told where it says something else."""

import os
import re
import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnsearch.config import FloatRange, IntRange, StudyFile, extremes, find_study, load_study
from rnnsearch.errors import StudyFileError
from tests.helpers.places import ROOT
from tests.helpers.searches import toml

STUDIES = sorted((ROOT / "studies").glob("*.toml"))


def load(folder: Path, text: str, name: str = "one.toml", **overrides: Any) -> StudyFile:
    path = folder / name
    if "[data]" not in text:
        text = '[data]\nsample = "sp500"\n' + text
    path.write_text(text, encoding="utf-8")
    return load_study(path, **overrides)


def refusal(folder: Path, text: str, **overrides: Any) -> str:
    with pytest.raises(StudyFileError) as error:
        load(folder, text, **overrides)
    return str(error.value)


def test_the_smallest_study_is_a_path_and_everything_else_has_a_default(tmp_path: Path) -> None:
    study = load(tmp_path, '[data]\npath = "prices.csv"')
    assert study.name == "one"
    assert study.data.path == tmp_path / "prices.csv"
    assert study.study.trials == 50


def test_a_parameter_is_written_in_three_ways(tmp_path: Path) -> None:
    text = "[space]\nwindow = 20\nneurons = [8, 16]\nlayers = { low = 1, high = 3 }\n"
    text += 'learning_rate = { low = 1e-4, high = 1e-2, log = true }\ncell = "gru"'
    space = load(tmp_path, text).space
    assert space.window == 20
    assert space.neurons == (8, 16)
    assert space.layers == IntRange(low=1, high=3)
    assert space.learning_rate == FloatRange(low=1e-4, high=1e-2, log=True)
    assert extremes(space.layers) == (1, 3)
    assert extremes(space.neurons) == (8, 16)


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        ("[study]\ntrails = 5", "[study] trails", "did you mean trials?"),
        ("[space]\nlearning_rates = 1", "[space] learning_rates", "did you mean learning_rate?"),
        ("[space]\nwindow = { low = 1, hihg = 4 }", "[space] window.hihg", "did you mean high?"),
        ("[studdy]\nx = 1", "[studdy]", "did you mean study?"),
        ("[run]\nxyzzy = 1", "[run] xyzzy", "known keys: "),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(
    tmp_path: Path, text: str, place: str, hint: str
) -> None:
    message = refusal(tmp_path, text)
    assert f"{tmp_path / 'one.toml'}: {place}: unknown key; " in message
    assert hint in message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[study]\ntrials = 0", "[study] trials: should be at least 1, got 0"),
        ("[study]\ntrials = 2.5", "[study] trials: should be a whole number"),
        ('[study]\nsampler = "best"', "[study] sampler: should be 'tpe', 'random', 'qmc', 'gp'"),
        ("[study]\nseed = -1", "[study] seed: should be at least 0, got -1"),
        ("[split]\ntest = 0.9", "[split] test: should be at most 0.8, got 0.9"),
        ("[split]\nfolds = 10\nvalidation = 0.2", "10 × 0.2 = 2.00; lower one"),
        ("[space]\nwindow = 0", "[space] window: must be at least 1, got 0"),
        ("[space]\nlayers = [1, 99]", "[space] layers: must be at most 16, got 99"),
        ("[space]\ndropout = 1.0", "[space] dropout: must be under 1, got 1.0"),
        ("[space]\nneurons = []", "[space] neurons: a list of choices needs at least one value"),
        ("[space]\nneurons = [8, 8]", "[space] neurons: choices must differ, got [8, 8]"),
        (
            "[space]\nwindow = { low = 9, high = 3 }",
            "[space] window: low must not exceed high, but 9 > 3",
        ),
        (
            "[space]\nlearning_rate = { low = 0.0, high = 1.0, log = true }",
            "[space] learning_rate: a log range must start above 0, but low is 0.0",
        ),
        (
            "[space]\nneurons = { low = 8, high = 64, log = true, step = 8 }",
            "[space] neurons: a log range takes no step; remove log or step",
        ),
        (
            "[space]\ninput_shift = -1",
            "[space] input_shift: must be at least 0, got -1; a negative shift would show the "
            "network sessions after the origin",
        ),
        ("[space]\nbatch_size = 10000000000", "[space] batch_size: must be at most 1000000, got 1"),
        (
            "[space]\ndropout = { low = 0.0, high = 0.5, step = 1e-300 }",
            "[space] dropout: a range has at most 1000000 steps, but a step of 1e-300 makes more",
        ),
        ("[space]\noutput_shift = 0", "[space] output_shift: must be at least 1, got 0"),
        ("[space]\nlearning_rate = nan", "[space] learning_rate: should be a finite number"),
        ('[space]\ncell = "lstn"', "[space] cell: should be 'rnn', 'lstm', 'gru'"),
        ('[run]\ndevice = "gpu"', "[run] device: "),
        ('[data]\npath = "a.csv"\nsample = "sp500"', "[data]: give either path"),
        ("[data]\ntarget = 'Close'", "[data]: give either path"),
    ],
)
def test_every_rule_names_place_rule_and_value(tmp_path: Path, text: str, told: str) -> None:
    message = refusal(tmp_path, text)
    assert message.startswith(f"{tmp_path / 'one.toml'}: ")
    assert told in message
    assert len(message.splitlines()) == 1


def test_a_key_with_two_kinds_of_values_tells_the_rule_of_each(tmp_path: Path) -> None:
    message = refusal(tmp_path, "[run]\nworkers = 0")
    assert "[run] workers: should be 'auto' or at least 1, got 0" in message


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, "[study]\ntrials = 0\nseed = -1\n[space]\nwindow = 0")
    assert len(message.splitlines()) == 3


@pytest.mark.parametrize("name", ["../x", "a/b", ".hidden", "-x", "a b", "x" * 101, "a\nb", "a'b"])
def test_a_study_name_that_could_leave_its_folder_is_refused(tmp_path: Path, name: str) -> None:
    message = refusal(tmp_path, f"[study]\nname = {toml(name)}")
    assert "[study] name: a study name has letters, digits" in message


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("a\0.csv", r"[data] path: a path has no NUL in it, got 'a\x00.csv'"),
        ("~nobody-of-this-name/a.csv", "[data] path: there is no such home, got '~nobody-of"),
    ],
)
def test_a_path_that_cannot_be_is_refused(tmp_path: Path, path: str, told: str) -> None:
    with pytest.raises(StudyFileError, match=re.escape(told)):
        load(tmp_path, f"[data]\npath = {toml(path)}\n")
    with pytest.raises(StudyFileError, match=re.escape(told)):
        load(
            tmp_path, f'[data]\npath = "a.csv"\n[[data.join]]\nprefix = "us"\npath = {toml(path)}\n'
        )


def test_a_name_that_is_too_long_for_a_file_is_refused() -> None:
    with pytest.raises(StudyFileError, match="File name too long"):
        load_study(find_study("x" * 5000))


def test_a_file_that_is_not_there_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "quickstart.toml").touch()
    with pytest.raises(StudyFileError, match=r"no such study file; did you mean quickstart\.toml"):
        load_study(tmp_path / "quikstart.toml")
    with pytest.raises(StudyFileError, match=r"no such study file; in .* there are quickstart"):
        load_study(tmp_path / "nothing_like_it.toml")


def test_a_name_that_is_not_in_studies_names_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StudyFileError, match=r"no such study file; `rnnsearch studies` lists"):
        load_study("nothing_like_it")
    (tmp_path / "studies").mkdir()
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "studies" / "quickstart.toml").touch()
    with pytest.raises(StudyFileError, match=r"no such study file; did you mean quickstart\?"):
        load_study("quikstart")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"[study", "is not TOML"),
        (b"\xff\xfe", "cannot be read as UTF-8 text"),
        (b"trials = " + b"9" * 5000, "is not TOML"),
        (b"trials = " + b"[" * 5000, "is not TOML"),
        (None, "cannot be"),
    ],
)
def test_a_file_that_is_no_toml_is_refused(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    path = tmp_path / "one.toml"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(StudyFileError, match=told):
        load_study(path)


def test_a_flag_comes_before_the_environment_and_that_before_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = '[run]\nstorage = "sqlite:///file.db"\nworkers = 3'
    assert load(tmp_path, text).run.storage == "sqlite:///file.db"
    monkeypatch.setenv("RNNSEARCH_STORAGE", "sqlite:///environment.db")
    monkeypatch.setenv("RNNSEARCH_TRACKING", "http://environment")
    study = load(tmp_path, text)
    assert (study.run.storage, study.run.tracking) == (
        "sqlite:///environment.db",
        "http://environment",
    )
    study = load(tmp_path, text, run__storage="sqlite:///flag.db", run__workers=None)
    assert (study.run.storage, study.run.workers) == ("sqlite:///flag.db", 3)


def test_where_a_study_runs_makes_no_other_study_of_it(tmp_path: Path) -> None:
    ray = (
        '[run]\nengine = "ray"\nray_address = "ray://head:10001"\ngpus_per_trial = 0.5\n'
        "cpus_per_trial = 2\nmax_workers = 100"
    )
    assert load(tmp_path, ray).fingerprint() == load(tmp_path, "").fingerprint()


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_shipped_studies_are_valid_and_the_schema_knows_their_keys(path: Path) -> None:
    study = load_study(path)
    assert study.name == path.stem
    schema = StudyFile.model_json_schema()
    for section, keys in study.model_dump(exclude_unset=True).items():
        reference = schema["properties"][section]["$ref"].rpartition("/")[2]
        assert keys.keys() <= schema["$defs"][reference]["properties"].keys()


def test_settings_cannot_be_changed(tmp_path: Path) -> None:
    study = load(tmp_path, "")
    with pytest.raises(ValueError, match="frozen"):
        study.study.trials = 3  # type: ignore[misc]


KEYS = st.sampled_from(
    ["study", "data", "space", "inputs", "run", "split", "name", "trials", "window", "cell", "low",
     "high", "step", "log", "path", "sample", "join", "prefix", "workers", "device", "folds"]
) | st.text(string.ascii_letters + "_é", min_size=1, max_size=6)  # fmt: skip
SCALARS = (
    st.integers() | st.floats(width=32, allow_subnormal=False) | st.booleans() | st.text(max_size=9)
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)
)


@pytest.mark.slow
@given(tables=st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4) | VALUES, max_size=4))
def test_any_toml_is_a_study_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, tables: dict[str, Any]
) -> None:
    lines = [f"{toml(key)} = {_inline(value)}" for key, value in tables.items()]
    _load_or_refuse(tmp_path_factory, "\n".join(lines))


@given(text=st.text(max_size=60))
def test_any_text_is_a_study_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    _load_or_refuse(tmp_path_factory, text)


def _load_or_refuse(factory: pytest.TempPathFactory, text: str) -> None:
    path = factory.getbasetemp() / "fuzz.toml"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        assert isinstance(load_study(path), StudyFile)
    except StudyFileError as error:
        assert str(path) in str(error)  # noqa: PT017  either is right


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(k)} = {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return toml(value)


def test_a_study_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    assert load(tmp_path, "\ufeff[data]\npath = 'a.csv'\n").data.path == tmp_path / "a.csv"


def test_a_pipe_in_place_of_a_study_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "one.toml")
    with pytest.raises(StudyFileError, match="is no regular file; copy what it holds"):
        load_study(tmp_path / "one.toml")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[space]\nlr = 0.1", "[space] lr: unknown key; did you mean learning_rate?"),
        ("[space]\nhidden_size = 8", "did you mean neurons?"),
        ("[space]\nlookback = 8", "did you mean window?"),
        ("[space]\nhorizon = 1", "did you mean output_shift?"),
        ("[study]\nn_trials = 8", "did you mean trials?"),
        ("[space]\ntrials = 8", "trials belongs under [study]"),
        ('[space]\ncell = "LSTM"', "got 'LSTM'; did you mean \"lstm\"?"),
        ('[space]\ncell = ["Bi-LSTM"]', 'did you mean "bilstm"?'),
        ('[study]\nsampler = "TPE"', 'did you mean "tpe"?'),
        ("[space]\nwindow = { min = 5, max = 60 }", "window.min: unknown key; did you mean low?"),
        ("[space]\nwindow = { min = 5, max = 60 }", "window.max: unknown key; did you mean high?"),
        ("study = 3", "should be a table that begins with [study]"),
    ],
)
def test_a_hint_is_what_was_meant(tmp_path: Path, text: str, told: str) -> None:
    said = refusal(tmp_path, text + '\n[data]\nsample = "sp500"')
    assert told in said
    assert "is missing" not in said  # what the hint says already


@pytest.mark.parametrize(
    "text",
    [
        "[split]\nvalidation = 1e-308",
        f"[study]\ntrials = 1{'0' * 60}",
        f"[space]\nwindow = {{ low = 1, high = 9, step = 1{'0' * 60} }}",
        f"[space]\nwindow = 1{'0' * 400}",
        f"[inputs]\nmax = 1{'0' * 60}",
    ],
)
def test_a_number_out_of_all_measure_is_refused(tmp_path: Path, text: str) -> None:
    said = refusal(tmp_path, text)
    assert "Input should" not in said
    assert len(said) < 1_500


@pytest.mark.parametrize(
    "key", ["target", "calendar", "path", "time_zone", "close_time", "predict"]
)
def test_a_password_in_any_key_is_not_shown(tmp_path: Path, key: str) -> None:
    text = f'[data]\n{key} = "postgresql://me:secret@host/db"\nsample = "sp500"\nfolds = 1'
    assert "secret" not in refusal(tmp_path, text)


@pytest.mark.parametrize("key", ["sampler = ", "name = ", "xxx = ", "trials = "])
def test_a_value_is_shown_in_200_characters(tmp_path: Path, key: str) -> None:
    said = refusal(tmp_path, f'[study]\n{key}"{"é" * 3_000_000}"')
    assert len(said) < 1_000


def test_a_list_is_asked_for_with_an_example_that_the_key_takes(tmp_path: Path) -> None:
    told = refusal(tmp_path, "[space]\nquantiles = 0.5")
    assert told.endswith("should be a list such as [0.1, 0.25, 0.5, 0.75, 0.9], got 0.5")
    example = told[told.index("[0.1") : told.index(", got")]
    load(tmp_path, f'[space]\nloss = "quantile"\nquantiles = {example}')
    told = refusal(tmp_path, "[data]\njoin = 3")
    assert told.endswith(
        "[data] join: should be a list of tables, each begun by [[data.join]], got 3"
    )
    assert 'a list such as ["a", "b"], got 3' in refusal(tmp_path, "[evaluate]\nmetrics = 3")
    told = refusal(tmp_path, "[space]\ncell = {}")
    assert told.endswith("[space] cell: should be a value or a list of choices, got {}")


def test_a_rule_on_several_sections_begins_with_the_first_of_them(tmp_path: Path) -> None:
    told = refusal(tmp_path, "[data]\nsample = 'sp500'\npool = true")
    assert told.startswith(f"{tmp_path / 'one.toml'}: [data] pool = true needs many series")
    told = refusal(tmp_path, "[space]\nembedding = 4")
    assert told.startswith(f"{tmp_path / 'one.toml'}: [space] embedding tells series")
