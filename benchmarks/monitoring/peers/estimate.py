"""Ask NannyML for estimates of windows; run in the peers' environment, prints JSON."""

import json
import os
import sys
import time
from importlib import import_module
from typing import Any

import pandas as pd

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"


def estimated(kind: str, place: str, reference: int, window: int) -> dict[str, Any]:
    """Estimates of windows with their intervals, and processor seconds."""
    nml = import_module("nannyml")
    rows = pd.read_parquet(f"{place}/rows.parquet")
    usual, now = rows[:reference], rows[reference:].drop(columns="truth").reset_index(drop=True)
    if kind == "cbpe":
        metric = "accuracy"
        estimator = nml.CBPE(
            y_pred_proba="answer",
            y_pred="label",
            y_true="truth",
            problem_type="classification_binary",
            metrics=[metric],
            chunk_size=window,
        )
    else:
        metric = "mae"
        estimator = nml.DLE(
            feature_column_names=[one for one in rows if one not in {"answer", "truth", "label"}],
            y_pred="answer",
            y_true="truth",
            metrics=[metric],
            chunk_size=window,
        )
    begun = time.process_time()
    estimator.fit(usual)
    fitted = time.process_time()
    found = estimator.estimate(now).filter(period="analysis").to_df()[metric]
    ended = time.process_time()
    return {
        "value": found["value"].tolist(),
        "low": found["lower_confidence_boundary"].tolist(),
        "high": found["upper_confidence_boundary"].tolist(),
        "fit": fitted - begun,
        "estimate": ended - fitted,
    }


if __name__ == "__main__":
    kind, place, reference, window = sys.argv[1:]
    print(json.dumps(estimated(kind, place, int(reference), int(window))))
