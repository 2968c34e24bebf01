"""What other packages bring, and names that there are not."""

import pytest

from rnnsearch.plugins import unknown


@pytest.mark.parametrize("name", ["Price-RMSE", "price_rmse ", "pricermse", "price_rms"])
def test_a_name_that_there_is_not_is_told_with_the_known_ones_and_the_nearest(name: str) -> None:
    said = unknown(name, ["skill", "rmse", "price_rmse"])
    assert said.startswith(f"should be 'skill', 'rmse' or 'price_rmse', got {name!r}")
    assert said.endswith("; did you mean 'price_rmse'?")


def test_a_name_like_no_other_has_no_nearest() -> None:
    assert unknown("q" * 5000, ["skill"]).count("q") <= 200
    assert "did you mean" not in unknown("zzz", ["skill", "rmse"])
