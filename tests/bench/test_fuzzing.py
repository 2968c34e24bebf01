"""A few of the mangled files of `tests.bench.fuzzing`, each read by a command of its own."""

import subprocess
import sys

import pytest

from tests.helpers.places import ROOT

pytestmark = pytest.mark.slow  # whole searches or commands


@pytest.mark.parametrize(("kind", "count"), [("studies", 30)])
def test_no_mangled_file_is_met_without_words(kind: str, count: int) -> None:
    command = [sys.executable, "-m", "tests.bench.fuzzing", "--kind", kind, "--count", str(count)]
    done = subprocess.run([*command, "--seed", "7"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
