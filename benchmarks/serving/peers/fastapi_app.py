"""What a careful engineer writes by hand: FastAPI, a typed body, the model's own call; no key and no log."""

import os
from typing import Any

import joblib
import numpy as np
from fastapi import FastAPI
from pydantic import create_model

MODEL = joblib.load(os.environ["MODEL"])
Row: Any = create_model("Row", **{f"f{i}": (float, ...) for i in range(20)})
app = FastAPI()


@app.post("/predict")
def predict(row: Row) -> dict[str, Any]:
    """One row, one answer."""
    p = MODEL.predict_proba(np.array([list(row.model_dump().values())]))[0]
    return {"label": int(p.argmax()), "probabilities": p.tolist()}
