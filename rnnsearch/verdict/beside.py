"""What is tested beside the verdict's two questions, all of it corrected together."""

from collections.abc import Mapping, Sequence
from typing import Any

from rnnsearch.scoring.inference.information import holm_of_known

ON_THE_TEST = ("diebold_mariano_", "pesaran_timmermann", "excess_profitability")
PRIMARY = ("information", "diebold_mariano")


def corrected(tests: Sequence[tuple[str, Mapping[str, Any]]], times: float) -> list[float | None]:
    """p of each test by name and result; None of the verdict's own, and where there is no p.

    Holm 1979, A simple sequentially rejective multiple test procedure. Those on the locked rows are
    charged for the opening as the verdict is.
    """
    found: list[float | None] = []
    for name, result in tests:
        p = result.get("p_better", result.get("p"))
        if name in PRIMARY or p is None:
            found.append(None)
        else:
            found.append(min(1.0, p * (times if name.startswith(ON_THE_TEST) else 1.0)))
    return holm_of_known(found)
