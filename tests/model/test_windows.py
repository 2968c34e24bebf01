"""Windows, folds and scalers, against slow and obvious code."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

from rnnsearch.errors import DataError
from rnnsearch.model import scaling, windows
from rnnsearch.model.scaling import fit_scaler
from rnnsearch.model.windows import (
    MIN_TRAIN,
    MIN_VALIDATION,
    Split,
    first_target_row,
    shift_columns,
    split_rows,
    window_ends,
)
from rnnsearch.targets import Quotes, ours
from rnnsearch.targets.direction import Direction
from rnnsearch.targets.level import Level
from rnnsearch.targets.log_return import LogReturn

PLAIN = {
    "warmup": 80,
    "max_window": 30,
    "max_input_shift": 2,
    "max_output_shift": 5,
    "test": 0.2,
    "folds": 3,
    "validation": 0.15,
    "expanding": True,
}

plans = st.fixed_dictionaries(
    {
        "warmup": st.integers(0, 80),
        "max_window": st.integers(1, 60),
        "max_input_shift": st.integers(0, 5),
        "max_output_shift": st.integers(1, 10),
        "test": st.sampled_from([0.0, 0.1, 0.2, 0.35]),
        "folds": st.integers(1, 5),
        "validation": st.floats(0.05, 0.19),
        "expanding": st.booleans(),
    }
)


def prices(rows: int, seed: int = 0) -> np.ndarray:
    return 100 * np.exp(np.random.default_rng(seed).normal(0, 0.01, rows).cumsum())


def needed_rows(**plan) -> int:
    with pytest.raises(DataError) as error:
        split_rows(1, **plan)
    return int(re.search(r"at least (\d+)", str(error.value)).group(1))


def test_origin_thursday_sees_monday_to_wednesday_and_forecasts_the_second_monday():
    sessions = ["Mon", "Tue", "Wed", "Thu", "Fri", "Mon2"]
    window, input_shift, output_shift = 3, 1, 2
    close = np.array([10.0, 11, 12, 13, 14, 16])
    first = first_target_row(
        warmup=0, max_window=window, max_input_shift=input_shift, max_output_shift=output_shift
    )
    targets = np.arange(first, len(sessions))
    assert [sessions[row] for row in targets] == ["Mon2"]
    (origin,) = window_ends(targets, output_shift)
    assert sessions[origin] == "Thu"
    table = shift_columns(np.arange(6.0)[:, None], [input_shift])
    seen = table[origin - window + 1 : origin + 1, 0].astype(int)
    assert [sessions[row] for row in seen] == ["Mon", "Tue", "Wed"]
    assert LogReturn().values(close, targets, output_shift)[0] == np.log(16 / 13)
    assert Level().values(close, targets, output_shift)[0] == 16
    assert Direction().values(close, targets, output_shift)[0] == 1


@given(st.integers(0, 30), st.integers(1, 9), st.integers(0, 4), st.integers(1, 5))
def test_the_first_target_row_is_the_first_with_a_full_window(warmup, window, shift, ahead):
    first = first_target_row(
        warmup=warmup, max_window=window, max_input_shift=shift, max_output_shift=ahead
    )
    full = [r for r in range(200) if r - ahead - shift - (window - 1) >= warmup]
    assert first == full[0]


@given(
    rows=st.integers(1, 12),
    shifts=st.lists(st.integers(0, 14), min_size=1, max_size=4),
    block=st.integers(1, 13),
    seed=st.integers(0, 9),
)
def test_shifted_columns_equal_a_loop_over_cells(rows, shifts, block, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 6))
    columns = rng.permutation(6)[: len(shifts)].tolist()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "_BLOCK", block)
        shifted = shift_columns(values, shifts, columns)
    assert shifted.dtype == np.float32
    for t in range(rows):
        for j, (column, shift) in enumerate(zip(columns, shifts, strict=True)):
            expected = np.float32(values[t - shift, column]) if t >= shift else np.nan
            np.testing.assert_equal(shifted[t, j], expected)


def test_a_negative_shift_is_refused():
    with pytest.raises(ValueError, match="0 or more sessions, got -2"):
        shift_columns(np.zeros((5, 2)), [0, -2])


@settings(deadline=None)
@given(plan=plans, extra=st.integers(0, 400))
def test_a_split_equals_one_made_row_by_row(plan, extra):
    rows = needed_rows(**plan) + extra
    split = split_rows(rows, **plan)
    targets = list(range(split.first, rows))
    test = round(plan["test"] * len(targets))
    gap = plan["max_output_shift"] - 1 if test else 0
    development = targets[: len(targets) - test - gap]
    assert split.development.tolist() == development
    assert split.test.tolist() == targets[len(targets) - test :]
    size = round(plan["validation"] * len(development))
    first_length = None
    for number, fold in enumerate(split.folds):
        begin = len(development) - (plan["folds"] - number) * size
        validation = development[begin : begin + size]
        train = [r for r in development if r <= validation[0] - plan["max_output_shift"]]
        first_length = first_length or len(train)
        if not plan["expanding"]:
            train = train[-first_length:]
        assert fold.validation.tolist() == validation
        assert fold.train.tolist() == train
        reach = train[0] - plan["max_output_shift"] - plan["max_input_shift"]
        assert fold.history.start == reach - plan["max_window"] + 1 >= plan["warmup"]
        assert fold.history.stop == train[-1] + 1
        assert len(train) >= MIN_TRAIN
        assert len(validation) >= MIN_VALIDATION
    assert len(split.refit.validation) == 0
    assert split.refit.train.tolist() == development
    if test:
        assert development[-1] == split.test[0] - plan["max_output_shift"]


@settings(deadline=None)
@given(plan=plans)
def test_validation_blocks_never_overlap_and_end_with_the_development_rows(plan):
    split = split_rows(needed_rows(**plan) + 50, **plan)
    blocks = np.concatenate([fold.validation for fold in split.folds])
    assert (np.diff(blocks) == 1).all()
    assert blocks[-1] == split.development[-1]


@settings(deadline=None)
@given(plan=plans)
def test_training_targets_are_known_at_the_first_validation_origin(plan):
    split = split_rows(needed_rows(**plan) + 50, **plan)
    for fold in split.folds:
        assert fold.train[-1] == fold.validation[0] - plan["max_output_shift"]
        assert fold.history.stop - 1 <= fold.validation[0] - plan["max_output_shift"]


@settings(deadline=None)
@given(plan=plans, extra=st.integers(0, 60))
def test_the_needed_rows_are_enough_and_one_less_is_not(plan, extra):
    needed = needed_rows(**plan)
    assert isinstance(split_rows(needed + extra, **plan), Split)
    with pytest.raises(DataError):
        split_rows(needed - 1, **plan)


def test_too_few_rows_are_named_with_the_remedy():
    with pytest.raises(DataError) as error:
        split_rows(200, **PLAIN)
    message = str(error.value)
    assert "the file: it has 200 rows" in message
    for setting in ("window", "input shift", "output shift", "folds", "test"):
        assert setting in message


def test_shares_that_leave_no_training_rows_are_named():
    with pytest.raises(DataError, match=r"3 \* 0.4"):
        split_rows(10_000, **{**PLAIN, "validation": 0.4})


def test_rolling_training_blocks_have_one_length_and_move_on():
    split = split_rows(1_000, **{**PLAIN, "expanding": False})
    lengths = {len(fold.train) for fold in split.folds}
    starts = [fold.train[0] for fold in split.folds]
    assert len(lengths) == 1
    assert starts == sorted(set(starts))


@settings(deadline=None, max_examples=30)
@given(target=st.sampled_from(list(ours().values())), expanding=st.booleans())
def test_changing_the_future_changes_nothing_that_was_fitted(target, expanding):
    split = split_rows(900, **{**PLAIN, "expanding": expanding})
    table = np.random.default_rng(1).normal(size=(900, 4))
    close = prices(900)
    for fold in (*split.folds, split.refit):
        changed_table, changed_close = table.copy(), close.copy()
        changed_table[fold.history.stop :] = 1e6
        changed_close[fold.history.stop :] *= 7
        for h in (1, 5):
            before = target.values(close, fold.train, h)
            after = target.values(changed_close, fold.train, h)
            np.testing.assert_array_equal(before, after)
            assert target.fit_scale(before) == target.fit_scale(after)
            for formulation in range(1, target.formulation + 1):
                assert target.taught(
                    Quotes(close, close * 1.01), fold.train, h, formulation
                ) == target.taught(
                    Quotes(changed_close, changed_close * 1.01), fold.train, h, formulation
                )
            one, two = (
                target.naive(Quotes(series, series * 1.01), fold.train, h, fold.train)
                for series in (close, changed_close)
            )
            for name, variants in one.items():
                np.testing.assert_array_equal(variants, two[name])
        for scaler in ("standard", "minmax", "robust"):
            one = fit_scaler(scaler, table[fold.history])
            two = fit_scaler(scaler, changed_table[fold.history])
            np.testing.assert_array_equal(one.scale, two.scale)
            np.testing.assert_array_equal(one.offset, two.offset)


@pytest.mark.parametrize(
    ("kind", "reference"),
    [
        ("standard", StandardScaler()),
        ("minmax", MinMaxScaler(feature_range=(-1, 1))),
        ("robust", RobustScaler()),
    ],
)
@pytest.mark.parametrize("block", [1, 500, 2**21])
def test_a_scaler_is_scikit_learn_s_to_the_bit(kind, reference, block, monkeypatch):
    monkeypatch.setattr(scaling, "_BLOCK", block)
    rng = np.random.default_rng(0)
    rows = rng.normal(3, [1, 10, 0.1, 1e-3, 1e3, 1], size=(1234, 6)).astype(np.float32)
    rows[:, 3] += 1e4  # next to constant
    rows[:, 5] = 0.1
    columns = [5, 0, 1, 3, 4]
    scaler = fit_scaler(kind, rows, columns)
    reference.fit(rows[:, columns].astype(np.float64))
    scale = reference.scale_ if kind == "minmax" else 1 / reference.scale_
    offset = {
        "standard": lambda: -reference.mean_ / reference.scale_,
        "minmax": lambda: reference.min_,
        "robust": lambda: -reference.center_ / reference.scale_,
    }[kind]()
    np.testing.assert_array_equal(scaler.scale, scale.astype(np.float32))
    np.testing.assert_array_equal(scaler.offset, offset.astype(np.float32))


@pytest.mark.parametrize("kind", ["standard", "minmax", "robust"])
def test_a_constant_column_is_scaled_to_finite_values(kind):
    scaler = fit_scaler(kind, np.full((50, 1), 7.0))
    assert np.isfinite(scaler.scale).all()
    assert abs(7 * scaler.scale[0] + scaler.offset[0]) <= 1


@settings(deadline=None)
@given(plan=plans, steps=st.integers(1, 9))
def test_the_last_step_of_a_training_path_is_known_at_the_first_validation_origin(plan, steps):
    rows = needed_rows(**plan, steps=steps) + 50
    split = split_rows(rows, **plan, steps=steps)
    for fold in split.folds:
        last = fold.train[-1] + steps - 1
        assert last == fold.validation[0] - plan["max_output_shift"]
        assert fold.history.stop == last + 1
    if len(split.test):
        assert split.development[-1] + steps - 1 == split.test[0] - plan["max_output_shift"]
        assert split.test[-1] + steps - 1 == rows - 1
    with pytest.raises(DataError):
        split_rows(needed_rows(**plan, steps=steps) - 1, **plan, steps=steps)
