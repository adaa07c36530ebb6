"""A model of one's own: any Python class with ``predict``.

This one needs nothing but Python. It scores the risk that an order is a fraud by a table of weights that lies
beside it. Deploy the folder::

    konan deploy orders examples/python_class --data examples/python_class/orders.csv
    konan predict orders --row '{"amount": 900, "country": "NO", "first_order": true}'

A class that would rather have its rows as a pandas data frame says ``input = "frame"``. Packages that it
imports are found by reading it; a ``requirements.txt`` in the folder says otherwise.
"""

import json
import math
from pathlib import Path
from typing import Any


class Model:
    """Logistic regression by hand."""

    def load(self, path: str) -> None:
        """Read the weights; ``path`` is the folder with this file. Called once, before any row."""
        self.weights: dict[str, float] = json.loads((Path(path) / "weights.json").read_text(encoding="utf-8"))

    def predict(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One answer for each row, anything that can be written as JSON."""
        return [self.answer(row) for row in rows]

    def answer(self, row: dict[str, Any]) -> dict[str, Any]:
        """The risk of one order, and what to do with it."""
        score = self.weights["bias"] + self.weights["amount"] * (row["amount"] or 0.0)
        score += self.weights.get(f"country={row['country']}", 0.0)
        score += self.weights["first_order"] if row["first_order"] else 0.0
        risk = 1 / (1 + math.exp(-score))
        return {"risk": round(risk, 4), "review": risk > 0.5}
