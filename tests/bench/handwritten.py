"""The search a careful user writes by hand, for `make bench-script` to measure itself against.

    python -m tests.bench.handwritten STUDY.toml FOLDER --trials N [--parameters FILE.json]

Optuna on SQLite, a DataLoader, an MLflow run per trial with a call per epoch and metric, torch's
own number of threads, no pruning. The space and the rows of every fold are those of the study
file. `--parameters` names a list of trials to try instead of what the sampler proposes.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import optuna
import torch
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from rnnsearch.config import load_study
from rnnsearch.search.problem import Problem


class Net(nn.Module):
    def __init__(self, params: dict[str, Any], inputs: int) -> None:
        super().__init__()
        cell = {"lstm": nn.LSTM, "gru": nn.GRU}[params["cell"]]
        layers, neurons = params["layers"], params["neurons"]
        dropout = params["dropout"] if layers > 1 else 0.0
        self.rnn = cell(inputs, neurons, layers, batch_first=True, dropout=dropout)
        self.head = nn.Linear(neurons, 1)

    def forward(self, x: Tensor) -> Tensor:
        output, _ = self.rnn(x)
        forecast: Tensor = self.head(output[:, -1]).squeeze(1)
        return forecast


def suggest(trial: optuna.Trial, space: Any) -> dict[str, Any]:
    def number(name: str, kind: Any) -> Any:
        wanted = getattr(space, name)
        return kind(name, wanted.low, wanted.high, log=wanted.log)

    return {
        "cell": trial.suggest_categorical("cell", space.cell),
        "layers": number("layers", trial.suggest_int),
        "neurons": number("neurons", trial.suggest_int),
        "window": number("window", trial.suggest_int),
        "epochs": number("epochs", trial.suggest_int),
        "batch_size": trial.suggest_categorical("batch_size", space.batch_size),
        "learning_rate": number("learning_rate", trial.suggest_float),
        "weight_decay": number("weight_decay", trial.suggest_float),
        "dropout": trial.suggest_categorical("dropout", space.dropout),
    }


def fold_data(problem: Problem, fold: Any, window: int) -> tuple[Tensor, ...]:
    values, close = problem.table.values, problem.prices.close
    scaler = StandardScaler().fit(values[fold.history])
    scaled = scaler.transform(values).astype(np.float32)
    windows = sliding_window_view(scaled, window, axis=0).transpose(0, 2, 1)

    def xy(rows: Any) -> tuple[Tensor, Tensor]:
        x = np.ascontiguousarray(windows[rows - 1 - window + 1])  # the window ends a row earlier
        y = np.log(close[rows] / close[rows - 1])
        return torch.from_numpy(x), torch.from_numpy(y.astype(np.float32))

    return *xy(fold.train), *xy(fold.validation)


def train_fold(params: dict[str, Any], data: tuple[Tensor, ...], name: str, clip: float) -> float:
    x, y, val_x, val_y = data
    scale = y.square().mean().sqrt()
    loader = DataLoader(TensorDataset(x, y / scale), params["batch_size"], shuffle=True)
    net = Net(params, x.shape[2])
    optimizer = torch.optim.AdamW(
        net.parameters(), lr=params["learning_rate"], weight_decay=params["weight_decay"]
    )
    loss_fn = nn.MSELoss()
    skill = 0.0
    for epoch in range(params["epochs"]):
        net.train()
        total = 0.0
        for batch_x, batch_y in loader:
            optimizer.zero_grad()
            loss = loss_fn(net(batch_x), batch_y)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), clip)
            optimizer.step()
            total += loss.item() * len(batch_x)
        net.eval()
        with torch.no_grad():
            forecast = net(val_x) * scale
        error = (forecast - val_y).square().mean().sqrt()
        skill = float(1 - error / val_y.square().mean().sqrt())
        mlflow.log_metric(f"{name}_train_loss", total / len(x), step=epoch)
        mlflow.log_metric(f"{name}_skill", skill, step=epoch)
    return skill


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("study", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--trials", type=int, required=True)
    parser.add_argument("--parameters", type=Path)
    asked = parser.parse_args()
    settings = load_study(asked.study)
    problem = Problem.load(settings)
    mlflow.set_tracking_uri(f"sqlite:///{asked.folder / 'mlflow.db'}")
    mlflow.set_experiment("by hand")
    study = optuna.create_study(
        storage=f"sqlite:///{asked.folder / 'optuna.db'}",
        study_name="by hand",
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=settings.study.seed),
    )
    if asked.parameters:
        for params in json.loads(asked.parameters.read_text()):
            study.enqueue_trial(params)

    def objective(trial: optuna.Trial) -> float:
        params = suggest(trial, settings.space)
        torch.manual_seed(settings.study.seed)
        with mlflow.start_run(run_name=f"trial {trial.number}"):
            mlflow.log_params(params)
            skills = [
                train_fold(
                    params,
                    fold_data(problem, fold, params["window"]),
                    f"fold{number}",
                    settings.space.clip,
                )
                for number, fold in enumerate(problem.split.folds)
            ]
            mlflow.log_metric("skill", float(np.mean(skills)))
        return float(np.mean(skills))

    study.optimize(objective, n_trials=asked.trials)


if __name__ == "__main__":
    main()
