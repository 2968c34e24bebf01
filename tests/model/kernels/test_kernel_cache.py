"""Compiled kernels on disk: made once, never trusted when damaged, never missed where absent."""

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from rnnsearch.config import kernels_folder, load_study
from rnnsearch.model.kernels import cache
from rnnsearch.model.kernels.cache import NoKernels, ensure, host, kernels_for, load
from rnnsearch.search.store.store import Store
from tests.helpers.searches import write_study

pytestmark = pytest.mark.slow  # whole searches or commands

CPU = torch.device("cpu")


@pytest.fixture
def made() -> Path:
    """This machine's kernels, in the folder that all tests share."""
    return ensure(kernels_folder(), say=lambda _: None)


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """A folder of the test's own that has them already."""
    folder = tmp_path / "kernels"
    folder.mkdir()
    (folder / made.name).write_bytes(made.read_bytes())
    return folder


def never(text: str) -> None:
    pytest.fail(text)


def test_kernels_that_are_there_are_not_made_again(own: Path, made: Path) -> None:
    assert ensure(own, never) == own / made.name
    assert load(own / made.name).width.name == made.name.partition("-")[0]


@pytest.mark.slow
def test_two_processes_at_once_make_kernels_once(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from rnnsearch.model.kernels.cache import *;"
        "print(load(ensure(Path(sys.argv[1]), print)).width.name)"
    )
    folder = tmp_path / "kernels"
    command = [sys.executable, "-c", code, str(folder)]
    said: list[str] = []

    def run() -> None:
        said.append(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(folder.glob("*.o"))) == 1
    assert not list(folder.glob(".*.part"))
    assert "compiling kernels for this processor, once" in "".join(said)
    assert all(host().width.name in text for text in said)


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "text"])
def test_damaged_kernels_are_made_again_and_never_loaded(
    own: Path, made: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, whole = own / made.name, made.read_bytes()
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 1
    path.write_bytes(
        {"cut": whole[:-100], "changed": bytes(changed), "empty": b"", "text": b"x\ny"}[damage]
    )
    with pytest.raises(NoKernels, match="damaged or gone"):
        load(path)
    monkeypatch.setattr(cache, "_make", lambda path: path.write_bytes(whole))
    said: list[str] = []
    assert ensure(own, said.append) == path
    assert "compiling kernels" in said[0]
    load(path)


def test_another_processor_or_version_has_kernels_of_its_own(made: Path) -> None:
    here = host()
    names = {
        cache._made_of(machine)
        for machine in (
            here,
            replace(here, cpu="another"),
            replace(here, features=here.features + ",+more"),
        )
    }
    assert len(names) == 3
    assert made.name == f"{here.width.name}-{cache._made_of(here)}.o"


def test_where_kernels_cannot_be_written_torch_trains_and_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    said: list[str] = []
    folder = tmp_path / "file" / "kernels"
    assert kernels_for("auto", CPU, folder, said.append) is None
    assert len(said) == 1
    assert f"torch trains, which is slower than the kernels for CPUs: {folder}" in said[0]


def test_a_full_disk_leaves_nothing_and_torch_trains(
    own: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> None:
        cache.replace_file(path, lambda file: os.write(os.open("/dev/full", os.O_WRONLY), b"x"))

    monkeypatch.setattr(cache, "_make", full)
    said: list[str] = []
    assert kernels_for("auto", CPU, tmp_path / "new", said.append) is None
    assert "No space left on device" in said[-1]
    assert not list((tmp_path / "new").glob("*.o"))


def test_kernels_that_this_machine_refuses_are_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache.sys, "executable", "/bin/false")
    said: list[str] = []
    assert kernels_for("auto", CPU, tmp_path, said.append) is None
    assert "they could not be made here (exit code 1)" in said[-1]
    assert not list(tmp_path.glob("*.o"))


def test_a_processor_without_wide_vectors_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from llvmlite import binding

    monkeypatch.setattr(binding, "get_host_cpu_features", lambda: {"sse2": True})
    said: list[str] = []
    assert kernels_for("auto", CPU, tmp_path, said.append) is None
    assert "none of AVX-512, AVX2 and NEON" in said[0]


def test_torch_trains_where_it_is_wished_or_the_device_is_no_cpu(tmp_path: Path) -> None:
    assert kernels_for("torch", CPU, tmp_path, never) is None
    assert kernels_for("auto", torch.device("cuda"), tmp_path, never) is None
    assert not list(tmp_path.iterdir())


# --- searches


def trained_by(path: Path) -> dict[str, int]:
    trials = Store(load_study(path), create=False).trials()
    found: dict[str, int] = {}
    for trial in trials:
        kernels = trial.environment["kernels"]
        found[kernels] = found.get(kernels, 0) + 1
    return found


def test_a_trial_says_what_trained_it_and_has_the_same_value_by_torch(
    tmp_path: Path, home: Path, rnnsearch, made: Path
) -> None:
    by_kernels = write_study(tmp_path, "kernels", study={"trials": 4})
    by_torch = write_study(tmp_path, "torch", study={"trials": 4}, run={"kernels": "torch"})
    for path in (by_kernels, by_torch):
        code, _, err = rnnsearch("search", path)
        assert code == 0, err
    assert trained_by(by_kernels) == {host().width.name: 4}
    assert trained_by(by_torch) == {"torch": 4}
    ours, torchs = (
        Store(load_study(path), create=False).trials()[0] for path in (by_kernels, by_torch)
    )
    assert ours.parameters == torchs.parameters
    assert ours.value == pytest.approx(torchs.value, rel=1e-5, abs=1e-7)


def test_a_search_goes_on_with_either(tmp_path: Path, home: Path, rnnsearch, made: Path) -> None:
    path = write_study(tmp_path, study={"trials": 2})
    assert rnnsearch("search", path)[0] == 0
    write_study(tmp_path, study={"trials": 2}, run={"kernels": "torch"})
    code, _, err = rnnsearch("search", path, "--trials", "+2")
    assert code == 0, err
    assert trained_by(path) == {host().width.name: 2, "torch": 2}


def test_a_search_without_a_place_for_kernels_says_so_and_is_trained_by_torch(
    tmp_path: Path, home: Path, rnnsearch, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("RNNSEARCH_KERNELS", str(tmp_path / "file" / "kernels"))
    path = write_study(tmp_path, study={"trials": 2})
    code, out, err = rnnsearch("search", path)
    assert code == 0, err
    assert "torch trains, which is slower" in " ".join((out + err).split())
    assert trained_by(path) == {"torch": 2}


@pytest.mark.slow
def test_worker_processes_train_by_kernels(tmp_path: Path, home: Path, made: Path) -> None:
    path = write_study(tmp_path, study={"trials": 3}, run={"workers": 2})
    command = [sys.executable, "-m", "rnnsearch", "search", str(path), "--quiet"]
    subprocess.run(command, check=True, capture_output=True)
    assert trained_by(path) == {host().width.name: 3}
