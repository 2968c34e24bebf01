"""Gradient-boosted trees on the champion's inputs and window: what bends and interacts, without
a network."""

from collections.abc import Sequence
from functools import partial
from itertools import islice
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats, Rows
from rnnsearch.language import marked
from rnnsearch.scoring.baselines.base import Baseline, Fitted, Task, of_windows
from rnnsearch.scoring.baselines.windows import Predict, Windows
from rnnsearch.scoring.inference.skipped import Skipped

Setting: TypeAlias = tuple[int, int]
"""Leaves of a tree, trees."""

LEAVES = (2, 4, 8)
"""Two see each column on its own, more let columns act together."""

TREES = (0, 10, 25, 50, 100, 200)
"""The fewest first, which win where more are no better; none is the mean of the training rows."""

SETTINGS: tuple[Setting, ...] = tuple((leaves, trees) for trees in TREES for leaves in LEAVES)

MAX_CELLS = 16_000_000
"""Most numbers in the flattened windows: scikit-learn holds them in eight bytes each, and takes
some twenty seconds for so many."""


def trees_forecast(
    table: NDArray[np.floating],
    train_ends: Rows,
    train_targets: Floats,
    test_ends: Rows,
    window: int,
    *,
    output_shift: int,
    probability: bool,
    when: Rows | None = None,
) -> Fitted | Skipped:
    """Gradient-boosted trees on each window flattened to `w * F` columns; targets (m,).

    As `ridge_forecast`, or as `logistic_forecast` where it is a `probability`. In place of a
    penalty, the number of trees and their leaves are chosen on the last fifth of the training rows,
    by squared error; a leaf holds 20 rows at least. Nothing is drawn: equal rows give equal trees.

    Skipped: fewer than 50 training rows, targets that do not vary.

    Friedman 2001, Greedy function approximation: a gradient boosting machine.
    """

    def fit(X: NDArray[np.floating], y: Floats, settings: Sequence[Setting]) -> list[Predict]:
        most: dict[int, int] = {}
        for leaves, trees in settings:
            most[leaves] = max(trees, most.get(leaves, 0))
        models = {
            leaves: _boosted(X, y, leaves, trees, probability)
            for leaves, trees in most.items()
            if trees
        }

        def one(leaves: int, trees: int) -> Predict:
            if not trees:
                return lambda X: np.full(len(X), float(y.mean()))
            return lambda X: _after(models[leaves], X, trees, probability)

        return [one(*setting) for setting in settings]

    windows = Windows(
        table, train_ends, train_targets, window, output_shift, max_cells=MAX_CELLS, when=when
    )
    for part in (windows.targets, windows.targets[windows.known]):
        if len(part) and np.ptp(part) == 0:
            return Skipped(marked("the training targets do not vary"))
    return windows.choose_and_forecast(fit, SETTINGS, _told, test_ends)


def _boosted(X: NDArray[np.floating], y: Floats, leaves: int, trees: int, probability: bool) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    kind = HistGradientBoostingClassifier if probability else HistGradientBoostingRegressor
    model = kind(
        max_iter=trees,
        max_leaf_nodes=leaves,
        learning_rate=0.05,
        min_samples_leaf=20,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    )
    return model.fit(X, y)


def _after(model: Any, X: NDArray[np.floating], trees: int, probability: bool) -> Floats:
    """The forecast of the first `trees` trees."""
    if trees == model.max_iter:
        found = model.predict_proba(X) if probability else model.predict(X)
    else:
        staged = model.staged_predict_proba(X) if probability else model.staged_predict(X)
        found = next(islice(staged, trees - 1, None))
    return np.asarray(found[:, 1] if probability else found, dtype=np.float64)


def _told(setting: Setting) -> str:
    leaves, trees = setting
    return f"{trees} trees of {leaves} leaves" if trees else marked("no tree: the average")


def _forecast(task: Task) -> Fitted | Skipped:
    return of_windows(partial(trees_forecast, probability=task.probability))(task)


BASELINE = Baseline(
    name="trees",
    meaning=marked("gradient-boosted trees on the champion's inputs and window"),
    applies=lambda task: True,
    forecast=_forecast,
    rival=marked("boosted trees"),
    many="all",
)
