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


class Feedback(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """The true value of one prediction, which its id or the business key in its row names.

    Attributes:
        prediction_id: id of the prediction; or
        key: the business key that the row carried, where a version declares one. It means the newest
            prediction with that key when the truth was observed; if there is none yet, the truth waits for
            it for 30 days.
        target: the value, or an object in the output's shape (its ``label`` or ``value`` is taken).
        observed_at: RFC 3339; when the truth was known, if not now. Of several, the one observed last counts.
    """

    prediction_id: str | None = None
    key: str | int | float | bool | None = None
    target: Any
    observed_at: str | None = None


class FeedbackResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What became of one piece of feedback.

    Attributes:
        prediction_id: id of the prediction, as it was sent; of feedback by key the one that was found.
        key: the business key, if one was sent.
        status: ``accepted`` (the first truth of the prediction), ``revised`` (kept beside earlier ones),
            ``duplicate`` (known already, nothing is changed), ``parked`` (waits for a prediction with the
            key); or a number as HTTP has it: 404 for an unknown prediction, 422 for what cannot be its truth,
            429 when too many keys wait.
        detail: why it was refused.
    """

    status: str | int
    prediction_id: str = ""
    key: str | int | float | bool | None = None
    detail: str = ""

    @property
    def refused(self) -> bool:
        """Whether it was not taken."""
        return isinstance(self.status, int)
