"""Losses against what they are said to be, and heads of many outputs, in torch."""

from statistics import NormalDist

import numpy as np
import pytest
import torch
from sklearn.metrics import mean_pinball_loss

from rnnsearch.model.kernels.codegen import heads
from rnnsearch.model.losses import LOSSES, Levels
from rnnsearch.model.networks.network import build_network

LEVELS = (0.05, 0.3, 0.5, 0.6, 0.99)
CPU = torch.device("cpu")


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_kernels_know_every_loss() -> None:
    assert set(heads.LOSSES) == set(LOSSES)


def test_each_loss_is_what_it_says() -> None:
    y, target = 2 * drawn(50), drawn(50, seed=1)
    error = (y - target).numpy()
    near = np.abs(error) < 1
    wanted = {
        "mse": error**2,
        "mae": np.abs(error),
        "huber": np.where(near, error**2 / 2, np.abs(error) - 0.5),
    }
    for name, losses in wanted.items():
        got = LOSSES[name].of_rows(y, target)
        assert float(got) == pytest.approx(losses.sum(), rel=1e-12)


def test_the_pinball_loss_is_scikit_learn_s() -> None:
    y, target = drawn(40, len(LEVELS)), drawn(40, seed=1)
    wanted = [
        mean_pinball_loss(target.numpy(), y[:, q].numpy(), alpha=level)
        for q, level in enumerate(LEVELS)
    ]
    got = LOSSES["quantile"].of_rows(y, target, LEVELS)
    assert float(got) / 40 == pytest.approx(np.mean(wanted), rel=1e-12)


@pytest.mark.parametrize("name", ["mse", "mae", "huber", "bce"])
def test_the_loss_of_a_row_is_the_mean_over_its_outputs(name: str) -> None:
    y, target = drawn(20, 3), (drawn(20, 3, seed=1) > 0).double()
    each = [float(LOSSES[name].of_rows(y[:, g], target[:, g])) for g in range(3)]
    assert float(LOSSES[name].of_rows(y, target)) == pytest.approx(np.mean(each), rel=1e-12)


def test_quantiles_of_two_targets_are_held_each_to_its_own() -> None:
    y, target = drawn(20, 2 * len(LEVELS)), drawn(20, 2, seed=1)
    loss = LOSSES["quantile"]
    each = [
        float(loss.of_rows(part, target[:, g], LEVELS))
        for g, part in enumerate(y.split(len(LEVELS), dim=1))
    ]
    assert float(loss.of_rows(y, target, LEVELS)) == pytest.approx(np.mean(each), rel=1e-12)


# --- quantiles


def test_quantiles_never_cross_whatever_a_head_says() -> None:
    levels = Levels(LEVELS)
    for scale in (1e-3, 1.0, 1e3, 1e30):
        said = (scale * drawn(1000, 2 * len(LEVELS))).float()
        for quantiles in levels.in_order(said).split(len(LEVELS), dim=1):
            assert bool((quantiles.diff(dim=1) >= 0).all())


def test_a_head_that_says_nothing_says_the_normal_distribution() -> None:
    for values in (LEVELS, (0.25, 0.5, 0.75), tuple(i / 100 for i in range(1, 100))):
        quantiles = Levels(values).in_order(torch.zeros(1, len(values), dtype=torch.float64))
        wanted = [NormalDist().inv_cdf(level) for level in values]
        np.testing.assert_allclose(quantiles[0].numpy(), wanted, atol=1e-12)


def test_trained_quantiles_hold_the_share_that_they_promise() -> None:
    """A head alone, which finds the quantiles of what it is told."""
    target = torch.from_numpy(np.random.default_rng(2).standard_t(4, 4000)).float()
    levels, said = Levels(LEVELS), torch.zeros(1, len(LEVELS), requires_grad=True)
    optimizer = torch.optim.Adam([said], lr=0.03)
    for _ in range(500):
        optimizer.zero_grad()
        quantiles = levels.in_order(said).expand(len(target), -1)
        LOSSES["quantile"].of_rows(quantiles, target, LEVELS).backward()
        optimizer.step()
    found = levels.in_order(said.detach())[0]
    shares = [(target <= quantile).float().mean().item() for quantile in found]
    np.testing.assert_allclose(shares, LEVELS, atol=0.01)


# --- networks


def test_a_network_says_one_number_or_as_many_as_it_has_outputs() -> None:
    x = torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(1))
    one = build_network("gru", 3, (5,), 0.0, seed=1, device=CPU)
    many = build_network("gru", 3, (5,), 0.0, seed=1, device=CPU, outputs=3)
    fan = build_network("gru", 3, (5,), 0.0, seed=1, device=CPU, outputs=5, quantiles=LEVELS)
    assert one(x).shape == (6,)
    assert many(x).shape == (6, 3)
    assert fan(x).shape == (6, 5)
    assert bool((fan(x).diff(dim=1) > 0).all())
