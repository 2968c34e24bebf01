"""The benchmarks, which nobody runs every day, still find all that they import."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_every_benchmark_finds_what_it_imports() -> None:
    # In another process: some change the environment before they import.
    names = sorted(path.stem for path in (HERE / "bench").glob("*.py"))
    code = "; ".join(f"import tests.bench.{name}" for name in names)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=HERE.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
