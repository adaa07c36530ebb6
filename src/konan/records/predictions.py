"""What a model answered, and the truth that comes later, as a caller sees them."""

from typing import Any

import msgspec


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """One answer for one row.

    Attributes:
        id: UUIDv7; ground truth and the log refer to it.
        deployment: name of the deployment.
        version: number of the version that answered.
        output: ``{"label", "probabilities"}`` of a classifier, ``{"value"}`` of a regressor, else
            whatever the model returned.
    """

    id: str
    deployment: str
    version: int
    output: Any

    @property
    def value(self) -> Any:
        """A regressor's value.

        >>> Prediction(id="", deployment="bikes", version=1, output={"value": 3.5}).value
        3.5

        Raises:
            KeyError: the model is no regressor.
        """
        return self._field("value")

    @property
    def label(self) -> Any:
        """A classifier's label.

        Raises:
            KeyError: the model is no classifier.
        """
        return self._field("label")

    @property
    def probabilities(self) -> dict[str, float]:
        """A classifier's probability of each class, by the class as text.

        Raises:
            KeyError: the model gives no probabilities.
        """
        found: dict[str, float] = self._field("probabilities")
        return found

    def _field(self, name: str) -> Any:
        if not isinstance(self.output, dict):
            raise KeyError(name)
        return self.output[name]


class Feedback(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The true value of one prediction.

    Attributes:
        prediction_id: id of the prediction.
        target: the value, or an object in the output's shape.
        observed_at: RFC 3339; when the truth was known, if not now.
    """

    prediction_id: str
    target: Any
    observed_at: str | None = None


class FeedbackResult(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one piece of feedback.

    Attributes:
        prediction_id: id of the prediction.
        status: the server's word for it, as ``accepted`` or ``404``.
    """

    prediction_id: str
    status: str | int
