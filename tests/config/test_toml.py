"""Values as they stand in a study file."""

import tomllib
from typing import Any

import pytest

from rnnsearch.config import IntRange
from rnnsearch.config.toml import to_toml

WORDS = ["close", 'say "no"', "C:\\prices", "two\nlines", "\x1b[31m", "\x7f", "收盤價", ""]
VALUES: list[Any] = [
    *WORDS,
    True,
    3,
    0.1,
    1e-05,
    [1, 2.5, "three"],
    WORDS,
    {"low": 1, "high": [True, {"of": "it"}]},
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_what_is_written_is_read_again(value: Any) -> None:
    assert tomllib.loads(f"key = {to_toml(value)}") == {"key": value}


def test_what_is_not_given_is_not_written() -> None:
    assert to_toml({"low": 1, "step": None}) == "{ low = 1 }"
    assert to_toml(IntRange(low=1, high=3)) == "{ low = 1, high = 3 }"
    assert to_toml(("lstm", "gru")) == '["lstm", "gru"]'
