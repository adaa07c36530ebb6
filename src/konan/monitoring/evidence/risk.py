"""Watches the losses of a model label by label: whether they leave the band that its reference allows (pure).

Several losses are watched together (whether a label is wrong, how far a probability is off), each on both
sides: a rise is decay, a fall is news too, because it says that rows are other ones than before. For each
loss, side and size there is one bet, and the average of all their Shiryaev-Roberts sums is one detector
(Shin, Ramdas & Rinaldo 2024). The limits are the most and the least that the reference's true mean can be,
and a tolerance (as in Podkopaev & Ramdas, "Tracking the risk of a deployed model and detecting harmful
distribution shifts", ICLR 2022).

Every label is a look, so nothing waits for a block to be full. Where neighbouring labels hang together, the
logarithm of each bet is divided by the number of rows that say as much as one
(`konan.monitoring.drift.distributions.rows_as_one`). With independent rows that number is 1 and the run
length is at least A by proof; else it rests on the reference's autocorrelation and the normal approximation,
as measured by the study ``risk`` of ``benchmarks/monitoring/simulate.py``.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple, Self

import msgspec
import numpy as np
import numpy.typing as npt

from konan.monitoring.drift.distributions import rows_as_one
from konan.monitoring.evidence.bets import BETS, Floats, log_factors, mixed, upper_limit
from konan.monitoring.evidence.dependence import autocorrelation
from konan.monitoring.evidence.detectors import Evidence

CHANCE = 0.005
"""That one limit is on the wrong side of the true mean, because the reference is small."""

TOLERANCE = 0.01
"""Difference of means that does not matter."""

Sides = Literal["both", "rise", "fall"]


class Loss(msgspec.Struct, frozen=True, kw_only=True):
    """One loss that is watched.

    Attributes:
        name: as ``error``.
        low: mean from which on downwards it has fallen, in [0, 1).
        high: mean from which on upwards it has risen, in (0, 1].
        rows_as_one: labels that say as much as one, at least 1.
    """

    name: str
    low: float
    high: float
    rows_as_one: float = 1.0

    @classmethod
    def of(cls, name: str, reference: npt.ArrayLike, tolerance: float = TOLERANCE) -> Self:
        """From the losses of the reference.

        Args:
            name: of the loss.
            reference: ``(n,)``, in [0, 1], in the order of time.
            tolerance: difference of means that does not matter.
        """
        values = np.asarray(reference, np.float64)
        together = rows_as_one(autocorrelation(values))
        mean, rows = float(values.mean()), len(values) / together
        high = float(upper_limit(mean, rows, CHANCE)) + tolerance
        low = 1 - float(upper_limit(1 - mean, rows, CHANCE)) - tolerance
        return cls(name=name, low=max(low, 0.0), high=min(high, 1.0), rows_as_one=together)


class Shift(NamedTuple):
    """What has won most.

    Attributes:
        loss: its name.
        side: whether it rose or fell.
        log_evidence: of all bets on that, ``log(1 + M)``.
    """

    loss: str
    side: Literal["rise", "fall"]
    log_evidence: float


class RiskDetector(msgspec.Struct, frozen=True, kw_only=True):
    """Watches whether the mean of any of several losses rises or falls.

    It has no other memory than its numbers: stored and read back, it goes on as if nothing had happened.

    Attributes:
        losses: that are watched.
        sides: of the band that are watched.
        evidence: so far.

    >>> random = np.random.default_rng(1)
    >>> begun = RiskDetector.of({"error": random.random(2000) < 0.2})
    >>> calm = begun.update({"error": random.random(2000) < 0.2})
    >>> calm.fires(1e4)
    False
    >>> worse = calm.update({"error": random.random(400) < 0.4})
    >>> worse.fires(1e4), worse.strongest().side
    (True, 'rise')
    """

    losses: tuple[Loss, ...]
    sides: Sides = "both"
    evidence: Evidence

    @classmethod
    def of(
        cls, reference: Mapping[str, npt.ArrayLike], *, tolerance: float = TOLERANCE, sides: Sides = "both"
    ) -> Self:
        """One that has seen nothing.

        Args:
            reference: of each loss its values, ``(n,)``, in [0, 1], in the order of time.
            tolerance: difference of means that does not matter.
            sides: of the band that are watched.
        """
        losses = tuple(Loss.of(name, values, tolerance) for name, values in reference.items())
        bets = len(losses) * (2 if sides == "both" else 1) * len(BETS)
        return cls(losses=losses, sides=sides, evidence=Evidence.of(bets))

    @property
    def log_evidence(self) -> float:
        """``log(1 + M)``, 0 at the beginning."""
        return self.evidence.log_evidence

    def fires(self, height: float) -> bool:
        """Whether it has reached a height A, at any label so far.

        Args:
            height: labels between two false alarms, on average at least.
        """
        return self.evidence.fires(height)

    def factors(self, values: Mapping[str, npt.ArrayLike]) -> Floats:
        """What every bet pays on labels, as logarithms, ``(n, bets)``.

        Args:
            values: of each loss, ``(n,)``, in [0, 1].

        Raises:
            ValueError: a value is outside [0, 1], or is no number.
        """
        return np.concatenate([self._paid(loss, values[loss.name]) for loss in self.losses], axis=1)

    def update(self, values: Mapping[str, npt.ArrayLike]) -> Self:
        """The detector after more labels, in their order.

        However they are cut into calls, the outcome is the same.

        Args:
            values: of each loss, ``(n,)``, in [0, 1].

        Raises:
            ValueError: a value is outside [0, 1], or is no number.
        """
        return msgspec.structs.replace(self, evidence=self.evidence.after(self.factors(values)))

    def strongest(self) -> Shift:
        """The loss and the side that have won most."""
        masses = np.array(self.evidence.masses).reshape(len(self.losses), -1, len(BETS))
        sides: tuple[Literal["rise", "fall"], ...] = (
            ("rise", "fall") if self.sides == "both" else (self.sides,)
        )
        found = [
            Shift(loss.name, side, mixed(own))
            for loss, of_loss in zip(self.losses, masses, strict=True)
            for side, own in zip(sides, of_loss, strict=True)
        ]
        return max(found, key=lambda one: one.log_evidence)

    def again(self) -> Self:
        """The same watch from the beginning: after an alarm was resolved."""
        return msgspec.structs.replace(self, evidence=Evidence.of(len(self.evidence.masses)))

    def _paid(self, loss: Loss, values: npt.ArrayLike) -> Floats:
        given = np.atleast_1d(np.asarray(values, np.float64))
        paid = []
        if self.sides != "fall":
            paid.append(log_factors(given, loss.high))
        if self.sides != "rise":
            paid.append(log_factors(1 - given, 1 - loss.low))
        both: Floats = np.concatenate(paid, axis=1) / loss.rows_as_one
        return both
