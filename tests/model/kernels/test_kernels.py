"""Kernels against torch: the same losses, gradients, steps and forecasts, and nothing outside."""

import platform
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import torch
from llvmlite import binding, ir

from rnnsearch.model.fold import FoldTensors, TrainingSettings
from rnnsearch.model.kernels.codegen.building import kernels
from rnnsearch.model.kernels.codegen.code import Code
from rnnsearch.model.kernels.codegen.widths import WIDTHS, of_features
from rnnsearch.model.kernels.fold import Workspace, blocks
from rnnsearch.model.kernels.layout import layout_of
from rnnsearch.model.kernels.making import differing
from rnnsearch.model.kernels.program import WORDS, Machine, Program
from rnnsearch.model.kernels.training import (
    Forecasting,
    KernelFold,
    Outputs,
    Rows,
    begin,
    outputs_of,
)
from rnnsearch.model.losses import LOSSES
from rnnsearch.model.networks.network import CELLS, Network, build_network
from rnnsearch.model.training import Diverged, EpochResult, Trainer, forecast
from tests.helpers.machines import USABLE, Guarded, machine

CPU = torch.device("cpu")

SETTINGS = TrainingSettings(
    cell="lstm",
    neurons=(8,),
    dropout=0.0,
    window=6,
    epochs=2,
    batch_size=32,
    learning_rate=0.01,
    optimizer="adam",
    weight_decay=0.0,
    averaging=False,
    clip=1.0,
    seed=1,
)

SHAPES: dict[str, tuple[int, tuple[int, ...], int, int]] = {
    "one of everything": (1, (1,), 1, 1),
    "two neurons": (1, (2,), 3, 1),
    "a batch of 33": (3, (7,), 5, 33),
    "two layers, odd": (5, (9, 3), 4, 47),
    "three layers": (2, (4, 4, 4), 7, 16),
    "whole blocks": (10, (16, 16), 20, 64),
    "window of one": (3, (6, 5), 1, 20),
}
"""inputs, neurons, window, batch"""

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("error")]


@pytest.fixture(params=USABLE)
def width(request: pytest.FixtureRequest) -> Machine:
    return machine(request.param)


def make_table(rows: int = 300, inputs: int = 3) -> torch.Tensor:
    return torch.randn(rows, inputs, generator=torch.Generator().manual_seed(0))


def make_fold(table: torch.Tensor, rows: int, window: int, validation: int = 40) -> FoldTensors:
    generator = torch.Generator().manual_seed(2)
    ends = torch.randperm(len(table) - window + 1, generator=generator) + window - 1
    targets = torch.randn(len(ends), generator=generator)
    scale = torch.rand(table.shape[1], generator=generator) + 0.5
    offset = torch.randn(table.shape[1], generator=generator)
    stop = rows + validation
    return FoldTensors(
        scale, offset, ends[:rows], targets[:rows], ends[rows:stop], targets[rows:stop]
    )


def for_loss(fold: FoldTensors, loss: str) -> FoldTensors:
    if loss != "bce":
        return fold
    return replace(
        fold,
        train_targets=(fold.train_targets > 0).float(),
        validation_targets=(fold.validation_targets > 0).float(),
    )


def one_step(
    machine: Machine,
    settings: TrainingSettings,
    table: torch.Tensor,
    fold: FoldTensors,
    loss: str,
    allocate: Any = None,
) -> tuple[float, list[torch.Tensor], Network]:
    """The loss of a batch of all rows and its gradients, by kernels; the network before."""
    network = build(settings, table.shape[1])
    settings = replace(settings, optimizer="sgd", momentum=0.0, learning_rate=1.0, clip=0.0)
    given = {} if allocate is None else {"allocate": allocate}
    begun = begin(machine, network, table, [fold], settings, loss=loss, **given)
    assert begun is not None
    sums = begun[0].train(torch.arange(len(fold.train_ends)), 0)
    pairs = zip(network.parameters(), begun[0].network.parameters(), strict=True)
    return float(sums[0]), [(was - now).detach() for was, now in pairs], network


def build(settings: TrainingSettings, inputs: int) -> Network:
    return build_network(
        settings.cell,
        inputs,
        settings.neurons,
        settings.dropout,
        seed=1,
        device=CPU,
        outputs=settings.outputs,
        quantiles=settings.quantiles,
    )


def exact_loss(
    network: Network, table: torch.Tensor, fold: FoldTensors, window: int, loss: str
) -> torch.Tensor:
    """The sum of losses in float64, with a graph."""
    rows = fold.train_ends[:, None] + torch.arange(1 - window, 1)
    x = table.double()[rows] * fold.scale.double() + fold.offset.double()
    levels = network.levels.values if network.levels else ()
    return LOSSES[loss].of_rows(in_double(network, x), fold.train_targets.double(), levels)


def in_double(network: Network, x: torch.Tensor) -> torch.Tensor:
    return network.double()(x)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("loss", ["mse", "bce"])
def test_losses_and_gradients_are_those_of_float64(
    width: Machine, cell: str, shape: str, loss: str
) -> None:
    inputs, neurons, window, batch = SHAPES[shape]
    table = make_table(100, inputs)
    fold = for_loss(make_fold(table, batch, window, validation=0), loss)
    settings = replace(SETTINGS, cell=cell, neurons=neurons, window=window, batch_size=batch)
    got, gradients, network = one_step(width, settings, table, fold, loss)
    exact = exact_loss(network, table, fold, window, loss)
    wanted = torch.autograd.grad(exact / batch, list(network.parameters()))
    assert got == pytest.approx(exact.item(), rel=1e-5)
    size = torch.cat([g.flatten() for g in wanted]).norm()
    for ours, theirs in zip(gradients, wanted, strict=True):
        # A change of weights of about 1 is known to 1e-7.
        assert (ours.double() - theirs).norm() < 1e-5 * size + 2e-7 * ours.numel() ** 0.5


def of_many(
    loss: str, targets: int, fold: FoldTensors, settings: TrainingSettings
) -> tuple[FoldTensors, TrainingSettings]:
    """So many targets a row, with quantiles where the loss is of them."""

    def more(one: torch.Tensor) -> torch.Tensor:
        generator = torch.Generator().manual_seed(5)
        return torch.randn(len(one), targets, generator=generator) if targets > 1 else one

    fold = replace(
        fold,
        train_targets=more(fold.train_targets),
        validation_targets=more(fold.validation_targets),
    )
    levels = (0.05, 0.3, 0.5, 0.9) if loss == "quantile" else ()
    return for_loss(fold, loss), replace(settings, targets=targets, quantiles=levels)


MANY = [*product(("mse", "mae", "huber", "bce"), (2, 5)), ("quantile", 1), ("quantile", 3)]


@pytest.mark.parametrize("shape", ["two neurons", "a batch of 33", "two layers, odd"])
@pytest.mark.parametrize("cell", ["lstm", "bigru"])
@pytest.mark.parametrize(("loss", "targets"), [*MANY, ("mae", 1), ("huber", 1)])
def test_a_head_of_many_outputs_has_the_gradients_of_float64(
    width: Machine, cell: str, shape: str, loss: str, targets: int
) -> None:
    inputs, neurons, window, batch = SHAPES[shape]
    table = make_table(100, inputs)
    settings = replace(SETTINGS, cell=cell, neurons=neurons, window=window, batch_size=batch)
    fold, settings = of_many(loss, targets, make_fold(table, batch, window, 0), settings)
    got, gradients, network = one_step(width, settings, table, fold, loss)
    exact = exact_loss(network, table, fold, window, loss)
    wanted = torch.autograd.grad(exact / batch, list(network.parameters()))
    assert got == pytest.approx(exact.item(), rel=1e-5)
    size = torch.cat([g.flatten() for g in wanted]).norm()
    for ours, theirs in zip(gradients, wanted, strict=True):
        assert (ours.double() - theirs).norm() < 1e-5 * size + 2e-7 * ours.numel() ** 0.5


@pytest.mark.parametrize(("loss", "targets"), MANY)
def test_a_training_of_many_outputs_is_torch_s(width: Machine, loss: str, targets: int) -> None:
    table = make_table(300, 4)
    settings = replace(SETTINGS, cell="bilstm", neurons=(6, 5), dropout=0.2, averaging=True)
    # Slopes of absolute errors cancel to 0 but for rounding, and Adam's first step is as large
    # whatever a gradient's size.
    settings = replace(settings, optimizer="sgd", learning_rate=0.1)
    fold, settings = of_many(loss, targets, make_fold(table, 150, 6), settings)
    torchs, ours = (
        list(Trainer(table, [fold], settings, loss=loss, machine=which).run())
        for which in (None, width)
    )
    for one, two in zip(torchs, ours, strict=True):
        assert two.forecasts[0].shape == (40, settings.outputs)
        assert_near(one, two)


def test_many_outputs_are_read_and_written_inside_of_their_arrays(width: Machine) -> None:
    for loss, targets in MANY:
        table = make_table(130, 3)
        settings = replace(SETTINGS, neurons=(5, 3), batch_size=33, averaging=True)
        fold, settings = of_many(loss, targets, make_fold(table, 69, 6, 19), settings)
        guarded = Guarded()
        network = build(settings, 3)
        begun = begin(width, network, table, [fold], settings, loss=loss, allocate=guarded)
        assert begun is not None
        assert begun[0].train(torch.arange(69), 0).isfinite().all()
        assert begun[0].outputs().isfinite().all()
        guarded.check()


def test_one_target_told_twice_is_learnt_as_once(width: Machine) -> None:
    """Two outputs with the same weights: each has half of the gradients."""
    table = make_table(100, 3)
    alone = make_fold(table, 33, 6, 0)
    twice = replace(alone, train_targets=alone.train_targets[:, None].expand(-1, 2))
    settings = replace(SETTINGS, batch_size=33)
    loss, gradients, one = one_step(width, settings, table, alone, "mse")
    two = replace(settings, targets=2, optimizer="sgd", momentum=0.0, learning_rate=1.0, clip=0.0)
    network = build(two, 3)
    with torch.no_grad():
        for p, q in zip(network.parameters(), one.parameters(), strict=True):
            p.copy_(q.expand_as(p))
    begun = begin(width, network, table, [twice], two, loss="mse")
    assert begun is not None
    assert float(begun[0].train(torch.arange(33), 0)[0]) == pytest.approx(loss, rel=1e-6)
    pairs = zip(network.parameters(), begun[0].network.parameters(), strict=True)
    for (was, now), wanted in zip(pairs, gradients, strict=True):
        moved = (was - now).detach()
        moved = moved.sum(0) if moved.shape != wanted.shape else moved
        torch.testing.assert_close(moved, wanted.view_as(moved), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cell", CELLS)
def test_gradients_are_the_slopes_that_finite_differences_in_float64_show(
    width: Machine, cell: str
) -> None:
    table = make_table(80, 3)
    fold = make_fold(table, 33, 5, validation=0)
    settings = replace(SETTINGS, cell=cell, neurons=(5, 4), window=5, batch_size=33)
    _, gradients, network = one_step(width, settings, table, fold, "mse")
    generator, slopes = torch.Generator().manual_seed(3), []
    network.double()
    for _ in range(3):
        way = [torch.randn(p.shape, generator=generator).double() for p in network.parameters()]
        values = []
        for step in (1e-5, -2e-5, 1e-5):  # there, back and home
            with torch.no_grad():
                for p, w in zip(network.parameters(), way, strict=True):
                    p += step * w
                values.append(exact_loss(network, table, fold, 5, "mse").item() / 33)
        slopes.append((values[0] - values[1]) / 2e-5)
        along = sum(float((g.double() * w).sum()) for g, w in zip(gradients, way, strict=True))
        assert along == pytest.approx(slopes[-1], rel=2e-5, abs=2e-6)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    "changes",
    [
        {"neurons": (8, 8), "averaging": True, "weight_decay": 0.5, "clip": 0.1},
        {"neurons": (5, 3, 6), "dropout": 0.4},
        {"neurons": (6, 6), "dropout": 0.2, "optimizer": "sgd", "weight_decay": 0.1},
        {"optimizer": "sgd", "momentum": 0.0, "clip": 0.0, "batch_size": 1000},
    ],
    ids=["adam", "dropout", "sgd", "one batch"],
)
def test_a_training_is_torch_s(width: Machine, cell: str, changes: dict[str, Any]) -> None:
    table = make_table(300, 4)
    folds = [make_fold(table, 150, 6), make_fold(table, 200, 6)]
    loss: str = "mse" if cell.startswith("bi") else "bce"
    folds = [for_loss(fold, loss) for fold in folds]
    settings = replace(SETTINGS, cell=cell, epochs=3, **changes)
    torchs, ours = (
        list(Trainer(table, folds, settings, loss=loss, machine=which).run())
        for which in (None, width)
    )
    for one, two in zip(torchs, ours, strict=True):
        assert_near(one, two)


def assert_near(one: EpochResult, two: EpochResult) -> None:
    assert two.train_loss == pytest.approx(one.train_loss, rel=1e-5)
    assert two.validation_loss == pytest.approx(one.validation_loss, rel=1e-5, nan_ok=True)
    assert two.gradient_norm == pytest.approx(one.gradient_norm, rel=1e-4)
    assert two.steps == one.steps
    for a, b in zip(one.forecasts, two.forecasts, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)


def test_the_networks_of_a_trainer_are_those_that_forecast(width: Machine) -> None:
    table = make_table()
    fold = make_fold(table, 100, 6)
    settings = replace(SETTINGS, neurons=(6, 4), dropout=0.2, averaging=True)
    trainer = Trainer(table, [fold, fold], settings, loss="mse", machine=width)
    assert trainer.kernels == width.width.name
    *_, last = trainer.run()
    given = {"window": 6, "scale": fold.scale, "offset": fold.offset}
    for network, said in zip(trainer.networks, last.forecasts, strict=True):
        outputs = forecast(network, table, fold.validation_ends, **given)
        np.testing.assert_allclose(said, outputs.numpy(), rtol=1e-5, atol=1e-6)


def test_a_training_repeats_to_the_bit_whatever_runs_between(width: Machine) -> None:
    table = make_table()
    folds = [make_fold(table, 90, 6), make_fold(table, 120, 6)]
    settings = replace(SETTINGS, neurons=(6, 4), dropout=0.3)
    before = torch.get_rng_state()
    plain = list(Trainer(table, folds, settings, loss="mse", machine=width).run())
    assert torch.equal(before, torch.get_rng_state())
    alone = list(Trainer(table, folds[1:], settings, loss="mse", machine=width).run())
    for one, two in zip(plain, alone, strict=True):
        torch.rand(3)
        assert one.train_loss[1] == two.train_loss[0]
        np.testing.assert_array_equal(one.forecasts[1], two.forecasts[0])


def test_a_refit_without_validation_rows_has_no_forecasts(width: Machine) -> None:
    table = make_table()
    trainer = Trainer(table, [make_fold(table, 99, 6, 0)], SETTINGS, loss="mse", machine=width)
    *_, last = trainer.run()
    assert np.isnan(last.validation_loss[0])
    assert last.forecasts[0].shape == (0,)


# --- what may go wrong


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_nothing_is_read_or_written_outside_of_any_array(
    width: Machine, cell: str, shape: str, dropout: float
) -> None:
    inputs, neurons, window, batch = SHAPES[shape]
    table = make_table(130, inputs)
    rows = min(100, 2 * batch + 3)  # whole batches, and what is left
    fold = make_fold(table, rows, window, validation=19)
    settings = replace(
        SETTINGS,
        cell=cell,
        neurons=neurons,
        window=window,
        batch_size=batch,
        dropout=dropout,
        averaging=True,
    )
    guarded = Guarded()
    kept = guarded(table.numel())
    kept[:] = table.numpy().ravel()
    table = torch.from_numpy(kept).view(table.shape)
    network = build(settings, inputs)
    begun = begin(width, network, table, [fold], settings, loss="mse", allocate=guarded)
    assert begun is not None
    for _ in range(2):
        sums = begun[0].train(torch.arange(rows), 0)
        assert sums.isfinite().all()
        assert begun[0].outputs().isfinite().all()
    assert guarded.check() > 5
    assert all(p.isfinite().all() for p in begun[0].network.parameters())


def test_a_kernel_that_writes_outside_would_be_seen(width: Machine) -> None:
    guarded = Guarded()
    small, other = guarded(16), guarded(32)
    program = Program(width)
    program.add("multiply", out=other, a=other, b=other, count=32)
    row = program._rows[0]
    row[1] = small.ctypes.data  # behind the check's back
    program.run()
    with pytest.raises(AssertionError, match="behind"):
        guarded.check()


def test_what_a_kernel_cannot_work_on_is_refused_where_it_is_given(width: Machine) -> None:
    good = np.zeros(64, np.float32)
    program = Program(width)
    for changes, error, words in (
        ({"a": good.astype(np.float64)}, TypeError, "float64"),
        ({"a": np.zeros(128, np.float32)[::2]}, TypeError, "contiguous: False"),
        ({"b": good[:32]}, ValueError, "b holds 32 numbers, and it takes 64"),
        ({"c": good}, TypeError, "takes"),
    ):
        with pytest.raises(error, match=words):
            program.add("multiply", **({"out": good, "a": good, "b": good, "count": 64} | changes))


@pytest.mark.parametrize("cell", ["bilstm", "bigru", "birnn"])
def test_every_array_of_a_step_is_as_long_as_its_kernels_need_and_no_longer(
    width: Machine, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number less anywhere is refused: the sizes that are checked are those that are needed."""
    inputs, neurons, window, batch = SHAPES["whole blocks"]
    table = make_table(100, inputs)
    fold = make_fold(table, batch, window)
    settings = replace(SETTINGS, cell=cell, neurons=neurons, window=window, batch_size=batch)
    refused = []
    seen = Program.add

    def add(self: Program, name: str, **given: Any) -> None:
        for key, value in given.items():
            sizes = width.kernels[name].sizes(
                {k: v for k, v in given.items() if isinstance(v, int)}
            )
            if isinstance(value, np.ndarray) and key in sizes and sizes[key]:
                short = value.ravel()[: sizes[key] - 1]
                with pytest.raises(ValueError, match="holds"):
                    seen(Program(width), name, **(given | {key: short}))
                refused.append(key)
        seen(self, name, **given)

    monkeypatch.setattr(Program, "add", add)
    begin(width, build(settings, inputs), table, [fold], settings, loss="mse")
    assert {"x", "h", "w", "gw", "g", "gx", "gh", "saved", "mean", "square"} <= set(refused)


def test_every_kernel_s_row_holds_what_it_is_given(width: Machine) -> None:
    assert max(len(kernel.words) for kernel in width.kernels.values()) < WORDS


@pytest.mark.parametrize("cell", CELLS)
def test_a_loss_that_is_no_number_is_told_as_by_torch(width: Machine, cell: str) -> None:
    table = make_table()
    good = make_fold(table, 100, 6)
    broken = replace(good, train_targets=good.train_targets * torch.inf)
    settings = replace(SETTINGS, cell=cell)
    told = []
    for which in (None, width):
        with pytest.raises(Diverged) as error:
            list(Trainer(table, [good, broken], settings, loss="mse", machine=which).run())
        told.append(str(error.value))
    assert told[0] == told[1]


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
@pytest.mark.parametrize("cell", CELLS)
def test_a_weight_that_is_no_number_is_in_every_forecast(
    width: Machine, cell: str, value: float
) -> None:
    table = make_table()
    fold = make_fold(table, 100, 6)
    settings = replace(SETTINGS, cell=cell, neurons=(4, 3))
    network = build(settings, 3)
    with torch.no_grad():
        network.layers[0].weight_ih_l0[1, 1] = value
    begun = begin(width, network, table, [fold], settings, loss="mse")
    assert begun is not None
    given = {"window": 6, "scale": fold.scale, "offset": fold.offset}
    torchs = forecast(network, table, fold.validation_ends, **given)
    np.testing.assert_allclose(begun[0].outputs().numpy(), torchs.numpy(), rtol=1e-5, atol=1e-6)
    sums = begun[0].train(torch.arange(100), 0)
    assert bool(sums.isfinite().all()) == bool(torchs.isfinite().all())


def test_huge_and_tiny_numbers_are_as_torch_has_them(width: Machine) -> None:
    table = make_table() * torch.tensor([1e6, 1e-30, 1.0])
    fold = make_fold(table, 100, 6)
    settings = replace(SETTINGS, cell="bilstm", neurons=(4, 3))
    one, two = (
        next(Trainer(table, [fold], settings, loss="mse", machine=which).run())
        for which in (None, width)
    )
    assert two.train_loss == pytest.approx(one.train_loss, rel=1e-4)
    np.testing.assert_allclose(two.forecasts[0], one.forecasts[0], rtol=1e-3, atol=1e-4)


def test_a_window_before_the_first_row_is_refused(width: Machine) -> None:
    table = make_table()
    fold = make_fold(table, 100, 6)
    for ends in (torch.tensor([4]), torch.tensor([300])):
        with pytest.raises(IndexError):
            begin(
                width,
                build(SETTINGS, 3),
                table,
                [replace(fold, train_ends=ends)],
                SETTINGS,
                loss="mse",
            )


@pytest.mark.parametrize("cell", CELLS)
def test_a_network_that_only_forecasts_says_what_torch_s_does(width: Machine, cell: str) -> None:
    network = build(replace(SETTINGS, cell=cell, neurons=(5, 4)), 3)
    x = torch.randn(45, 6, 3, generator=torch.Generator().manual_seed(4))
    outputs = outputs_of(network, width, x)
    assert isinstance(outputs, Outputs)
    for windows in (x, x.flip(0)):
        torch.testing.assert_close(outputs(windows), network(windows), rtol=1e-5, atol=1e-6)


def test_what_lies_after_a_window_changes_none_of_its_outputs(width: Machine) -> None:
    table = make_table()
    network = build(SETTINGS, 3)
    layout = layout_of(network, width.width)
    assert layout is not None
    space = Workspace(layout, width, 6, training=False)
    weights = np.zeros(layout.size, np.float32)
    layout.pack(network, weights)
    ends = torch.arange(50, 90)

    def outputs(table: torch.Tensor) -> torch.Tensor:
        rows = Rows(table, torch.ones(3), torch.zeros(3), 6)
        return Forecasting(network, space, weights, rows, ends).outputs()

    before, later = outputs(table), table.clone()
    later[71:] = 7
    after = outputs(later)
    assert torch.equal(before[:21], after[:21])
    assert not torch.equal(before, after)


# --- what torch trains


def test_torch_trains_what_kernels_do_not_do(width: Machine) -> None:
    class Own(torch.nn.LSTM):
        pass

    table = make_table()
    fold = make_fold(table, 100, 6)
    parts = replace(SETTINGS, accumulate=4)
    assert Trainer(table, [fold], parts, loss="mse", machine=width).kernels == "torch"
    network = build(SETTINGS, 3)
    network.layers[0].__class__ = Own
    assert begin(width, network, table, [fold], SETTINGS, loss="mse") is None

    class OwnNetwork(Network):
        pass

    network = build(SETTINGS, 3)
    network.__class__ = OwnNetwork
    assert begin(width, network, table, [fold], SETTINGS, loss="mse") is None


def test_the_trial_of_new_kernels_notices_those_that_are_wrong(
    width: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert differing(width) == []
    schedule = KernelFold._schedule
    monkeypatch.setattr(KernelFold, "_schedule", lambda self, before: schedule(self, before + 5))
    assert {"bilstm, mse", "bigru, mse", "birnn, mse"} <= set(differing(width))


# --- parts


def test_blocks_take_each_window_of_a_batch_once() -> None:
    for width in WIDTHS:
        for rows in (1, 3, 16, 17, 31, 32, 33, 47, 48, 100):
            found = list(blocks(width, rows))
            assert [block.first for block in found] == [
                sum(block.count for block in found[:number]) for number in range(len(found))
            ]
            assert sum(block.count for block in found) == rows
            for block, following in pairwise(found):
                assert block.count == block.vectors * width.lanes
                assert following.vectors <= block.vectors
            # No vector without a window.
            assert all(b.count > (b.vectors - 1) * width.lanes for b in found)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("neurons", [(5,), (5, 3), (4, 4)])
def test_weights_come_back_from_their_places(
    width: Machine, cell: str, neurons: tuple[int, ...]
) -> None:
    settings = replace(SETTINGS, cell=cell, neurons=neurons)
    network, other = build(settings, 3), build(replace(settings, seed=2), 3)
    layout = layout_of(network, width.width)
    assert layout is not None
    assert len(np.unique(layout.places)) == len(layout.places)
    values = np.zeros(layout.size, np.float32)
    layout.pack(network, values)
    layout.unpack(values, other)
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert torch.equal(one, two)


@pytest.mark.parametrize("cell", CELLS)
def test_places_that_fill_up_stay_0(width: Machine, cell: str) -> None:
    table = make_table()
    fold = make_fold(table, 100, 6)
    settings = replace(SETTINGS, cell=cell, neurons=(5, 3), weight_decay=0.1, averaging=True)
    network = build(settings, 3)
    layout = layout_of(network, width.width)
    begun = begin(width, network, table, [fold], settings, loss="mse")
    assert begun is not None
    assert layout is not None
    begun[0].train(torch.arange(100), 0)
    idle = np.ones(layout.size, bool)
    idle[layout.places] = False
    for values in (begun[0].weights, begun[0].averages):
        assert not values[idle].any()
        assert values[~idle].all()


def test_the_widest_vectors_are_taken_that_a_processor_has() -> None:
    def found(*features: str) -> str | None:
        width = of_features(dict.fromkeys(features, True) | {"sse2": True})
        return width and width.name

    assert found("avx512f", "avx2", "fma") == "avx512"
    assert found("avx2", "fma") == "avx2"
    assert found("avx2") is None  # without fused products nothing is gained
    assert found("neon") == "neon"
    assert found() is None


FUNCTIONS = {
    "exp": (np.exp, np.linspace(-80, 80, 4096)),
    "logistic": (lambda x: 1 / (1 + np.exp(-x)), np.linspace(-80, 80, 4096)),
    "tanh": (np.tanh, np.concatenate([np.linspace(-12, 12, 4000), np.geomspace(1e-30, 1, 96)])),
    "log_of_one_plus": (np.log1p, np.linspace(0, 1, 4096)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_are_exact_to_a_few_units_in_the_last_place(name: str, width: Machine) -> None:
    exact, x = FUNCTIONS[name]
    x = x.astype(np.float32)
    wanted = exact(x.astype(np.float64))
    got = run_function(name, width.width.lanes, x)
    np.testing.assert_allclose(got, wanted, rtol=4e-7, atol=1e-38)
    odd = np.full(16, np.nan, np.float32)
    assert np.isnan(run_function(name, width.width.lanes, odd)).all()


def run_function(name: str, lanes: int, x: np.ndarray) -> np.ndarray:
    """The values of a function of `Code`, compiled for this alone."""
    module = ir.Module(name="one")
    module.triple = binding.get_process_triple()
    code = Code(module, "kernel", lanes)
    source, out, count = (code.word(place) for place in (1, 2, 3))
    with code.loop(count, step=lanes) as i:
        code.store(out, i, getattr(code, name)(code.load(source, i)))
    code.done()
    found = np.empty_like(x)
    for call in compiled(module):
        row = np.array([0, x.ctypes.data, found.ctypes.data, x.size], np.int64)
        call(row.ctypes.data)
    return found


def compiled(module: ir.Module) -> Iterator[Any]:
    import ctypes

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    target = binding.Target.from_triple(binding.get_process_triple())
    parsed = binding.parse_assembly(str(module))
    with binding.create_mcjit_compiler(parsed, target.create_target_machine()) as engine:
        engine.finalize_object()
        yield ctypes.CFUNCTYPE(None, ctypes.c_void_p)(engine.get_function_address("kernel"))


def test_kernels_of_every_width_are_named_alike() -> None:
    names = [{name.rstrip("0123456789") for name in kernels(width)} for width in WIDTHS]
    assert names[0] == names[1] == names[2]


CROWDED = """
import ctypes
from rnnsearch.model.kernels.codegen.building import compile_kernels, kernels
from rnnsearch.model.kernels.program import linked
from tests.helpers.machines import MADE_FOR, USABLE
from rnnsearch.model.kernels.codegen.widths import WIDTHS

width = next(width for width in WIDTHS if width.name == USABLE[-1])
code = compile_kernels(width, *MADE_FOR[width.name])
libc = ctypes.CDLL(None)
libc.mmap.restype, libc.mmap.argtypes = ctypes.c_void_p, [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

def reserve(size):  # without access, private, anonymous, not backed
    return libc.mmap(None, size, 0, 0x2 | 0x20 | 0x4000, -1, 0)

wall = reserve(6 << 30)
for power in range(24, 11, -1):  # no gap is left above
    while (place := reserve(1 << power)) > wall:
        pass
    libc.munmap(place, 1 << power)
libc.munmap(wall + (5 << 30), %d)  # but this one, 5 GB above all other room
linked(code, list(kernels(width)))
"""


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64",
    reason="memory is laid out otherwise elsewhere",
)
def test_kernels_are_loaded_where_memory_has_no_room_for_all_of_them_in_one_place() -> None:
    command = [sys.executable, "-c", CROWDED % (1 << 16)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
