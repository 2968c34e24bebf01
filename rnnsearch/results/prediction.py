"""What the champion says about tomorrow."""

from pathlib import Path
from typing import Any

import pandas as pd

from rnnsearch.config import StudyFile
from rnnsearch.data.prices import read_prices
from rnnsearch.errors import NoTrialError
from rnnsearch.model.forecaster import Forecaster
from rnnsearch.results.evaluation import champion_folder
from rnnsearch.search.store import Store


def predict(
    study: StudyFile, *, data: Path | None = None, origins: int | None = None, level: float = 0.9
) -> dict[str, Any]:
    """Dated forecasts of the study's champion, from the study's data or from `data`; plain JSON.

    Keys: study, champion (trial number), level, forecasts (rows of `Forecaster.forecast`), notes,
    verdict (the sentence of the last evaluation). Raises NoTrialError before `evaluate`.
    """
    folder = champion_folder(study)
    if not (folder / "forecaster.json").exists():
        raise NoTrialError(
            f"{study.name}: there is no champion yet; run `rnnsearch evaluate` first"
        )
    evaluation = Store(study, create=False).study.user_attrs.get("evaluation")
    forecaster = Forecaster.load(folder)
    section = study.data if data is None else forecaster.data_section(data.absolute())
    prices = read_prices(section)
    frame = forecaster.forecast(prices, origins=origins, level=level)
    for column in ("origin_date", "target_date"):
        frame[column] = pd.to_datetime(frame[column]).dt.strftime("%Y-%m-%d")
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return {
        "study": study.name,
        "champion": forecaster.spec.trial,
        "level": level,
        "forecasts": rows,
        "notes": forecaster.notes(prices),
        "verdict": evaluation["verdict"]["sentence"] if evaluation else "",
    }
