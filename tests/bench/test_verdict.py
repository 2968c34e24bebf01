"""The verdict on files whose truth is known, with few trials; `make bench-verdict` has many."""

import pytest

from tests.bench.bench_verdict import files, judge

FILES = dict(files(noise=2, drift=0, weak=0, planted=2))


@pytest.mark.slow
@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("name", FILES)
def test_only_where_there_is_something_to_find_the_verdict_is_better(name: str) -> None:
    found = judge(name, FILES[name], trials=4)
    assert found.better == (found.attainable > 0), found
