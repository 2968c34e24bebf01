"""What denoising a price series as a whole does to a result: the same study, raw and denoised.

    python -m tests.bench.leak_demo [--trials 6]

Many published forecasts smooth the whole series first (a wavelet, a Savitzky-Golay filter) and
forecast the smooth one. Each smoothed price is then made of later prices too. Three figures show
what that is worth, on the S&P 500 that comes with the arch package:

    raw                 the study as it should be
    denoised            the same study on prices smoothed over the whole series
    denoised, as lived  the denoised study's champion on the same dates, but each forecast is made
                        from a file that ends at its origin and was smoothed there: what a user
                        would have had on that day, held against the next real price
"""

# ruff: noqa: E402 - the environment comes before the imports

import os

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnsearch.arrays import Floats
from rnnsearch.config import StudyFile, load_study
from rnnsearch.data.prices.load import read_prices
from rnnsearch.errors import DataError
from rnnsearch.model.forecasting.forecaster import Forecaster
from rnnsearch.prepare.canary import check_columns
from rnnsearch.search import searching as study_module
from rnnsearch.verdict.evaluation import champion_folder, evaluate
from tests.helpers.searches import Notes

WINDOW, ORDER = 11, 3  # of the Savitzky-Golay filter: five sessions ahead, five back
LIVED = 250  # of the test's last dates are forecast as lived
STUDY = """
[study]
name = "{name}"
trials = {trials}
seed = 1
[data]
path = "{name}.csv"
[space]
cell = ["lstm", "gru"]
layers = 1
neurons = [8, 16]
window = [10, 20]
epochs = {{ low = 5, high = 15 }}
batch_size = 128
learning_rate = {{ low = 1e-3, high = 1e-2, log = true }}
dropout = 0.0
input_shift = 0
output_shift = 1
[inputs]
indicators = "none"
search = "all"
[run]
engine = "inline"
device = "cpu"
"""
CANARY = f"""
import sys
import pandas as pd
from scipy.signal import savgol_filter
frame = pd.read_csv(sys.argv[1])
frame["smooth"] = savgol_filter(frame["Close"], {WINDOW}, {ORDER})
frame.to_csv(sys.argv[2], index=False)
"""


def smooth(close: Floats) -> Floats:
    from scipy.signal import savgol_filter

    return np.asarray(savgol_filter(close, WINDOW, ORDER))


def write(
    folder: Path, name: str, dates: pd.DatetimeIndex, close: Floats, trials: int
) -> StudyFile:
    pd.DataFrame({"Date": dates, "Close": close}).to_csv(folder / f"{name}.csv", index=False)
    path = folder / f"{name}.toml"
    path.write_text(STUDY.format(name=name, trials=trials), encoding="utf-8")
    return load_study(path)


def answer_of(study: StudyFile) -> dict[str, Any]:
    study_module.search(study, Notes())
    return evaluate(study, top=3, seeds=2, say=lambda text: None)


def skill_as_lived(study: StudyFile, folder: Path, dates: pd.DatetimeIndex, close: Floats) -> float:
    """Of forecasts from prices that were smoothed at each origin, held against real prices."""
    forecaster = Forecaster.load(champion_folder(study))
    errors, naive = [], []
    for target in range(len(close) - LIVED, len(close)):
        known = slice(max(0, target - 100), target)
        path = folder / "lived.csv"
        smoothed = smooth(close[:target])[known]
        pd.DataFrame({"Date": dates[known], "Close": smoothed}).to_csv(path, index=False)
        prices = read_prices(forecaster.data_section(path))
        said = forecaster.forecast(prices, origins=1)["forecast_return"].iloc[0]
        errors.append(np.log1p(said) - np.log(close[target] / close[target - 1]))
        naive.append(np.log(close[target] / close[target - 1]))
    return 1 - float(np.sqrt(np.mean(np.square(errors)) / np.mean(np.square(naive))))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="leak_demo", description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=6, help="of each study")
    wanted = parser.parse_args(arguments)
    from arch.data import sp500

    frame = sp500.load()
    dates, close = pd.DatetimeIndex(frame.index), frame["Close"].to_numpy(np.float64)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["RNNSEARCH_HOME"] = str(folder / "runs")
        raw = write(folder, "raw", dates, close, wanted.trials)
        denoised = write(folder, "denoised", dates, smooth(close), wanted.trials)
        for study in (raw, denoised):
            answer = answer_of(study)
            row = answer["table"][0]
            print(f"{study.name:<20} skill {row['skill']:+.4f}   ", answer["verdict"]["sentence"])
        lived = skill_as_lived(denoised, folder, dates, close)
        print(f"{'denoised, as lived':<20} skill {lived:+.4f}    (last {LIVED} dates, real prices)")
        script = folder / "denoise.py"
        script.write_text(CANARY, encoding="utf-8")
        print("\nrnnsearch check raw.toml --canary 'python denoise.py {input} {output}'")
        try:
            print(check_columns(raw, f"{sys.executable} {script} {{input}} {{output}}"))
        except DataError as error:
            print(error)


if __name__ == "__main__":
    main()
