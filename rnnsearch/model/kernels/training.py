"""Epochs of a fold, and forecasts, by kernels: what `model.training` does with torch.

    n  training rows      m  validation rows      O  outputs      G  targets of a row

Same weights, order of rows, masks of dropout, clipping, optimizer and averages; results differ in
the last digits, as sums are added in another order.
"""

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rnnsearch.model.kernels.fold import Allocate, Passes, State, Workspace, aligned, blocks
from rnnsearch.model.kernels.layout import Floats, Layout, layout_of
from rnnsearch.model.kernels.program import Given, Machine, Program
from rnnsearch.model.losses import LOSSES, Levels, Loss
from rnnsearch.model.networks.network import Network
from rnnsearch.model.optimizers import average_share

if TYPE_CHECKING:
    from rnnsearch.model.fold import FoldTensors, TrainingSettings

BETAS = 0.9, 0.999


def begin(
    machine: Machine,
    network: Network,
    table: Tensor,  # (rows, F)
    folds: Sequence["FoldTensors"],
    settings: "TrainingSettings",
    *,
    loss: str,  # of `losses.LOSSES`
    allocate: Allocate = aligned,
) -> tuple["KernelFold", ...] | None:
    """The folds in training, each begun with the network's weights.

    None for what the kernels do not do, which is torch's then: other cells than `cells.CELLS`,
    other devices than a CPU, batches in parts, decoders.
    """
    layout = layout_of(network, machine.width)
    if layout is None or table.device.type != "cpu" or settings.accumulate > 1:
        return None
    space = Workspace(
        layout,
        machine,
        settings.window,
        training=True,
        dropout=settings.dropout > 0,
        ordered=LOSSES[loss].quantiles,
        batch_size=settings.batch_size,
        allocate=allocate,
    )
    return tuple(
        KernelFold(network, space, table, fold, settings, loss=LOSSES[loss], allocate=allocate)
        for fold in folds
    )


class Rows:
    """What windows are made of: a table, and how a fold scales its columns, or those of each of the
    series that begin at `starts`."""

    def __init__(
        self,
        table: Tensor,
        scale: Tensor,
        offset: Tensor,
        window: int,
        starts: Tensor | None = None,
    ) -> None:
        self.table, self.scale, self.offset = (
            tensor.contiguous().numpy() for tensor in (table, scale, offset)
        )
        self.window = window
        self._starts = None if starts is None else starts.numpy()
        if self._starts is not None and len(self._starts) != len(self.scale):
            raise ValueError(f"{len(self._starts)} series have {len(self.scale)} scalers")

    def checked(self, ends: Tensor) -> NDArray[np.int64]:  # (n,)
        """The windows' last rows. Raises IndexError for a window that is not in the table."""
        found: NDArray[np.int64] = ends.contiguous().numpy()
        if len(found) and not self.window - 1 <= found.min() <= found.max() < len(self.table):
            raise IndexError(
                f"windows of {self.window} rows that end at rows {found.min()} to {found.max()} "
                f"are not all in a table of {len(self.table)}"
            )
        return found

    def scalers(self, ends: NDArray[np.int64]) -> NDArray[np.int64]:  # (n,)
        """Where in `scale` and `offset` the numbers of each window begin."""
        if self._starts is None:
            return np.zeros(len(ends), np.int64)
        owners = np.searchsorted(self._starts, ends, side="right") - 1
        places: NDArray[np.int64] = (owners * self.table.shape[1]).astype(np.int64)
        return places


class Forecasting:
    """The outputs of a network for windows that stay the same.

    What only the way back needs is not saved: one session's places are used for all.
    """

    def __init__(
        self, network: Network, space: Workspace, weights: Floats, rows: Rows, ends: Tensor
    ) -> None:
        self._ends, count, size = rows.checked(ends), len(ends), space.machine.width.rows
        self._scalers = rows.scalers(self._ends)
        self._state, self._count, self._forecast = State(), count, network.forecast
        self._outputs = np.empty((space.layout.outputs, count + size), np.float32)
        passes = Passes(space, weights, self._state, training=False)
        self._programs: list[tuple[Program, int]] = []
        for batch, times in ((size, count // size), (count % size, 1)):
            if not batch or not times:
                continue
            program = Program(space.machine)
            for block in blocks(space.machine.width, batch):
                passes.gather(program, block, rows.table, rows.scale, rows.offset)
                for layer in range(len(space.layout.layers)):
                    passes.forward(program, block, layer)
                program.add(
                    f"output_{block.vectors}", **passes.head(block), output_step=count + size
                )
            program.add("advance", state=self._state.words, rows=batch)
            self._programs.append((program, times))

    def outputs(self) -> Tensor:  # (m,), or (m, O)
        self._state.begin(self._ends, self._scalers, outputs=self._outputs)
        for program, times in self._programs:
            program.run(times)
        said = self._outputs[:, : self._count].T.copy(order="C")
        return self._forecast(torch.from_numpy(said))


class Outputs:
    """What `network(x)` is, by kernels, for x (B, w, F) of one shape."""

    def __init__(self, network: Network, machine: Machine, layout: Layout, like: Tensor) -> None:
        count, window, inputs = like.shape
        self._table = torch.empty(count * window, inputs)  # the windows, one after the other
        weights = aligned(layout.size)
        layout.pack(network, weights)
        self._forecasting = Forecasting(
            network,
            Workspace(layout, machine, window, training=False),
            weights,
            Rows(self._table, torch.ones(inputs), torch.zeros(inputs), window),
            torch.arange(window - 1, count * window, window),
        )

    def __call__(self, x: Tensor) -> Tensor:  # (B, w, F) -> (B,), or (B, O)
        self._table.copy_(x.reshape(self._table.shape))
        return self._forecasting.outputs()


def outputs_of(
    network: Network, machine: Machine, like: Tensor
) -> Callable[[Tensor], Tensor]:  # (B, w, F) -> (B,), or (B, O)
    """A network that only forecasts, for windows x of the shape `like` has."""
    layout = layout_of(network, machine.width)
    if layout is None or like.device.type != "cpu":
        return network.eval()
    return Outputs(network, machine, layout, like)


class KernelFold:
    """See `model.training.FoldTraining`."""

    def __init__(
        self,
        network: Network,
        space: Workspace,
        table: Tensor,
        fold: "FoldTensors",
        settings: "TrainingSettings",
        *,
        loss: Loss,
        allocate: Allocate = aligned,
    ) -> None:
        layout = space.layout
        self._begun = network
        self._space, self._settings, self._loss = space, settings, loss
        self._rows = Rows(table, fold.scale, fold.offset, settings.window, fold.starts)
        self._ends = torch.from_numpy(self._rows.checked(fold.train_ends))
        self._scalers = torch.from_numpy(self._rows.scalers(self._ends.numpy()))
        self._targets = fold.train_targets.reshape(len(self._ends), -1).T.contiguous()  # (G, n)
        self.weights, self._gradients = allocate(layout.size), allocate(layout.size)
        self._moments = [allocate(layout.size) for _ in range(2 if self._adam else 1)]
        layout.pack(network, self.weights)
        self.averages = self.weights
        if settings.averaging:
            self.averages = allocate(layout.size)
            self.averages[:] = self.weights
        ends = fold.validation_ends
        self._forecasting = Forecasting(network, space, self.averages, self._rows, ends)
        self._state = State()
        count, batch = len(self._ends), settings.batch_size
        steps = -(-count // batch)
        self._rates, self._roots, self._shares = (np.zeros(steps, np.float32) for _ in range(3))
        self._padded = np.zeros((len(self._targets), count + space.machine.width.rows), np.float32)
        self._order = _order(settings.quantiles, allocate) if loss.quantiles else {}
        self._programs = [
            (self._program(size), self._masks(size), times)
            for size, times in ((batch, count // batch), (count % batch, 1))
            if size and times
        ]

    @property
    def network(self) -> Network:
        """A copy with the weights of now."""
        network = copy.deepcopy(self._begun)
        self._space.layout.unpack(self.averages, network)
        return network

    def outputs(self) -> Tensor:  # (m,), or (m, O)
        return self._forecasting.outputs()

    def train(self, order: Tensor, steps_before: int) -> Tensor:
        self._schedule(steps_before)
        # index_select takes half of the time of brackets.
        ends, scalers = (w.index_select(0, order).numpy() for w in (self._ends, self._scalers))
        self._padded[:, : len(ends)] = self._targets.index_select(1, order).numpy()
        self._state.begin(ends, scalers, targets=self._padded)
        kept = 1 - self._settings.dropout
        for program, masks, times in self._programs:
            if not masks:
                program.run(times)
                continue
            for _ in range(times):
                for mask in masks:
                    mask.bernoulli_(kept)
                program.run()
        return torch.tensor(self._state.sums, dtype=torch.float64)

    @property
    def _adam(self) -> bool:
        return self._settings.optimizer == "adam"

    def _schedule(self, before: int) -> None:
        """What changes from step to step."""
        steps = np.arange(before + 1, before + 1 + len(self._rates))
        first, second = BETAS
        self._rates[:] = self._settings.learning_rate / (1 - first**steps)
        self._roots[:] = 1 / np.sqrt(1 - second**steps)
        if self._settings.averaging:
            self._shares[:] = [average_share(step) for step in steps.tolist()]

    def _masks(self, batch: int) -> list[Tensor]:
        """Where dropout's masks are drawn: (B, w, D * N), laid out as torch's states are."""
        found = []
        space, layout = self._space, self._space.layout
        for drawn, neurons in zip(space.drawn, layout.neurons, strict=False):
            columns = layout.directions * neurons
            some = torch.from_numpy(drawn)[: space.window * batch * columns]
            found.append(some.view(space.window, batch, columns).transpose(0, 1))
        return found

    def _program(self, batch: int) -> Program:
        """One step."""
        space, state = self._space, self._state.words
        rows, gw, layers = self._rows, self._gradients, range(len(space.layout.layers))
        program = Program(space.machine)
        passes = Passes(space, self.weights, self._state, training=True)
        for block in blocks(space.machine.width, batch):
            passes.gather(program, block, rows.table, rows.scale, rows.offset)
            for layer in layers:
                if layer and space.masks:
                    passes.mask(program, block, layer, batch, 1 / (1 - self._settings.dropout))
                passes.forward(program, block, layer)
            program.add(
                f"{self._loss.name}_{block.vectors}",
                **passes.head(block),
                **self._order,
                gw=gw[space.layout.head :],
                gbias=gw[space.layout.bias :],
                g=space.g,
                y=space.y,
                G=len(self._padded),
                target_step=self._padded.shape[1],
                count=block.count,
                share=1.0 / (batch * space.layout.outputs),
            )
            for layer in reversed(layers):
                passes.backward(program, block, layer, gw)
                if layer and space.masks:
                    passes.unmask(program, block, layer)
        self._add_optimizer(program)
        if self._settings.averaging:
            program.add(
                "average",
                averages=self.averages,
                w=self.weights,
                count=space.layout.size,
                shares=self._shares,
                state=state,
            )
        program.add("advance", state=state, rows=batch)
        return program

    def _add_optimizer(self, program: Program) -> None:
        settings, moments = self._settings, self._moments
        rate, decay = float(settings.learning_rate), float(settings.weight_decay)
        common: dict[str, Given] = {
            "w": self.weights,
            "gw": self._gradients,
            "count": self._space.layout.size,
            "state": self._state.words,
            "limit": float(settings.clip),
        }
        if self._adam:
            program.add(
                "adam",
                **common,
                mean=moments[0],
                square=moments[1],
                rates=self._rates,
                roots=self._roots,
                kept=1 - rate * decay,
            )
        else:
            momentum = float(settings.momentum)
            program.add(
                "sgd", **common, buffer=moments[0], rate=rate, momentum=momentum, decay=decay
            )


def _order(quantiles: tuple[float, ...], allocate: Allocate) -> dict[str, Given]:
    """What puts quantiles in order: see `losses.Levels`."""
    known = Levels(quantiles)
    levels, gaps = allocate(len(quantiles)), allocate(len(quantiles))
    levels[:], gaps[:] = known.values, known.gaps
    return {"levels": levels, "gaps": gaps, "middle": known.middle}
