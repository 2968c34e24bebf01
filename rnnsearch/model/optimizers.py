"""The optimizers' steps: torch's fused kernels, called directly.

torch's own classes import torch's compiler, which costs a process about a second and 69 MB, and
take longer over choices that never change here than their kernels over the weights of a small
network.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor


class Optimizer(Protocol):
    """Changes parameters along their gradients, in place; torch's own are such, too."""

    def step(self) -> object: ...


class Adam:
    """`torch.optim.AdamW(fused=True)`: Kingma & Ba 2015, Loshchilov & Hutter 2019."""

    def __init__(self, parameters: Sequence[Tensor], *, lr: float, weight_decay: float) -> None:
        self._parameters = list(parameters)
        self._lr, self._weight_decay = lr, weight_decay
        self._steps = torch.zeros((), device=self._parameters[0].device)
        self._means = [torch.zeros_like(p) for p in self._parameters]  # of the gradients
        self._squares = [torch.zeros_like(p) for p in self._parameters]  # means of them

    @torch.no_grad()
    def step(self) -> None:
        self._steps += 1
        torch._fused_adamw_(
            self._parameters,
            gradients(self._parameters),
            self._means,
            self._squares,
            [],
            [self._steps] * len(self._parameters),
            lr=self._lr,
            beta1=0.9,
            beta2=0.999,
            weight_decay=self._weight_decay,
            eps=1e-8,
            amsgrad=False,
            maximize=False,
        )


class SGD:
    """`torch.optim.SGD(fused=True)`."""

    def __init__(
        self, parameters: Sequence[Tensor], *, lr: float, momentum: float, weight_decay: float
    ) -> None:
        self._parameters = list(parameters)
        self._lr, self._momentum, self._weight_decay = lr, momentum, weight_decay
        self._buffers = [torch.empty_like(p) for p in self._parameters] if momentum else []
        self._first = bool(self._buffers)  # they are filled by the first step

    @torch.no_grad()
    def step(self) -> None:
        torch._fused_sgd_(
            self._parameters,
            gradients(self._parameters),
            self._buffers,
            weight_decay=self._weight_decay,
            momentum=self._momentum,
            lr=self._lr,
            dampening=0.0,
            nesterov=False,
            maximize=False,
            is_first_step=self._first,
        )
        self._first = False


@torch.no_grad()
def clip_gradients(parameters: Sequence[Tensor], limit: float) -> Tensor:  # ()
    """The norm of all gradients together; above `limit` they are scaled down to it, 0 is no limit.

    `torch.nn.utils.clip_grad_norm_` for parameters of one device and type.
    """
    grads = gradients(parameters)
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(grads)))
    if limit > 0:
        torch._foreach_mul_(grads, torch.clamp(limit / (norm + 1e-6), max=1.0))
    return norm


def gradients(parameters: Sequence[Tensor]) -> list[Tensor]:
    return [p.grad for p in parameters if p.grad is not None]


def average_share(step: int) -> float:
    """The share of the newest weights in the average after so many steps, from 1 downwards.

    Polynomial-decay averaging (Shamir and Zhang 2013) with its parameter at 8: the average reaches
    back over about a ninth of the steps so far. So after every epoch it is what it would be if
    training ended there, whatever the number of epochs.
    """
    return 9 / (step + 8)
