"""Training: converges, repeats, keeps folds apart, stays on the device."""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from rnnsearch.model import training
from rnnsearch.model.fold import FoldTensors, TrainingSettings
from rnnsearch.model.networks.network import CELLS, build_network
from rnnsearch.model.optimizers import average_share, clip_gradients
from rnnsearch.model.training import (
    Diverged,
    EpochResult,
    Trainer,
    build_optimizer,
    forecast,
    train_epoch,
    windows,
)
from tests.helpers.machines import USABLE
from tests.helpers.machines import machine as kernels

torch.set_num_threads(1)

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


def train(
    table: torch.Tensor, folds: list[FoldTensors], settings: TrainingSettings, loss: str
) -> Iterator[EpochResult]:
    return Trainer(table, folds, settings, loss=loss).run()


def make_table(rows: int = 300, inputs: int = 3) -> torch.Tensor:
    return torch.randn(rows, inputs, generator=torch.Generator().manual_seed(0))


def make_fold(table: torch.Tensor, train_stop: int = 200, validation: int = 60) -> FoldTensors:
    """The target is the first input three sessions before, which a window of six holds."""
    ends = torch.arange(10, train_stop + validation)
    targets = table[ends - 3, 0]
    cut = train_stop - 10
    scale = torch.ones(table.shape[1])
    return FoldTensors(
        scale, 0 * scale, ends[:cut], targets[:cut], ends[cut:], targets[cut:].clone()
    )


def to(fold: FoldTensors, device: str) -> FoldTensors:
    there = {name: tensor for name, tensor in vars(fold).items() if tensor is not None}
    return FoldTensors(**{name: tensor.to(device) for name, tensor in there.items()})


def assert_same(one, two):
    assert (one.train_loss, one.gradient_norm) == (two.train_loss, two.gradient_norm)
    np.testing.assert_equal(one.validation_loss, two.validation_loss)
    for a, b in zip(one.forecasts, two.forecasts, strict=True):
        np.testing.assert_array_equal(a, b)


def test_windows_equal_slices_scaled_one_by_one():
    table = make_table()
    scale, offset = torch.tensor([1.0, 2, 3]), torch.tensor([0.5, 0, -1])
    ends = torch.tensor([5, 299, 17])
    expected = torch.stack([table[end - 5 : end + 1] * scale + offset for end in ends.tolist()])
    torch.testing.assert_close(windows(table, ends, 6, scale, offset), expected)


def test_batches_gathered_together_are_the_batches_gathered_one_by_one(monkeypatch):
    table = make_table()
    together = list(train(table, [make_fold(table)], SETTINGS, loss="mse"))
    monkeypatch.setattr(training, "_GATHERED", 1)
    one_by_one = list(train(table, [make_fold(table)], SETTINGS, loss="mse"))
    for one, two in zip(together, one_by_one, strict=True):
        assert_same(one, two)


def test_a_window_before_the_first_row_is_refused():
    with pytest.raises(IndexError):
        windows(make_table(), torch.tensor([4]), 6, torch.ones(3), torch.zeros(3))


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_learns_a_delayed_signal(cell):
    table = make_table()
    settings = replace(SETTINGS, cell=cell, neurons=(16,), epochs=40, learning_rate=0.02)
    results = list(train(table, [make_fold(table)], settings, loss="mse"))
    assert results[0].train_loss[0] > 0.5
    assert results[-1].train_loss[0] < 0.1
    assert results[-1].validation_loss[0] < 0.3


def test_sgd_learns_too():
    table = make_table()
    settings = replace(SETTINGS, optimizer="sgd", learning_rate=0.1, epochs=60, clip=0.0)
    *_, last = train(table, [make_fold(table)], settings, loss="mse")
    assert last.train_loss[0] < 0.3


def test_directions_are_learnt_as_probabilities():
    table = make_table(rows=1000)
    fold = make_fold(table, train_stop=800, validation=150)
    fold = replace(
        fold,
        train_targets=(fold.train_targets > 0).float(),
        validation_targets=(fold.validation_targets > 0).float(),
    )
    *_, last = train(table, [fold], replace(SETTINGS, epochs=20, learning_rate=0.02), loss="bce")
    (said,) = last.forecasts
    assert ((said > 0) & (said < 1)).all()
    assert np.mean((said > 0.5) == fold.validation_targets.numpy()) > 0.8


def test_a_trial_repeats_whatever_runs_between_its_epochs():
    table = make_table()
    settings = replace(SETTINGS, neurons=(8, 8), dropout=0.4, epochs=3)
    plain = list(train(table, [make_fold(table)], settings, loss="mse"))
    again = []
    for result in train(table, [make_fold(table)], settings, loss="mse"):
        torch.rand(5)
        again.append(result)
    for one, two in zip(plain, again, strict=True):
        assert_same(one, two)
    other = next(train(table, [make_fold(table)], replace(settings, seed=2), loss="mse"))
    assert other.train_loss != plain[0].train_loss


def test_training_leaves_the_global_random_state_alone():
    table, before = make_table(), torch.get_rng_state()
    list(train(table, [make_fold(table)], replace(SETTINGS, dropout=0.5), loss="mse"))
    assert torch.equal(before, torch.get_rng_state())


def test_folds_in_lockstep_equal_folds_trained_alone():
    table = make_table()
    folds = [make_fold(table, 150), make_fold(table, 200)]
    settings = replace(SETTINGS, neurons=(8, 8), dropout=0.4)
    together = list(train(table, folds, settings, loss="mse"))
    for number, fold in enumerate(folds):
        alone = list(train(table, [fold], settings, loss="mse"))
        for one, two in zip(together, alone, strict=True):
            assert one.train_loss[number] == two.train_loss[0]
            assert one.validation_loss[number] == two.validation_loss[0]
            np.testing.assert_array_equal(one.forecasts[number], two.forecasts[0])


def test_every_fold_starts_from_the_same_weights():
    table = make_table()
    trainer = Trainer(table, [make_fold(table, 150), make_fold(table)], SETTINGS, loss="mse")
    first, second = trainer.networks
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("loss", ["mse", "bce"])
@pytest.mark.parametrize("accumulate", [2, 4, 5])
def test_accumulated_gradients_equal_those_of_the_whole_batch(loss, accumulate):
    table = make_table()
    fold = make_fold(table)
    fold = replace(fold, train_targets=(fold.train_targets > 0).float())
    whole = Trainer(table, [fold], SETTINGS, loss=loss)
    parts = Trainer(table, [fold], replace(SETTINGS, accumulate=accumulate), loss=loss)
    for one, two in zip(whole.run(), parts.run(), strict=True):
        assert one.train_loss == pytest.approx(two.train_loss, rel=1e-4)
        assert one.gradient_norm == pytest.approx(two.gradient_norm, rel=1e-3)
        assert one.steps == two.steps


def test_an_epoch_reports_steps_losses_and_norms_of_a_plain_loop():
    table, fold = make_table(), make_fold(make_table(), train_stop=110)  # 100 rows: 32, 32, 32, 4
    settings = replace(SETTINGS, epochs=1, clip=0.0, optimizer="sgd", momentum=0.0)
    (result,) = train(table, [fold], settings, loss="mse")
    assert result.steps == 4

    trainer = Trainer(table, [fold], settings, loss="mse")
    (network,) = trainer.networks
    generator = torch.Generator().manual_seed(settings.seed)
    torch.randint(2**63 - 1, (), generator=generator)
    order = torch.randperm(100, generator=generator)
    losses, norms = [], []
    for batch in order.split(32):
        network.zero_grad()
        x = torch.stack([table[end - 5 : end + 1] for end in fold.train_ends[batch].tolist()])
        errors = (network(x) - fold.train_targets[batch]) ** 2
        errors.mean().backward()
        losses += errors.tolist()
        norms.append(torch.cat([p.grad.flatten() for p in network.parameters()]).norm().item())
        with torch.no_grad():
            for p in network.parameters():
                p -= settings.learning_rate * p.grad
    assert result.train_loss[0] == pytest.approx(np.mean(losses), rel=1e-5)
    assert result.gradient_norm == pytest.approx(np.mean(norms), rel=1e-4)


def test_the_gradient_norm_is_that_before_clipping():
    table = make_table()
    free = next(train(table, [make_fold(table)], replace(SETTINGS, clip=0.0), loss="mse"))
    tight = next(train(table, [make_fold(table)], replace(SETTINGS, clip=1e-6), loss="mse"))
    assert free.gradient_norm > 0.01
    assert tight.gradient_norm > 0.01


def test_forecasts_do_not_depend_on_the_chunks(monkeypatch):
    table = make_table()
    fold = make_fold(table)
    (network,) = Trainer(table, [fold], SETTINGS, loss="mse").networks
    given = {"window": 6, "scale": fold.scale, "offset": fold.offset}
    whole = forecast(network, table, fold.validation_ends, **given)
    monkeypatch.setattr(training, "_CHUNK", 7)
    torch.testing.assert_close(forecast(network, table, fold.validation_ends, **given), whole)


def test_a_refit_without_validation_rows_keeps_its_network():
    table = make_table()
    trainer = Trainer(table, [make_fold(table, 200, validation=0)], SETTINGS, loss="mse")
    *_, last = trainer.run()
    assert np.isnan(last.validation_loss[0])
    assert last.forecasts[0].shape == (0,)
    assert len(trainer.networks) == 1


@pytest.mark.parametrize("by", ["torch", *USABLE])
@pytest.mark.parametrize("averaging", [False, True])
def test_training_goes_on_from_weights_that_are_given(by, averaging):
    table, machine = make_table(), None if by == "torch" else kernels(by)
    settings = replace(SETTINGS, epochs=5, learning_rate=0.02, averaging=averaging)
    first = Trainer(table, [make_fold(table)], settings, loss="mse", machine=machine)
    results = list(first.run())
    weights = first.networks[0].state_dict()
    other = replace(settings, seed=2, epochs=1)
    second = Trainer(table, [make_fold(table)], other, loss="mse", machine=machine, weights=weights)
    assert second.kernels == by
    for name, values in second.networks[0].state_dict().items():
        torch.testing.assert_close(values, weights[name], rtol=0, atol=0)
    (result,) = second.run()
    assert result.train_loss[0] < results[1].train_loss[0]


def test_a_loss_that_is_not_finite_ends_the_trial():
    table = make_table()
    fold = make_fold(table)
    broken = replace(fold, train_targets=fold.train_targets * torch.inf)
    with pytest.raises(Diverged, match="epoch 1: the training loss of fold 2"):
        list(train(table, [fold, broken], SETTINGS, loss="mse"))


def test_a_network_that_breaks_in_the_last_step_is_noticed_in_validation():
    table = make_table()
    fold = make_fold(table)
    broken = replace(fold, validation_targets=fold.validation_targets * torch.nan)
    with pytest.raises(Diverged, match="validation loss of fold 1"):
        list(train(table, [broken], SETTINGS, loss="mse"))


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_an_epoch_runs_on_the_meta_device_where_a_host_copy_raises(cell, optimizer):
    meta = torch.device("meta")
    settings = replace(
        SETTINGS,
        cell=cell,
        neurons=(8, 4),
        dropout=0.2,
        optimizer=optimizer,
        window=2,
        batch_size=95,
    )
    network, averaged = (
        build_network(cell, 3, settings.neurons, settings.dropout, seed=1, device=meta)
        for _ in range(2)
    )
    for clip in (0.0, 1.0):
        sums = train_epoch(
            network,
            build_optimizer(network, settings),
            make_table().to(meta),
            to(make_fold(make_table()), "meta"),
            torch.randperm(190).to(meta),
            replace(settings, clip=clip),
            loss="mse",
            averaged=averaged,
        )
        assert sums.device == meta


class HostCopies(TorchDispatchMode):
    """Counts what makes the host wait for a device."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        names = ("_local_scalar_dense", "nonzero", "is_nonzero", "equal")
        self.count += func.overloadpacket.__name__ in names
        return func(*args, **(kwargs or {}))


def test_no_step_waits_for_the_device():
    table, fold = make_table(), make_fold(make_table())
    network, averaged = Trainer(table, [fold, fold], SETTINGS, loss="mse").networks
    optimizer = build_optimizer(network, SETTINGS)
    with HostCopies() as copies:
        order = torch.arange(190)
        train_epoch(network, optimizer, table, fold, order, SETTINGS, loss="mse", averaged=averaged)
    assert copies.count == 0


def test_the_networks_that_forecast_have_the_average_of_the_trained_weights():
    table, fold = make_table(), make_fold(make_table())
    settings = replace(SETTINGS, averaging=True, epochs=3)
    averaged = Trainer(table, [fold], settings, loss="mse")
    for _ in averaged.run():
        pass
    plain = build_network("lstm", 3, (8,), 0.0, seed=1, device=torch.device("cpu"))
    optimizer, generator = build_optimizer(plain, settings), torch.Generator().manual_seed(1)
    seen: list[list[torch.Tensor]] = []

    class Watched:
        def step(self) -> None:
            optimizer.step()
            seen.append([weights.detach().clone() for weights in plain.parameters()])

    for _ in range(settings.epochs):
        torch.randint(2**63 - 1, (), generator=generator)
        order = torch.randperm(190, generator=generator)
        train_epoch(plain, Watched(), table, fold, order, settings, loss="mse")
    # The weight of step k in the mean after n steps, from the recursion.
    shares = [average_share(step) for step in range(1, len(seen) + 1)]
    factors = [
        share * math.prod(1 - later for later in shares[number + 1 :])
        for number, share in enumerate(shares)
    ]
    assert sum(factors) == pytest.approx(1)
    for number, weights in enumerate(averaged.networks[0].parameters()):
        expected = sum(factor * step[number] for factor, step in zip(factors, seen, strict=True))
        torch.testing.assert_close(weights.detach(), expected, rtol=1e-4, atol=1e-5)


def test_averaging_does_not_change_what_is_trained():
    table, fold = make_table(), make_fold(make_table())
    one, two = (
        list(train(table, [fold], replace(SETTINGS, averaging=averaging), loss="mse"))
        for averaging in (False, True)
    )
    assert [epoch.train_loss for epoch in one] == [epoch.train_loss for epoch in two]
    assert one[-1].validation_loss != two[-1].validation_loss


def test_the_average_after_an_epoch_is_that_of_a_training_that_ends_there():
    table, fold = make_table(), make_fold(make_table())
    settings = replace(SETTINGS, averaging=True)
    longer = list(train(table, [fold], replace(settings, epochs=3), loss="mse"))
    shorter = list(train(table, [fold], replace(settings, epochs=2), loss="mse"))
    assert_same(longer[1], shorter[1])


@pytest.mark.parametrize("clip", [0.0, 0.1, 10.0])
@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize(
    ("kind", "changes", "theirs"),
    [
        ("adam", {}, torch.optim.AdamW),
        ("sgd", {"momentum": 0.0}, torch.optim.SGD),
        ("sgd", {"momentum": 0.9}, torch.optim.SGD),
    ],
)
def test_steps_are_those_of_torch_s_optimizers_to_the_bit(kind, changes, theirs, decay, clip):
    settings = replace(SETTINGS, optimizer=kind, weight_decay=decay, **changes)
    ours, other = (
        build_network("lstm", 3, (19, 7), 0.0, seed=1, device=torch.device("cpu")) for _ in range(2)
    )
    step = build_optimizer(ours, settings)
    reference = theirs(other.parameters(), lr=0.01, weight_decay=decay, fused=True, **changes)
    x = torch.randn(8, 5, 3, generator=torch.Generator().manual_seed(1))
    for _ in range(4):
        norms = []
        for network in (ours, other):
            network.zero_grad()
            network(x).square().sum().backward()
        norms.append(clip_gradients(list(ours.parameters()), clip))
        norms.append(torch.nn.utils.clip_grad_norm_(other.parameters(), clip or math.inf))
        step.step()
        reference.step()
        assert torch.equal(*norms)
        for one, two in zip(ours.parameters(), other.parameters(), strict=True):
            assert torch.equal(one, two)
