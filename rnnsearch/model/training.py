"""Epochs of training, one result per epoch, all folds of a trial in lockstep.

    B  batch      w  window      F  inputs      n  training rows      m  validation rows
    G  targets of a row      O  outputs of a network

The input table (rows, F) lives once on the device. A batch is gathered from it by index and scaled
on the way; windows are never stored. The host waits for the device between epochs, never within
one. This module knows nothing of searches, tracking or study files.

Randomness: each fold owns a generator seeded with the trial's seed. Per epoch it draws the order of
the rows and a seed for dropout, which has no generator argument in torch: while a fold trains an
epoch, torch's global state is set from that seed, and put back before a result is yielded. So a
trial repeats whatever else runs between its epochs.
(On MPS the global state is set but not put back.)
"""

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from rnnsearch.model.fold import FoldTensors, FoldTraining, TrainingSettings
from rnnsearch.model.losses import LOSSES
from rnnsearch.model.networks.network import Network, build_network
from rnnsearch.model.optimizers import SGD, Adam, Optimizer, average_share, clip_gradients

if TYPE_CHECKING:
    from rnnsearch.model.kernels.program import Machine

_CHUNK = 1024
"""Rows forecast at once: bounds memory, changes no result."""

_GATHERED = 2**18
"""Numbers gathered at once, or a batch if that is more: 1 MB stays in a core's cache."""


@dataclass(frozen=True, eq=False)
class EpochResult:
    """What an epoch did, in scaled units; tuples hold one entry per fold.

    The training loss is the mean over the epoch's batches, each before its step. Without
    validation rows the validation loss is NaN. Forecasts are (m,), or (m, O) of several outputs;
    probabilities with loss `bce`.
    `gradient_norm` is the mean over steps and folds, before clipping. `steps` counts the optimizer
    steps of all folds, `seconds` the time they took.
    """

    epoch: int  # from 1
    train_loss: tuple[float, ...]
    validation_loss: tuple[float, ...]
    forecasts: tuple[NDArray[np.float32], ...]
    gradient_norm: float
    steps: int
    seconds: float


class Diverged(Exception):  # noqa: N818 (it is an outcome of a trial)
    """A loss is no longer a finite number."""


class Trainer:
    """The networks of a trial's folds, all begun with the same weights, and their training.

    `machine` holds the kernels of this process; without it, and for what they do not do, torch
    trains. `kernels` says which: "torch" or the name of a width. Training goes on from `weights`
    (a network's `state_dict`) where they are given, with the optimizer begun anew.
    """

    def __init__(
        self,
        table: Tensor,  # (rows, F)
        folds: Sequence[FoldTensors],
        settings: TrainingSettings,
        *,
        loss: str,  # of `losses.LOSSES`
        machine: "Machine | None" = None,
        weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        self.table = table
        self._weights = weights
        self.folds = tuple(folds)
        self.settings = settings
        self.loss = LOSSES[loss]
        self.kernels = "torch"
        by_kernels = None
        if machine is not None:
            from rnnsearch.model.kernels.training import begin  # with LLVM, which not all need

            by_kernels = begin(machine, self.begin(), table, self.folds, settings, loss=loss)
        if machine is None or by_kernels is None:
            self._training: tuple[FoldTraining, ...] = tuple(
                _TorchFold(self.begin, table, fold, settings, loss=loss) for fold in self.folds
            )
        else:
            self._training, self.kernels = by_kernels, machine.width.name

    @property
    def networks(self) -> tuple[Network, ...]:
        """Those that forecast, as they are now."""
        return tuple(training.network for training in self._training)

    def begin(self) -> Network:
        """A network as training begins it."""
        settings = self.settings
        network = build_network(
            settings.cell,
            self.table.shape[1],
            settings.neurons,
            settings.dropout,
            seed=settings.seed,
            device=self.table.device,
            outputs=settings.outputs,
            quantiles=settings.quantiles,
            identities=identities(settings),
            head=settings.head,
            chances=self.loss.name == "bce",
        )
        if self._weights is not None:
            network.load_state_dict(self._weights)
        return network

    def run(self) -> Iterator[EpochResult]:
        """Train `settings.epochs` epochs, one of all folds at a time, and yield after each.

        Raises Diverged after an epoch with a loss that is not finite, and lets
        torch.OutOfMemoryError pass: the caller may try again with a larger `accumulate`.
        """
        generators = [torch.Generator().manual_seed(self.settings.seed) for _ in self.folds]
        steps = sum(_steps(fold, self.settings) for fold in self.folds)
        for epoch in range(1, self.settings.epochs + 1):
            start = time.perf_counter()
            sums = [
                self._train_fold(*each, epoch)
                for each in zip(self._training, self.folds, generators, strict=True)
            ]
            totals: list[list[float]] = torch.stack(sums).tolist()  # the host waits here
            seconds = time.perf_counter() - start
            train_loss = tuple(
                total / len(fold.train_ends)
                for (total, _), fold in zip(totals, self.folds, strict=True)
            )
            _check_finite(epoch, "training", train_loss)
            validated = [
                self._validate(*each) for each in zip(self._training, self.folds, strict=True)
            ]
            validation_loss = tuple(value for value, _ in validated)
            if any(len(fold.validation_ends) for fold in self.folds):
                _check_finite(epoch, "validation", validation_loss)
            yield EpochResult(
                epoch=epoch,
                train_loss=train_loss,
                validation_loss=validation_loss,
                forecasts=tuple(forecasts for _, forecasts in validated),
                gradient_norm=sum(norm for _, norm in totals) / steps,
                steps=steps,
                seconds=seconds,
            )

    def _train_fold(
        self, training: FoldTraining, fold: FoldTensors, generator: torch.Generator, epoch: int
    ) -> Tensor:  # (2,): sums of losses over rows and of gradient norms over steps
        device = self.table.device
        dropout_seed = int(torch.randint(2**63 - 1, (), generator=generator))
        order = torch.randperm(len(fold.train_ends), generator=generator).to(device)
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            _seed_dropout(dropout_seed, device)
            return training.train(order, (epoch - 1) * _steps(fold, self.settings))

    def _validate(
        self, training: FoldTraining, fold: FoldTensors
    ) -> tuple[float, NDArray[np.float32]]:  # the loss; (m,) or (m, O)
        if len(fold.validation_ends) == 0:
            return math.nan, np.empty(0, dtype=np.float32)
        outputs = training.outputs()
        levels = self.settings.quantiles
        value = self.loss.of_rows(outputs, fold.validation_targets, levels) / len(outputs)
        forecasts = torch.sigmoid(outputs) if self.loss.name == "bce" else outputs
        return float(value), forecasts.cpu().numpy()


class _TorchFold:
    """See `FoldTraining`."""

    def __init__(
        self,
        begin: Callable[[], Network],
        table: Tensor,
        fold: FoldTensors,
        settings: TrainingSettings,
        *,
        loss: str,
    ) -> None:
        self._table, self._fold, self._settings, self._loss = table, fold, settings, loss
        self._trained = begin()
        self._averaged = begin() if settings.averaging else None
        self._optimizer = build_optimizer(self._trained, settings)

    @property
    def network(self) -> Network:
        return self._averaged or self._trained

    def train(self, order: Tensor, steps_before: int) -> Tensor:
        epoch = 1 + steps_before // _steps(self._fold, self._settings)
        self._trained.forcing = forced(self._settings, epoch)
        return train_epoch(
            self._trained,
            self._optimizer,
            self._table,
            self._fold,
            order,
            self._settings,
            loss=self._loss,
            averaged=self._averaged,
            steps_before=steps_before,
        )

    def outputs(self) -> Tensor:
        fold = self._fold
        return forecast(
            self.network,
            self._table,
            fold.validation_ends,
            window=self._settings.window,
            scale=fold.scale,
            offset=fold.offset,
            starts=fold.starts,
        )


def identities(settings: TrainingSettings) -> tuple[int, int] | None:
    """See `Network`."""
    return (settings.series, settings.embedding) if settings.embedding else None


def train_epoch(
    network: Network,
    optimizer: Optimizer,
    table: Tensor,  # (rows, F)
    fold: FoldTensors,
    order: Tensor,  # (n,) int64 on the device: a permutation of the training rows
    settings: TrainingSettings,
    *,
    loss: str,  # of `losses.LOSSES`
    averaged: Network | None = None,  # whose weights become the average of the network's
    steps_before: int = 0,  # in earlier epochs
) -> Tensor:  # (2,): sums of losses over rows and of gradient norms over steps
    """One pass over the training rows in `order`, the last batch being what is left.

    Everything stays on the device: no step waits for the host.
    """
    network.train()
    of_rows = LOSSES[loss].of_rows
    parameters: list[Tensor] = list(network.parameters())
    averages: list[Tensor] = list(averaged.parameters()) if averaged else []
    buffers = list(zip(averaged.buffers(), network.buffers(), strict=True)) if averaged else []
    sums = torch.zeros(2, device=table.device)
    losses, norms = sums.unbind()
    autocast = _autocast(table.device, settings.precision)
    batches = _batches(table, fold, order, settings)
    for step, (batch, targets) in enumerate(batches, start=steps_before + 1):
        for p in parameters:
            p.grad = None
        for x, actual in zip(
            batch.chunk(settings.accumulate), targets.chunk(settings.accumulate), strict=True
        ):
            with autocast:
                outputs = network.learning(x, actual)  # (B,), or (B, O)
            part_sum = of_rows(outputs.float(), actual, settings.quantiles)
            # The parts' gradients add up to that of the batch's mean. (With the factor given to
            # `backward`, torch imports sympy.)
            (part_sum * (1 / len(batch))).backward()
            losses += part_sum.detach()
        norms += clip_gradients(parameters, settings.clip)
        optimizer.step()
        if averages:
            with torch.no_grad():
                torch._foreach_lerp_(averages, parameters, average_share(step))
    for kept, buffer in buffers:  # of cells that are not ours: what they count as they train
        kept.copy_(buffer)
    return sums


def _batches(
    table: Tensor, fold: FoldTensors, order: Tensor, settings: TrainingSettings
) -> Iterator[tuple[Tensor, Tensor]]:  # (B, w, F), (B,) or (B, G)
    """The epoch's batches. Small ones are gathered several at a time, which takes less time."""
    size = settings.batch_size
    together = max(1, _GATHERED // (size * settings.window * table.shape[1]))
    for rows in order.split(size * together):
        x = windows(
            table, fold.train_ends[rows], settings.window, fold.scale, fold.offset, fold.starts
        )
        yield from zip(x.split(size), fold.train_targets[rows].split(size), strict=True)


@torch.inference_mode()
def forecast(
    network: Network,
    table: Tensor,  # (rows, F)
    ends: Tensor,  # (m,) int64
    *,
    window: int,
    scale: Tensor,  # (F,), or (S, F)
    offset: Tensor,  # (F,), or (S, F)
    starts: Tensor | None = None,  # (S,): see `FoldTensors`
) -> Tensor:  # (m,), or (m, O)
    """The network's outputs for the windows that end at `ends`, in scaled units.

    For a network trained with loss `bce` these are logits.
    """
    network.eval()
    chunks = [
        network(windows(table, chunk, window, scale, offset, starts))
        for chunk in ends.split(_CHUNK)
    ]
    return torch.cat(chunks)


def windows(
    table: Tensor,  # (rows, F)
    ends: Tensor,  # (B,) int64
    window: int,
    scale: Tensor,  # (F,), or (S, F)
    offset: Tensor,  # (F,), or (S, F)
    starts: Tensor | None = None,  # (S,): see `FoldTensors`
) -> Tensor:  # (B, w, F)
    """The scaled windows of `window` rows that end at rows `ends`, oldest row first.

    On a CPU, raises IndexError for a window that begins before row 0.
    """
    rows = ends[:, None] + torch.arange(1 - window, 1, device=ends.device)  # (B, w)
    # embedding copies whole rows: 3 to 5 times as fast as table[rows] on a CPU.
    gathered = F.embedding(rows, table)
    if starts is not None:
        owners = torch.bucketize(ends, starts, right=True) - 1  # (B,)
        scale, offset = scale[owners, None], offset[owners, None]  # (B, 1, F)
    return torch.addcmul(offset, gathered, scale, out=gathered)


def build_optimizer(network: Network, settings: TrainingSettings) -> Optimizer:
    """Adam, whose decay is decoupled (AdamW), or SGD with momentum.

    SGD's decay is not decoupled in torch; for plain SGD the two are the same.
    """
    parameters = list(network.parameters())
    rate, decay = settings.learning_rate, settings.weight_decay
    fused = parameters[0].device.type in ("cpu", "cuda")
    if settings.optimizer == "adam":
        adam = Adam if fused else torch.optim.AdamW
        return adam(parameters, lr=rate, weight_decay=decay)
    sgd = SGD if fused else torch.optim.SGD
    return sgd(parameters, lr=rate, momentum=settings.momentum, weight_decay=decay)


def forced(settings: TrainingSettings, epoch: int) -> float:
    """How often a decoder is fed what came: `teacher_forcing` in epoch 1, falling to 0 in the last
    one along a line."""
    left = settings.epochs - epoch
    return settings.teacher_forcing * left / max(settings.epochs - 1, 1)


def _seed_dropout(seed: int, device: torch.device) -> None:
    # torch.manual_seed takes 0.1 ms even without a GPU: it keeps a stack trace for each.
    if device.type in ("cpu", "meta"):
        torch.default_generator.manual_seed(seed)
    else:
        torch.manual_seed(seed)


def _autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[object]:
    if precision == "bfloat16" and device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return contextlib.nullcontext()


def _steps(fold: FoldTensors, settings: TrainingSettings) -> int:
    return math.ceil(len(fold.train_ends) / settings.batch_size)


def _check_finite(epoch: int, what: str, losses: Sequence[float]) -> None:
    """Raise Diverged for a loss that is not finite; NaN stands for no rows in a refit."""
    for number, value in enumerate(losses, start=1):
        if not math.isfinite(value):
            raise Diverged(f"epoch {epoch}: the {what} loss of fold {number} is {value}")
