"""What the owner of a deployment says about its answers: decisions, their worth, and metrics of one's own."""

from typing import Annotated, Literal

import msgspec

Name = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]{0,62}$", max_length=63)]
_Class = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]
_Value = Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]
LONGEST_CODE = 65_536
"""Most characters of a metric's program."""


class Payoff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one answer is worth.

    Attributes:
        truth: the class that was true.
        answer: the class that was answered.
        value: of each such row; a cost is negative.
    """

    truth: _Class
    answer: _Class
    value: _Value


class Decision(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a deployment's answers are used, and what they are worth.

    Attributes:
        positive: the class that `threshold` and averages are about; empty is the second of two.
        threshold: a row counts as ``positive`` from this probability on; null leaves the model's own label.
        payoffs: what answers are worth; what is not named is worth 0.
        over: value of each unit by which a regressor's answer is above the truth; a cost is negative.
        under: likewise, below the truth.
        unit: of the values, as ``CHF``.
        labels_within: seconds within which truths are due; a window is final then. 0 is learnt from delays.
    """

    positive: Annotated[str, msgspec.Meta(max_length=300)] = ""
    threshold: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    payoffs: Annotated[tuple[Payoff, ...], msgspec.Meta(max_length=10_000)] = ()
    over: _Value = 0.0
    under: _Value = 0.0
    unit: Annotated[str, msgspec.Meta(max_length=20)] = ""
    labels_within: Annotated[int, msgspec.Meta(ge=0, le=366 * 86_400)] = 0


class CustomMetric(msgspec.Struct, frozen=True, kw_only=True):
    """A metric that somebody wrote in Python; it runs in a sandbox of its own.

    Attributes:
        name: unique in the deployment.
        code: the program; it defines ``metric(rows)``.
        better: whether ``higher`` or ``lower`` is better.
        created_at: RFC 3339.
        made_by: public id of the key that made it.
    """

    name: str
    code: str
    better: Literal["higher", "lower"] = "higher"
    created_at: str = ""
    made_by: str = ""
