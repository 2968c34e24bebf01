"""Temporary folders: gone with their process, or at the next one's start."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from rnnsearch.data import atomic
from rnnsearch.data import scratch as module
from tests.helpers.searches import finish, start, wait_until, write_study

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="folders have no locks there"),
]

HOLD = "from rnnsearch.data.scratch import scratch; print(scratch(), flush=True); input()"


def holder(folder: Path) -> tuple["subprocess.Popen[str]", Path]:
    """A process with a folder of its own in `folder`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_folder_ends_with_its_process(tmp_path: Path) -> None:
    process, folder = holder(tmp_path)
    assert folder.parent == tmp_path
    process.communicate("\n")
    assert not any(tmp_path.iterdir())


def test_the_next_process_removes_what_a_killed_one_left_and_nothing_else(tmp_path: Path) -> None:
    killed, left = holder(tmp_path)
    killed.kill()
    killed.communicate()
    (left / "listener").write_text("")
    (tmp_path / "pymp-of-somebody").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "kept").write_text("")
    (tmp_path / f"{module.PREFIX}link").symlink_to(tmp_path / "elsewhere")
    alive, used = holder(tmp_path)
    module.sweep(tmp_path)
    assert not left.exists()
    assert used.exists()
    assert (tmp_path / "pymp-of-somebody").exists()
    assert (tmp_path / "elsewhere" / "kept").exists()
    alive.communicate("\n")


WRITE = """
import sys
from pathlib import Path
from rnnsearch.data.atomic import replace_file

def write(file):
    file.write(b"half")
    print("writing", flush=True)
    input()

replace_file(Path(sys.argv[1]), write)
"""


def writer(path: Path) -> "subprocess.Popen[str]":
    """A process that is writing a file."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "writing\n"
    return process


def test_the_part_of_a_killed_writer_goes_and_that_of_a_living_one_stays(tmp_path: Path) -> None:
    killed, alive = writer(tmp_path / "a"), writer(tmp_path / "b")
    killed.kill()
    killed.communicate()
    parts = [*tmp_path.glob(".*.part")]
    assert len(parts) == 2
    for other in (".mine.part", f".{'0' * 32}.part.txt", f"{'0' * 32}.part"):
        (tmp_path / other).write_text("kept")
    (tmp_path / f".{'1' * 32}.part").symlink_to(tmp_path / ".mine.part")
    kept = {*tmp_path.iterdir()}
    atomic.sweep(tmp_path)
    assert {*tmp_path.iterdir()} == kept  # they are young
    for path in kept:
        os.utime(path, (1e9, 1e9))
    atomic.sweep(tmp_path)
    (gone,) = kept - {*tmp_path.iterdir()}
    assert gone in parts
    alive.communicate("\n")
    assert (tmp_path / "b").read_bytes() == b"half"
    assert not (tmp_path / "a").exists()


def test_whoever_writes_into_a_folder_sweeps_it(tmp_path: Path) -> None:
    left = tmp_path / f".{'a' * 32}.part"
    left.write_text("half")
    os.utime(left, (1e9, 1e9))
    atomic.replace_file(tmp_path / "mine", lambda file: file.write(b"whole"))
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked from no process there")
def test_a_search_leaves_no_temporary_folder_though_one_before_it_was_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RNNSEARCH_HOME", str(tmp_path / "runs"))
    place = Path(tempfile.mkdtemp())  # with a short name: a socket lies in it
    path = write_study(tmp_path, study={"trials": 1}, run={"engine": "local"})
    command = start("search", path, TMPDIR=str(place))
    wait_until(lambda: list(place.glob(f"{module.PREFIX}*/listener-*")))
    os.killpg(command.pid, signal.SIGKILL)
    command.communicate()
    assert any(place.iterdir())
    code, _, err = finish(start("search", path, TMPDIR=str(place)))
    assert code == 0, err
    assert not any(place.iterdir())
    place.rmdir()
