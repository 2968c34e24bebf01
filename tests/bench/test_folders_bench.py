"""The bench of folders: what it makes and what it reads of the verdicts."""

import pytest

from tests.bench import bench_folders


@pytest.mark.slow
def test_a_small_folder_is_searched_evaluated_and_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench_folders, "ROWS", 400)
    monkeypatch.setattr(bench_folders, "R2", 0.9)
    monkeypatch.setattr(bench_folders, "PLANTED", 1)
    arguments = ["--folders", "0", "--planted", "1", "--series", "2", "--trials", "2"]
    assert bench_folders.main(arguments) == 0
    told = capsys.readouterr().out
    assert "| 0 | 1 | S0 |" in told
    assert "| 1 planted | 1 of 1 |" in told
    assert "1.0 of 1" in told
