"""How well rankings find the inputs that move the price: `python -m tests.bench.bench_ranking`.

Prints the worst rank of the three true inputs, median and maximum over files (2 is perfect: 0, 1
and 2 are theirs), and seconds per file. `--trees` adds what was tried and is kept here only:
boosted trees on lagged columns, with all lags of an input permuted together on the later part of
the training rows; extra trees on the same columns; the mean rank of the two. tests/bench/LOG.md
tells the results.
"""

import argparse
from collections.abc import Callable, Iterator
from statistics import median
from time import perf_counter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from rnnsearch.search.inputs.ranking import rank_inputs, usable_lags
from tests.helpers.planted import Planted, SignalKind, plant

Order: TypeAlias = list[int]
Setting: TypeAlias = tuple[SignalKind, int, float, int]  # kind, candidates, R², delay

TRAIN = 1_500
LAGS = usable_lags(max_window=20, input_shifts=(0, 5), max_output_shift=5)
FIRST = 100  # first training row
TREE_LAGS = (*range(1, 11), 14, 20, 28)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10, help="files per setting")
    parser.add_argument("--trees", action="store_true", help="trees too: 10 to 40 s per file")
    arguments = parser.parse_args()
    methods: dict[str, Callable[[Planted, int], Order]] = {"pursuit": by_pursuit}
    if arguments.trees:
        methods |= {"boosted": by_boosted_trees, "extra": by_extra_trees, "mean": by_mean_rank}

    print(f"{'':36}" + "".join(f"{name:>22}" for name in methods))
    for kind, candidates, r2, delay in settings():
        files = [
            plant(
                rows=FIRST + TRAIN,
                candidates=candidates,
                delay=delay,
                kind=kind,
                attainable_r2=r2,
                seed=seed,
            )
            for seed in range(arguments.seeds)
        ]
        cells = [measured(method, files) for method in methods.values()]
        print(f"{kind:12}{candidates:3} inputs  R² {r2:.2f}  d {delay:2}  " + "".join(cells))


def settings() -> Iterator[Setting]:
    for candidates in (20, 80):
        for r2 in (0.3, 0.1, 0.05):
            for delay in (1, 3, 10):
                yield "linear", candidates, r2, delay
                yield "interacting", candidates, r2, delay
            yield "threshold", candidates, r2, 3
            yield "crossed", candidates, r2, 3
            yield "slow", candidates, r2, 3


def measured(method: Callable[[Planted, int], Order], files: list[Planted]) -> str:
    """Median and maximum of the worst true input's rank, and seconds per file."""
    worst, started = [], perf_counter()
    for seed, planted in enumerate(files):
        order = method(planted, seed)
        worst.append(max(order.index(column) for column in planted.true_columns))
    seconds = (perf_counter() - started) / len(files)
    return f"{median(worst):6.4g} max {max(worst):2} {seconds:5.1f} s"


def train_rows() -> NDArray[np.int64]:
    return np.arange(FIRST, FIRST + TRAIN)


def by_pursuit(planted: Planted, seed: int) -> Order:
    return list(rank_inputs(planted.values, planted.close, train_rows(), lags=LAGS).order)


# --- tried, not chosen ----------------------------------------------------------------------------


def by_boosted_trees(planted: Planted, seed: int) -> Order:
    x, y = _lagged(planted)
    cut, inputs = int(0.7 * TRAIN), len(planted.inputs)
    model = HistGradientBoostingRegressor(
        max_iter=150,
        learning_rate=0.08,
        max_leaf_nodes=15,
        l2_regularization=1.0,
        max_features=0.5,
        random_state=seed,
    )
    rng = np.random.default_rng(seed)
    with threadpool_limits(limits=1):
        model.fit(x[:cut], y[:cut])
        harm = np.zeros(inputs)
        for column in range(inputs):
            permuted = x[cut:].copy()
            permuted[:, column::inputs] = rng.permutation(permuted[:, column::inputs])
            harm[column] = np.mean((y[cut:] - model.predict(permuted)) ** 2)
    return _descending(harm)


def by_extra_trees(planted: Planted, seed: int) -> Order:
    model = ExtraTreesRegressor(
        200, max_features=0.3, min_samples_leaf=5, random_state=seed, n_jobs=1
    )
    model.fit(*_lagged(planted))
    by_lag = model.feature_importances_.reshape(len(TREE_LAGS), -1)
    return _descending(by_lag.sum(axis=0))


def by_mean_rank(planted: Planted, seed: int) -> Order:
    boosted, extra = by_boosted_trees(planted, seed), by_extra_trees(planted, seed)
    columns = range(len(planted.inputs))
    ranks = np.array([boosted.index(column) + extra.index(column) for column in columns])
    return _descending(-ranks)


def _lagged(planted: Planted) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """(n, lags * F) inputs, all columns of one lag side by side, and (n,) changes."""
    rows, log_price = train_rows(), np.log(planted.close)
    x = np.concatenate([planted.values[rows - lag] for lag in TREE_LAGS], axis=1)
    y = log_price[rows] - log_price[rows - 1]
    return x, y / y.std()


def _descending(score: NDArray[np.floating] | NDArray[np.int64]) -> Order:
    return [int(column) for column in np.argsort(-score, kind="stable")]


if __name__ == "__main__":
    main()
