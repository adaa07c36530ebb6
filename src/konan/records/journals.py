"""What looking at a journal found."""

from typing import Literal

import msgspec


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One place that is not as it should be.

    Attributes:
        kind: ``damage`` if something that was on disk is broken or missing; ``doubtful`` for bytes behind
            the last good record: a write that was torn, or records that were acknowledged and are damaged.
        file: name of the file.
        offset: where in it, in bytes.
        what: what is wrong.
        first: sequence of the first record that is missing because of it, if that is known.
        last: sequence of the last one, if that is known.
    """

    kind: Literal["damage", "doubtful"]
    file: str
    offset: int
    what: str
    first: int | None = None
    last: int | None = None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How one journal is, or something else that holds what is in no table yet.

    Attributes:
        journal: name of its directory: the number of the gateway that writes it, ``truth``, ``shelf`` or
            ``parked-truth``; the last two have no sequences.
        segments: number of its segments, or files.
        records: good records in them.
        first: sequence of the first good record; 0 without any.
        last: sequence of the last good record; 0 without any.
        acknowledged: sequence that the mark says was acknowledged; 0 if there is no mark.
        findings: what is wrong, oldest first; empty for a good journal.
    """

    journal: str
    segments: int
    records: int
    first: int
    last: int
    acknowledged: int
    findings: tuple[Finding, ...]

    @property
    def damaged(self) -> bool:
        """Whether anything that was on disk is broken or missing."""
        return any(finding.kind == "damage" for finding in self.findings)
