"""A process that compiles this machine's kernels and tries them against torch.

    python -m rnnsearch.model.kernels.making FILE

Writes the object file, or ends with a reason and another exit code than 0.
"""

import sys
from itertools import product
from pathlib import Path

import torch

from rnnsearch.model.fold import FoldTensors, TrainingSettings
from rnnsearch.model.kernels.cache import host
from rnnsearch.model.kernels.codegen.building import compile_kernels
from rnnsearch.model.kernels.program import Machine
from rnnsearch.model.training import EpochResult, Trainer

TOLERANCE = 1e-4
"""Of losses and forecasts after two epochs; they differ by 1e-6 where all is right."""


def main() -> None:
    machine = host()
    code = compile_kernels(machine.width, machine.cpu, machine.features)
    torch.set_num_threads(1)
    if differences := differing(Machine(machine.width, code)):
        sys.exit(f"their results are not torch's: {'; '.join(differences)}")
    Path(sys.argv[1]).write_bytes(code)


def differing(machine: Machine) -> list[str]:
    """The cells that these kernels train otherwise than torch."""
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(150, 3, generator=generator)
    ends = torch.arange(20, 150)
    targets = (torch.randn(130, generator=generator) > 0).float()
    found = []
    cases = [*product(("bilstm", "bigru", "birnn"), ("mse", "bce"), (1,))]
    cases += [("bigru", loss, 2) for loss in ("mae", "huber", "quantile")]
    for cell, loss, count in cases:
        y = targets if count == 1 else torch.stack([targets, targets + 0.3], dim=1)
        fold = FoldTensors(torch.ones(3), torch.zeros(3), ends[:100], y[:100], ends[100:], y[100:])
        settings = TrainingSettings(
            cell=cell,
            neurons=(7, 5),
            dropout=0.2,
            window=6,
            epochs=2,
            batch_size=37,
            learning_rate=0.01,
            optimizer="adam" if loss == "mse" else "sgd",
            weight_decay=0.0,
            averaging=True,
            clip=1.0,
            seed=1,
            targets=count,
            quantiles=(0.1, 0.5, 0.7) if loss == "quantile" else (),
        )
        torchs, ours = (
            list(Trainer(table, [fold], settings, loss=loss, machine=which).run())
            for which in (None, machine)
        )
        if not all(map(_close, torchs, ours)):
            found.append(f"{cell}, {loss}")
    return found


def _close(one: EpochResult, two: EpochResult) -> bool:
    def numbers(result: EpochResult) -> torch.Tensor:
        sums = [*result.train_loss, *result.validation_loss, result.gradient_norm]
        return torch.cat([torch.tensor(sums), torch.from_numpy(result.forecasts[0]).flatten()])

    return torch.allclose(numbers(one), numbers(two), rtol=TOLERANCE, atol=TOLERANCE)


if __name__ == "__main__":
    main()
