"""Files as people bring them are read at once, or after what their refusal offers is done."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rnnsearch.errors import DataError
from rnnsearch.prepare.look import look
from tests.helpers.strangers import STRANGERS


@pytest.mark.parametrize("about", STRANGERS)
def test_the_prices_of_a_stranger_are_read_right(about: str, tmp_path: Path) -> None:
    brought = STRANGERS[about]()
    path = tmp_path / brought.name
    path.write_bytes(brought.content)
    given: dict[str, Any] = {"columns": "all"}
    if brought.series or brought.without_header:
        with pytest.raises(DataError) as refused:
            look(path, None, given)
        if brought.series:
            assert f"--series {brought.series} of init" in str(refused.value)
            given["series"] = (brought.series,)
        else:
            offered = re.search(r"in the order of the file, such as (\S+)\.$", str(refused.value))
            assert offered
            path.write_bytes(f"{offered[1]}\n".encode() + brought.content)
    prices, _, _ = look(path, None, given)
    assert [*prices.dates] == [*brought.close.index]
    assert np.allclose(prices.close, brought.close)
