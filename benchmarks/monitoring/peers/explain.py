"""Explains rows of a model with shap, in an environment of its own: ``explain.py FOLDER EXPLAINER``.

The folder has ``model.joblib`` and ``rows.npz`` (``background``, ``rows``). Values are written to
``values.npy``, (rows, inputs, outputs); ``{"cpu": seconds, "import": seconds, "evaluations": rows}`` is the
last line of the output. Of processor time and evaluations it says what one row costs.
"""

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from typing import Any


def main(folder: str, explainer: str) -> None:
    """Explain all rows, one after the other."""
    begun = time.process_time()
    import joblib
    import numpy as np

    shap: Any = import_module("shap")

    imported = time.process_time() - begun
    model: Any = joblib.load(f"{folder}/model.joblib")
    given = np.load(f"{folder}/rows.npz")
    background, rows = given["background"], given["rows"]
    inputs, asked = background.shape[1], 0

    def answer(some: Any) -> Any:
        nonlocal asked
        asked += len(some)
        return model.predict_proba(some)

    masker = shap.maskers.Independent(background, max_samples=len(background))
    explain: Callable[[Any], Any] = {
        "exact": lambda row: shap.ExactExplainer(answer, masker)(row).values,
        "permutation": lambda row: shap.PermutationExplainer(answer, masker, seed=0)(row).values,
        "kernel": lambda row: shap.KernelExplainer(answer, background).shap_values(row, silent=True),
        "whole-kernel": lambda row: shap.KernelExplainer(answer, background).shap_values(
            row, silent=True, nsamples=2**inputs, l1_reg=False
        ),
        "tree": lambda row: shap.TreeExplainer(model, background).shap_values(row),
    }[explainer]
    explain(rows[:1])  # what is compiled, is compiled now
    asked, begun = 0, time.process_time()
    values = np.concatenate([explain(rows[at : at + 1]) for at in range(len(rows))])
    spent = time.process_time() - begun
    np.save(f"{folder}/values.npy", values)
    print(json.dumps({"cpu": spent / len(rows), "import": imported, "evaluations": asked / len(rows)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
