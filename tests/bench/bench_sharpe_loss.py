"""Does a network that is trained by the Sharpe ratio earn more than one that forecasts?

    python -m tests.bench.bench_sharpe_loss [--files 20] [--seed 1]

Files of 2,500 sessions: the return of a session hangs on one of five white inputs of the session
before with an R² of 0.05 (or 0), noise is t with 5 degrees of freedom. A network of 8 units with a
window of 3 is trained on the first 1,500 for 20 epochs, then holds positions on the last 1,000:

    mse          in proportion to the forecast, all of the capital at twice its usual size
    sharpe, B    tanh of the output; the loss is the negative Sharpe ratio of a batch of B sessions
                 in random order (Moody & Saffell 2001, Learning to trade via direct reinforcement;
                 Lim, Zohren & Roberts 2019, Enhancing time series momentum strategies using deep
                 neural networks)

Told are means over the files of the Sharpe ratio of a year, before costs and after 5 bp per side,
its spread over three seeds of one file, what is turned over a session, and the rank correlation of
output and return.
"""

import argparse
import time

import numpy as np
import torch
from scipy.stats import spearmanr

from rnnsearch.arrays import Floats
from rnnsearch.model.networks.network import build_network

TRAIN, TEST, WINDOW, EPOCHS, COST = 1500, 1000, 3, 20, 5e-4
LOSSES = (("mse", 64), ("mse", 512), ("sharpe", 64), ("sharpe", 512))
VOLATILITY = 0.01


def made(rng: np.random.Generator, r2: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Windows (n, w, 5) and the returns (n,) after them, in units of their deviation."""
    count = TRAIN + TEST
    inputs = rng.normal(size=(count + WINDOW, 5))
    noise = rng.standard_t(5, count) / np.sqrt(5 / 3)
    returns = np.sqrt(r2) * inputs[WINDOW - 1 : -1, 0] + np.sqrt(1 - r2) * noise
    rows = np.arange(count)[:, None] + np.arange(WINDOW)
    return torch.tensor(inputs[rows]).float(), torch.tensor(returns).float()


def positions(
    x: torch.Tensor, y: torch.Tensor, loss: str, batch: int, seed: int
) -> tuple[Floats, Floats]:
    """Outputs of the last rows, and what is held there."""
    network = build_network("lstm", 5, (8,), 0.0, seed=seed, device=torch.device("cpu"))
    optimizer = torch.optim.AdamW(network.parameters(), lr=5e-3, weight_decay=0.1)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(EPOCHS):
        for rows in torch.randperm(TRAIN, generator=generator).split(batch):
            said = network(x[rows])
            if loss == "mse":
                value = torch.nn.functional.mse_loss(said, y[rows])
            else:
                earned = torch.tanh(said) * y[rows]
                value = -earned.mean() / (earned.std() + 1e-6)
            optimizer.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
    with torch.no_grad():
        said, usual = network(x[TRAIN:]), network(x[:TRAIN]).abs().mean()
    held = torch.tanh(said) if loss == "sharpe" else torch.clamp(said / (2 * usual), -1, 1)
    return said.numpy().astype(float), held.numpy().astype(float)


def sharpe(earned: Floats) -> float:
    return float(np.sqrt(252) * earned.mean() / (earned.std() or 1.0))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(1)
    began = time.perf_counter()
    print("| R² | loss | before costs | at 5 bp | seeds differ by | turnover | rank correlation |")
    print("|---|---|---|---|---|---|---|")
    for r2 in (0.0, 0.05):
        rng = np.random.default_rng(given.seed)
        files = [made(rng, r2) for _ in range(given.files)]
        for loss, batch in LOSSES:
            rows = []
            for x, y in files:
                returns = VOLATILITY * y[TRAIN:].numpy().astype(float)
                seeds = []
                for seed in range(3):
                    said, held = positions(x, y, loss, batch, seed)
                    turned = np.abs(np.diff(held, prepend=0.0))
                    ranks = spearmanr(said, returns).statistic
                    earned = held * returns
                    after = sharpe(earned - COST * turned)
                    seeds.append((sharpe(earned), after, turned.mean(), ranks))
                every = np.array(seeds)
                rows.append([*every.mean(axis=0), every[:, 0].std(ddof=1)])
            before, after, turned_, ranks, differ = np.mean(rows, axis=0)
            error = np.std([row[0] for row in rows], ddof=1) / np.sqrt(len(rows))
            print(
                f"| {r2} | {loss}, {batch} | {before:+.2f} ({error:.2f}) | {after:+.2f} | "
                f"{differ:.2f} | {turned_:.2f} | {ranks:+.3f} |",
                flush=True,
            )
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
