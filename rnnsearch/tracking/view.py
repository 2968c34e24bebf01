"""How MLflow's page shows an experiment to whoever opens it by its link.

MLflow keeps the columns and the order that somebody has chosen in that person's browser. What is
shared is a tag of the experiment, named in the address (its own button "Share" makes such tags).
"""

import json

KEY = "rnnsearch"
"""The name of our view, in the tag and in the address."""

TAG = f"mlflow.sharedViewState.{KEY}"
KIND, TRAINING_KIND = "mlflow.experimentKind", "custom_model_development"
"""Without it MLflow guesses, and opens its pages for language models."""

METRICS = ("skill", "gain", "rmse", "directional_accuracy")
PARAMETERS = (
    "cell",
    "layers",
    "neurons",
    "window",
    "input_shift",
    "output_shift",
    "input_count",
    "epochs",
    "learning_rate",
)
TAGS = ("rnnsearch.state",)


def column(kind: str, name: str) -> str:
    """A column as MLflow's page names it."""
    return f"{kind}.`{name}`"


ORDER = column("metrics", "skill")


def tags() -> dict[str, str]:
    """Tags of an experiment whose link opens on its trials, the largest skill first."""
    columns = [
        *(column("metrics", name) for name in METRICS),
        *(column("params", name) for name in PARAMETERS),
        *(column("tags", name) for name in TAGS),
    ]
    state = {
        "orderByKey": ORDER,
        "orderByAsc": False,
        "selectedColumns": columns,
        "columnOrder": columns,
    }
    return {KIND: TRAINING_KIND, TAG: json.dumps(state)}
