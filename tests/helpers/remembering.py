"""A task that needs memory over 40 sessions: what was marked has to be said until the next mark."""

import numpy as np
import torch

from rnnsearch.model.fold import FoldTensors, TrainingSettings
from rnnsearch.model.training import Trainer

WINDOW = 45
FAR = 30
"""Sessions back from which on a mark is far."""


def marked(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inputs (rows, 2): noise, and 1 where it is marked, 0 elsewhere; the noise that was marked
    last (rows,), and how many sessions ago that was. Marks are 1 to 44 sessions apart."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=rows)
    marks = np.zeros(rows)
    at = 0
    while at < rows:
        marks[at] = 1
        at += int(rng.integers(1, WINDOW))
    last = np.maximum.accumulate(np.where(marks == 1, np.arange(rows), 0))
    inputs = np.stack([values, marks], axis=1).astype(np.float32)
    return inputs, values[last].astype(np.float32), np.arange(rows) - last


def trained(cell: str, *, rows: int = 4_000, epochs: int = 30, seed: int = 0, neurons: int = 16):
    """(trainer, share of the far targets' variance that is explained, windows that end far)."""
    inputs, targets, ago = marked(rows, seed)
    first, cut = WINDOW - 1, int(0.8 * rows)
    train, later = np.arange(first, cut), np.arange(cut, rows)
    table = torch.from_numpy(inputs)
    fold = FoldTensors(
        scale=torch.ones(2),
        offset=torch.zeros(2),
        train_ends=torch.from_numpy(train),
        train_targets=torch.from_numpy(targets[train]),
        validation_ends=torch.from_numpy(later),
        validation_targets=torch.from_numpy(targets[later]),
    )
    settings = TrainingSettings(
        neurons=(neurons,),
        dropout=0.0,
        window=WINDOW,
        epochs=epochs,
        batch_size=64,
        learning_rate=0.01,
        optimizer="adam",
        weight_decay=0.0,
        averaging=False,
        clip=1.0,
        cell=cell,
        seed=seed,
    )
    trainer = Trainer(table, [fold], settings, loss="mse")
    *_, last = trainer.run()
    far = ago[later] >= FAR
    error = np.mean((last.forecasts[0][far] - targets[later][far]) ** 2)
    windows = table.unfold(0, WINDOW, 1).transpose(1, 2)[later[far] - first]
    return trainer.networks[0], 1 - float(error), windows
