"""Ridge regression on the champion's inputs and window."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats, Rows
from rnnsearch.language import marked
from rnnsearch.scoring.baselines.base import Baseline, Fitted, of_windows
from rnnsearch.scoring.baselines.windows import Predict, Windows, penalties, strength
from rnnsearch.scoring.inference.skipped import Skipped


def ridge_forecast(
    table: NDArray[np.floating],
    train_ends: Rows,
    train_targets: Floats,
    test_ends: Rows,
    window: int,
    *,
    output_shift: int,
    when: Rows | None = None,
) -> Fitted | Skipped:
    """Ridge regression on each window flattened to `w * F` columns; (m,) targets.

    `table` (rows, F) holds the inputs, delayed by their shifts already; a window is the rows
    `end - w + 1 .. end` and must be finite. `train_ends` (n,) and `test_ends` (m,) increase.
    `train_targets` (n,) are the targets that the rows `train_ends + output_shift` make known.

    Inputs are scaled to mean 0 and deviation 1 over the training rows. The penalty is the best of
    seven on the last fifth of the training rows, by a fit on those before whose targets are known
    by then; then all training rows are fitted. Where the flattened windows would exceed 200 MB,
    only the most recent training rows are used. Nothing is learnt from `test_ends`. `when` as of
    `Task`: the last fifth is then that of the last dates.

    Skipped: fewer than 50 training rows, targets that do not vary.

    Hoerl & Kennard 1970, Ridge regression: biased estimation for nonorthogonal problems.
    """
    from sklearn.linear_model import Ridge

    def fit(X: NDArray[np.floating], y: Floats, alphas: Sequence[float]) -> list[Predict]:
        # One target per penalty: the Gram matrix is built once.
        ridge = Ridge(alpha=np.array(alphas), solver="cholesky")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # ill-conditioned: judged by its error all the same
            ridge.fit(X, np.tile(y.astype(X.dtype)[:, None], len(alphas)))
        weights, intercepts = np.atleast_2d(ridge.coef_), np.atleast_1d(ridge.intercept_)

        def one(column: int) -> Predict:
            return lambda X: np.asarray(X @ weights[column] + intercepts[column], dtype=np.float64)

        return [one(column) for column in range(len(alphas))]

    windows = Windows(table, train_ends, train_targets, window, output_shift, when=when)
    if len(windows.targets) and np.ptp(windows.targets) == 0:
        return Skipped(marked("the training targets do not vary"))
    return windows.choose_and_forecast(fit, penalties(windows), strength, test_ends)


BASELINE = Baseline(
    name="ridge",
    meaning=marked("a linear regression on the champion's inputs and window"),
    applies=lambda task: not task.probability,
    forecast=of_windows(ridge_forecast),
    rival=marked("a linear regression"),
    many="all",
)
