"""1: one trial's training against a bare torch loop over windows that are there already.

Same network, sizes, steps, optimizer and clipping, one thread. The bare loop calls torch as its
manual does: it draws an order per epoch and picks its batches from a tensor of all scaled windows.
It averages no weights, as a trial does by default, and logs and checks nothing. Every
repeat builds both anew, as luck with memory addresses is worth some percent. Seconds are those of
the processor, which other programs disturb less.
"""

import time
from collections.abc import Iterator
from functools import partial

import torch
import torch.nn.functional as F

from rnnsearch.model.device import prepare_process
from rnnsearch.model.networks import build_network
from rnnsearch.model.training import (
    FoldTensors,
    Trainer,
    TrainingSettings,
    windows,
)
from tests.bench.measuring import Figure, figure, in_turn, ratios

CELLS, NEURONS = ("lstm", "gru", "bilstm"), (16, 32, 64, 128)
ROWS, INPUTS, WINDOW, BATCH = 1920, 10, 20, 32
CPU = torch.device("cpu")


def measure(quick: bool, repeats: int | None) -> Iterator[Figure]:
    prepare_process(CPU)
    for cell in CELLS:
        for neurons in NEURONS[:1] if quick else NEURONS:
            seconds = in_turn(
                repeats or (5 if quick else 15),
                ours=partial(_ours, _settings(cell, neurons)),
                bare=partial(_bare, _settings(cell, neurons)),
            )
            steps = ROWS // BATCH
            yield figure(
                1,
                f"{cell} {neurons}: our step rate / a bare loop's",
                ratios(seconds["bare"], seconds["ours"]),
                at_least=0.97,
            )
            per_step = [1e3 * value / steps for value in seconds["ours"]]
            yield figure(1, f"{cell} {neurons}: a step", per_step, "ms")


def _settings(cell: str, neurons: int) -> TrainingSettings:
    return TrainingSettings(
        cell=cell,
        neurons=(neurons, neurons),
        dropout=0.0,
        window=WINDOW,
        epochs=2,
        batch_size=BATCH,
        learning_rate=1e-3,
        optimizer="adam",
        weight_decay=0.1,
        averaging=True,
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


def _ours(settings: TrainingSettings) -> float:
    """Seconds of the second epoch: what is done once per process is over."""
    table, fold = _fold()
    epochs = Trainer(table, [fold], settings, loss="mse").run()
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
        for rows in torch.randperm(ROWS).split(BATCH):
            optimizer.zero_grad()
            F.mse_loss(network(x[rows]), y[rows]).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), settings.clip)
            optimizer.step()
    return time.process_time() - began
