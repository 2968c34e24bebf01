"""Logistic regression on the champion's inputs and window."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats, Rows
from rnnsearch.language import marked
from rnnsearch.scoring.baselines.base import Baseline, Fitted, of_windows
from rnnsearch.scoring.baselines.windows import Predict, Windows, penalties, strength
from rnnsearch.scoring.inference.skipped import Skipped


def logistic_forecast(
    table: NDArray[np.floating],
    train_ends: Rows,
    train_rises: Floats,
    test_ends: Rows,
    window: int,
    *,
    output_shift: int,
    when: Rows | None = None,
) -> Fitted | Skipped:
    """Logistic regression with a ridge penalty on flattened windows; probabilities of a rise (m,).

    As `ridge_forecast`, with targets 1 for a rise and 0 for none; the penalty with the smallest
    squared error of the probability (Brier score) is chosen.

    Skipped: fewer than 50 training rows, or only rises (or none) among them or their first part.
    """
    from sklearn.linear_model import LogisticRegression

    def fit(X: NDArray[np.floating], y: Floats, alphas: Sequence[float]) -> list[Predict]:
        def one(alpha: float) -> Predict:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # not converged: judged by its error all the same
                model = LogisticRegression(C=1 / alpha, max_iter=200).fit(X, y)
            return lambda X: np.asarray(model.predict_proba(X)[:, 1], dtype=np.float64)

        return [one(alpha) for alpha in alphas]

    windows = Windows(table, train_ends, train_rises, window, output_shift, when=when)
    for part in (windows.targets, windows.targets[windows.known]):
        if len(part) and np.ptp(part) == 0:
            return Skipped(marked("the training targets are all rises or all not"))
    return windows.choose_and_forecast(fit, penalties(windows), strength, test_ends)


BASELINE = Baseline(
    name="logistic",
    meaning=marked("a logistic regression on the champion's inputs and window"),
    applies=lambda task: task.probability,
    forecast=of_windows(logistic_forecast),
    rival=marked("a logistic regression"),
    many="all",
)
