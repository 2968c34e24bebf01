"""Take the README's pictures anew, in chromium: MLflow's linked view, a trial's curves, the page.

rnnsearch search quickstart --tracking http://127.0.0.1:5000     an MLflow server
rnnsearch evaluate quickstart --tracking http://127.0.0.1:5000   then `rnnsearch report`
python -m tests.bench.take_pictures http://127.0.0.1:5000 runs/quickstart.html
"""

import argparse
import tempfile
import time
from pathlib import Path

from mlflow import MlflowClient
from PIL import Image

from rnnsearch.tracking import TRIAL, runs_page
from rnnsearch.tracking.server import TRAINING
from tests.helpers.browser import Browser, browser

FOLDER = Path("docs/pictures")
STUDY = "quickstart"
DRAWN = "return document.documentElement.dataset.drawn"
ROWS = "return document.querySelectorAll('.ag-row [col-id=\"attributes.`Run Name`\"]').length > 10"
CURVES = "return document.querySelectorAll('.scatterlayer .js-line').length >= 5"
ASSISTANT = """
const button = document.querySelector('[data-component-id="mlflow.assistant.chat_panel.close"]')
if (button) button.click()
return button !== null
"""
"""Closes what MLflow opens beside the runs in a browser that is new to it."""
QUIET = """for (const one of document.querySelectorAll('.modebar-container')) one.remove()"""


def take(tab: Browser, name: str, width: int, height: int) -> None:
    """A picture with at most 256 colours, which is a third of the file."""
    path = FOLDER / name
    tab.screenshot(path, width, height)
    with Image.open(path) as image:
        image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size:,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("server")
    parser.add_argument("page", type=Path)
    given = parser.parse_args()
    client = MlflowClient(given.server)
    experiment = client.get_experiment_by_name(STUDY)
    assert experiment is not None, f"{given.server} has no study {STUDY}"
    best = client.search_runs(
        [experiment.experiment_id],
        f"tags.`{TRIAL}` != 'parent'",
        order_by=["metrics.gain DESC"],
        max_results=1,
    )[0]
    place = f"{given.server}/#/experiments/{experiment.experiment_id}"
    with tempfile.TemporaryDirectory() as profiles:
        with browser(1400, 1000, Path(profiles) / "wide") as tab:
            tab.open(runs_page(given.server, str(experiment.experiment_id)))
            tab.wait_for(ROWS, 120)
            tab.wait_for(ASSISTANT)
            time.sleep(2)
            take(tab, "mlflow-trials.png", 1400, 860)
            tab.open("about:blank")
            tab.open(f"{place}/runs/{best.info.run_id}/model-metrics?{TRAINING}")
            tab.wait_for(CURVES, 120)
            tab.run(QUIET)
            take(tab, "mlflow-curves.png", 1400, 860)
        for name, width, height in (
            ("report-desktop.png", 1280, 1580),
            ("report-phone.png", 360, 1280),
        ):
            with browser(width, height, Path(profiles) / name) as tab:
                tab.open(given.page.absolute())
                tab.wait_for(DRAWN)
                tab.run(QUIET)
                take(tab, name, width, height)


if __name__ == "__main__":
    main()
