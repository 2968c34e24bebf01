"""How far back a network looks: what each session and input of a window does to its forecast.

    B  windows      w  window, the oldest session first      F  inputs      q  steps of an integral

All of it is in the network's own units: inputs as they are scaled, forecasts before they are
unscaled (of chances, before they are squashed).
"""

import numpy as np
import torch
from torch import Tensor, nn

STEPS = 16
CHUNK = 256
"""Windows at once: bounds memory, changes no result."""


def gradients(network: nn.Module, x: Tensor) -> Tensor:
    """The gradient of each forecast by its window: (B, w, F) -> (B, w, F)."""
    network.eval()
    return torch.cat([_gradient(network, part) for part in x.split(CHUNK)])


def integrated_gradients(
    network: nn.Module,
    x: Tensor,  # (B, w, F)
    start: Tensor,  # (F,) what an input is where it says nothing
    steps: int = STEPS,
) -> Tensor:  # (B, w, F)
    """How much each number of a window adds to its forecast, from a window that says nothing.

    `(x - x') * integral over 0 <= a <= 1 of the gradient at x' + a (x - x')`, x' the window in
    which every session is `start`. The sum over a window is its forecast less that of x'
    (completeness): see `incompleteness`. By Gauss & Legendre, which few steps suffice for.

    Sundararajan, Taly & Yan 2017, Axiomatic attribution for deep networks, eq. 1.
    """
    network.eval()
    places, shares = np.polynomial.legendre.leggauss(steps)
    whole = []
    for part in x.split(CHUNK):
        base = start.expand_as(part)
        away = part - base
        total = torch.zeros_like(part)
        for place, share in zip(places, shares, strict=True):
            total += share / 2 * _gradient(network, base + (place + 1) / 2 * away)
        whole.append(away * total)
    return torch.cat(whole)


@torch.no_grad()
def incompleteness(network: nn.Module, x: Tensor, start: Tensor, added: Tensor) -> float:
    """How far sums of `added` (B, w, F) are from what they add up to, as a share of its size: the
    root mean square over the windows."""
    network.eval()
    forecast = torch.cat([said(network, part) for part in x.split(CHUNK)])
    wanted = forecast - said(network, start.expand(1, x.shape[1], -1))
    size = float(wanted.square().mean().sqrt())
    gap = float((added.sum(dim=(1, 2)) - wanted).square().mean().sqrt())
    return gap / size if size > 0 else 0.0


def _gradient(network: nn.Module, x: Tensor) -> Tensor:
    x = x.detach().requires_grad_()
    (found,) = torch.autograd.grad(said(network, x).sum(), x)
    return found.detach()


def said(network: nn.Module, x: Tensor) -> Tensor:
    """(B,): what it says of each window; of a head of many outputs, the mean of them."""
    outputs: Tensor = network(x)
    return outputs if outputs.ndim == 1 else outputs.mean(dim=1)
