"""What a network is trained to make small, and what its outputs then are.

    B  rows of a batch      G  targets of a row      Q  quantile levels      O  outputs, G * Q

The loss of a row is the mean over its outputs. Targets are scaled, so that 1 is the size of a usual
one. With a loss of points Q is 1: output `g` forecasts target `g`. With `quantile` outputs
`g * Q .. g * Q + Q - 1` are the quantiles of target `g`, lowest level first.

**Quantiles do not cross.** The head says the median, and how far each further quantile lies from
the one before it:

    y[m] = a[m]     y[q] = y[q-1] + gap[q] * softplus(a[q]), q > m     y[q] = y[q+1] - ..., q < m

softplus is never below 0 and `gap` above it, so whatever the weights are, y rises with the level.
`gap` is such that a head which says 0 says a standard normal distribution: a network begins there.
(Cumulated gaps after Gasthaus et al. 2019, Probabilistic forecasting with spline quantile function
RNNs; the pinball loss is that of Koenker & Bassett 1978, Regression quantiles.)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import log
from statistics import NormalDist

import torch
import torch.nn.functional as F
from torch import Tensor

MEDIAN = 0.5

Each = Callable[[Tensor, Tensor, Tensor], Tensor]
"""outputs (B, G, Q), targets (B, G, Q) and levels (Q,) -> losses (B, G, Q)"""


@dataclass(frozen=True)
class Levels:
    """The quantile levels of a head: rising, between 0 and 1, the median among them."""

    values: tuple[float, ...]

    @property
    def middle(self) -> int:
        """The place of the median."""
        return self.values.index(MEDIAN)

    @cached_property
    def gaps(self) -> tuple[float, ...]:
        """(Q,) what a gap's softplus is multiplied by; 0 for the median, which has none."""
        normal = [NormalDist().inv_cdf(level) for level in self.values]
        between = [two - one for one, two in pairwise(normal)]
        between.insert(self.middle, 0.0)
        return tuple(gap / log(2) for gap in between)

    def of_each(self, outputs: Tensor) -> Tensor:  # (..., O) -> (..., G, Q)
        each: Tensor = outputs.unflatten(-1, (-1, len(self.values)))
        return each

    def in_order(self, said: Tensor) -> Tensor:  # (..., O) -> (..., O)
        """Quantiles from what a head says, for each group of Q outputs."""
        middle = self.middle
        a = self.of_each(said)
        steps = F.softplus(a) * a.new_tensor(self.gaps)
        median = a[..., middle : middle + 1]
        below = steps[..., :middle].flip(-1).cumsum(-1).flip(-1)
        above = steps[..., middle + 1 :].cumsum(-1)
        return torch.cat([median - below, median, median + above], dim=-1).flatten(-2)


@dataclass(frozen=True)
class Loss:
    """One loss.

    each       of every output
    quantiles  whether outputs are quantiles, or else points
    """

    name: str
    each: Each
    quantiles: bool = False

    def of_rows(self, outputs: Tensor, targets: Tensor, levels: Sequence[float] = ()) -> Tensor:
        """The sum over rows: outputs (B,) or (B, O), targets (B,) or (B, G) -> ()."""
        if outputs.dim() == targets.dim() == 1 and not self.quantiles:
            return self.each(outputs, targets, outputs).sum()
        rows = len(outputs)
        wanted = targets.reshape(rows, -1, 1)  # (B, G, 1)
        said = outputs.reshape(rows, wanted.shape[1], -1)  # (B, G, Q)
        losses = self.each(said, wanted.expand_as(said), said.new_tensor(levels))
        return losses.sum() / said[0].numel()


def _squared(y: Tensor, target: Tensor, _: Tensor) -> Tensor:
    return F.mse_loss(y, target, reduction="none")


def _absolute(y: Tensor, target: Tensor, _: Tensor) -> Tensor:
    return F.l1_loss(y, target, reduction="none")


def _huber(y: Tensor, target: Tensor, _: Tensor) -> Tensor:
    """Huber 1964: squared up to a usual target's size, absolute beyond."""
    return F.huber_loss(y, target, reduction="none", delta=1.0)


def _pinball(y: Tensor, target: Tensor, levels: Tensor) -> Tensor:
    above = target - y
    return torch.maximum(levels * above, (levels - 1) * above)


def _cross_entropy(y: Tensor, target: Tensor, _: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(y, target, reduction="none")


LOSSES: Mapping[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss("mse", _squared),
        Loss("mae", _absolute),
        Loss("huber", _huber),
        Loss("quantile", _pinball, quantiles=True),
        Loss("bce", _cross_entropy),  # of logits
    )
}
