"""1: one trial's training against a bare torch loop over windows that are there already.

Same network, sizes, steps, optimizer and clipping, one thread; by kernels, and by torch as where
there are none. The bare loop calls torch as its manual does: it draws an order per epoch and picks
its batches from a tensor of all scaled windows. It averages no weights, as a trial does by default,
and logs and checks nothing. (Its GRU is ours, which is faster than torch's on a CPU.) Every repeat
builds both anew, as luck with memory addresses is worth some percent. Seconds are those of the
processor, which other programs disturb less.

Then how much of what the core can do the products of a step take: its matrix products' operations
per second, against torch's best product of large matrices, and against fused products of registers
alone, which nothing can be faster than.
"""

import time
from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from llvmlite import binding, ir

from rnnsearch.model.device import prepare_process
from rnnsearch.model.fold import FoldTensors, TrainingSettings
from rnnsearch.model.kernels.cache import host, kernels_for
from rnnsearch.model.kernels.codegen.building import compiled
from rnnsearch.model.kernels.codegen.code import Code, Variable
from rnnsearch.model.kernels.program import Machine, function, linked
from rnnsearch.model.networks.network import build_network
from rnnsearch.model.training import Trainer, windows
from tests.bench.measuring import KERNELS, Figure, figure, in_turn, ratios

REACH = {
    "lstm": {8: 4.0, 16: 4.0, 32: 3.0, 64: 2.0, 128: 1.6},
    "gru": {8: 6.0, 16: 6.0, 32: 4.0, 64: 2.0, 128: 1.6},
    "bilstm": {8: 4.0, 16: 4.0, 32: 2.5, 64: 2.0, 128: 1.6},
}
TORCH = 32  # neurons at which torch's own path is measured, too
PEAK = ("lstm", "gru"), 64, 64  # cells, neurons, batch
ROWS, INPUTS, WINDOW, BATCH = 1920, 10, 20, 32
CPU = torch.device("cpu")


def measure(quick: bool, repeats: int | None) -> Iterator[Figure]:
    prepare_process(CPU)
    machine = kernels_for("auto", CPU, KERNELS, say=print)
    for cell, reach in REACH.items():
        for neurons, at_least in reach.items():
            if quick and neurons not in (16, TORCH):
                continue
            settings = _settings(cell, neurons, BATCH)
            seconds = in_turn(
                repeats or (5 if quick else 15),
                ours=partial(_ours, settings, machine),
                bare=partial(_bare, settings),
                **({"torch": partial(_ours, settings, None)} if neurons == TORCH else {}),
            )
            yield figure(
                1,
                f"{cell} {neurons}: our step rate / a bare loop's",
                ratios(seconds["bare"], seconds["ours"]),
                at_least=at_least,
            )
            if neurons == TORCH:
                yield figure(
                    1,
                    f'{cell} {neurons}: the same with kernels = "torch"',
                    ratios(seconds["bare"], seconds["torch"]),
                    at_least=0.97,
                )
    if machine is not None:
        yield from _shares(machine, repeats or (3 if quick else 9))


def _shares(machine: Machine, repeats: int) -> Iterator[Figure]:
    """What a core does per second in a step, as shares of what it can do."""
    cells, neurons, batch = PEAK
    fused = _Fused()
    for cell in cells:
        settings = _settings(cell, neurons, batch)
        work = _operations(cell, neurons) * ROWS
        rates = in_turn(
            repeats,
            ours=lambda settings=settings, work=work: work / _ours(settings, machine),  # type: ignore[misc]
            product=_product,
            fused=fused.rate,
        )
        name = f"{cell} {neurons}, batch {batch}: a step's products / "
        yield figure(1, f"{name}torch's", ratios(rates["ours"], rates["product"]), at_least=0.6)
        yield figure(1, f"{name}what registers allow", ratios(rates["ours"], rates["fused"]))


def _operations(cell: str, neurons: int) -> int:
    """Floating-point operations of the matrix products of a window, there and back, two layers."""
    gates = {"lstm": 4, "gru": 3}[cell]
    total = 0
    for inputs, ways in ((INPUTS, 2), (neurons, 3)):  # nobody asks for the inputs' gradients
        total += 2 * gates * neurons * WINDOW * (ways * inputs + 3 * neurons)
    return total


def _product(size: int = 1024) -> float:
    """Operations per second of torch's product of two matrices."""
    a = torch.ones(size, size)
    began = time.process_time()
    for _ in range(4):
        a @ a
    return 4 * 2 * size**3 / (time.process_time() - began)


class _Fused:
    """As many products in flight as there are registers for their sums, and nothing else."""

    sums, times = 16, 500_000

    def __init__(self) -> None:
        machine = host()
        self._lanes = machine.width.lanes
        module = ir.Module(name="fused")
        module.triple = binding.get_process_triple()
        code = Code(module, "fused", self._lanes)
        out, count = code.word(1), code.word(2)
        sums = self.sums if self._lanes != 8 else 12
        factor = code.spread_from(out, 0)
        variables = [Variable(code, code.constant(float(number))) for number in range(sums)]
        with code.loop(count):
            for variable in variables:
                variable.set(code.fma(variable.get(), factor, factor))
        for number, variable in enumerate(variables):
            code.store(out, number * self._lanes, variable.get())
        code.done()
        self._count = sums
        made = compiled(module, machine.cpu, machine.features)
        addresses, self._memory = linked(made, ["fused"])
        self._run = function(addresses["fused"])

    def rate(self) -> float:
        out = np.full(self._count * self._lanes, 0.5, np.float32)
        row = np.array([0, out.ctypes.data, self.times], np.int64)
        began = time.process_time()
        self._run(row.ctypes.data)
        return 2 * self._count * self._lanes * self.times / (time.process_time() - began)


def _settings(cell: str, neurons: int, batch: int) -> TrainingSettings:
    return TrainingSettings(
        cell=cell,
        neurons=(neurons, neurons),
        dropout=0.0,
        window=WINDOW,
        epochs=2,
        batch_size=batch,
        learning_rate=1e-3,
        optimizer="adam",
        weight_decay=0.1,
        averaging=True,
        clip=1.0,
        seed=0,
    )


def _fold() -> tuple[torch.Tensor, FoldTensors]:
    generator = torch.Generator().manual_seed(1)
    table = torch.randn(ROWS + WINDOW, INPUTS, generator=generator)
    ends = torch.arange(WINDOW, WINDOW + ROWS)
    targets = torch.randn(ROWS, generator=generator)
    nothing = torch.empty(0)
    scale, offset = torch.ones(INPUTS), torch.zeros(INPUTS)
    return table, FoldTensors(scale, offset, ends, targets, ends[:0], nothing)


def _ours(settings: TrainingSettings, machine: Machine | None) -> float:
    """Seconds of the second epoch: what is done once per process is over."""
    table, fold = _fold()
    epochs = Trainer(table, [fold], settings, loss="mse", machine=machine).run()
    next(epochs)
    began = time.process_time()
    next(epochs)
    return time.process_time() - began


def _bare(settings: TrainingSettings) -> float:
    table, fold = _fold()
    x = windows(table, fold.train_ends, WINDOW, fold.scale, fold.offset)
    y = fold.train_targets
    network = build_network(settings.cell, INPUTS, settings.neurons, 0.0, seed=0, device=CPU)
    optimizer = torch.optim.AdamW(
        network.parameters(),
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    network.train()
    for _ in range(settings.epochs):
        began = time.process_time()
        for rows in torch.randperm(ROWS).split(settings.batch_size):
            optimizer.zero_grad()
            F.mse_loss(network(x[rows]), y[rows]).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
            optimizer.step()
    return time.process_time() - began
