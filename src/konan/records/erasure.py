"""What was asked to be erased, how far it is, and how much it was; never of whom."""

from typing import Literal

import msgspec

ErasureState = Literal["pending", "running", "done", "failed"]


class Erased(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How much was removed, by the place it was in.

    Attributes:
        predictions: rows of the prediction log, copies answered by challengers among them.
        rejected: rejected requests.
        truths: revisions of ground truth.
        parked: truths that waited for their prediction.
        answers: stored answers to requests with an idempotency key; of a request with several rows the whole.
        given: rows of files given at deploy (``--data``, ``--holdout``).
        aside_bytes: bytes that could not be read any more and were kept for whoever looks into it; nobody
            can tell whom they are about.
    """

    predictions: int = 0
    rejected: int = 0
    truths: int = 0
    parked: int = 0
    answers: int = 0
    given: int = 0
    aside_bytes: int = 0

    def __add__(self, other: "Erased") -> "Erased":
        """Both together.

        >>> (Erased(truths=1) + Erased(truths=2)).truths
        3
        """
        names = self.__struct_fields__
        return Erased(**{name: getattr(self, name) + getattr(other, name) for name in names})


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """The erasure of one subject.

    Attributes:
        id: UUIDv7.
        project: name of the project.
        deployments: names of the deployments it is about.
        digest: keyed digest of the subject (`konan.records.private.hashed`); its value is kept nowhere.
        requested_by: public id of the key that asked.
        created_at: RFC 3339; what was answered by then is erased.
        state: ``failed`` only if it can never work; what hinders it for now leaves it ``running``.
        erased: how much is removed, by the name of the deployment; under the empty name what belongs to none.
        waits_for: what it waits for, for people; empty if for nothing.
        finished_at: RFC 3339, or null.
        replayed_at: when a restored server took it up again, RFC 3339, or null.
    """

    id: str
    project: str
    deployments: tuple[str, ...]
    digest: str
    requested_by: str
    created_at: str
    state: ErasureState = "pending"
    erased: dict[str, Erased] = {}
    waits_for: str = ""
    finished_at: str | None = None
    replayed_at: str | None = None

    @property
    def total(self) -> Erased:
        """How much is removed, of all deployments together."""
        return sum(self.erased.values(), start=Erased())
