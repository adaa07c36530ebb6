"""The places of one deployment that hold rows of a person: found, counted and emptied (in a thread)."""

from dataclasses import dataclass
from pathlib import Path

from konan.erasure import answers, rows
from konan.erasure.rows import Found
from konan.erasure.subjects import Wanted
from konan.groundtruth.revisions import SUFFIX
from konan.predictions.flusher import REJECTED, Flusher
from konan.records.erasure import Erased


class Places:
    """The tables of all deployments and the stored answers.

    Args:
        flusher: the one writer of the tables.
        directory: where the tables are.
        answers: the file with the stored answers.
    """

    def __init__(self, flusher: Flusher, directory: Path, answers: Path) -> None:
        self._flusher = flusher
        self._directory = directory
        self._answers = answers

    def look(self, wanted: Wanted, parked: int) -> "Rows":
        """Find everything; what waits for its prediction was found already."""
        log = self._directory / wanted.deployment
        found = rows.predictions(log, wanted.names, wanted.subject, wanted.until)
        refused = rows.rejected(self._table(wanted, REJECTED), wanted.subject, wanted.until)
        truths = rows.truths(self._table(wanted, SUFFIX), found.originals)
        return Rows(
            found=found,
            rejected=refused,
            truths=truths,
            erased=Erased(
                predictions=len(found.ids),
                rejected=len(refused.ids),
                truths=len(truths.ids),
                answers=answers.count(self._answers, found.requests),
                parked=parked,
            ),
        )

    def empty(self, wanted: Wanted, what: "Rows") -> None:
        """Remove what was found, the rows last: as long as they are there, all else can be found again."""
        answers.erase(self._answers, what.found.requests)
        self._delete(wanted.deployment + SUFFIX, what.truths)
        self._delete(wanted.deployment + REJECTED, what.rejected)
        self._delete(wanted.deployment, what.found)

    def _delete(self, name: str, found: Found) -> None:
        if not (self._directory / name).is_dir():
            return
        with self._flusher.writing(name) as table:
            if found.ids:
                table.delete_rows(set(found.ids))
            table.purge()
        self._flusher.follow(name)

    def _table(self, wanted: Wanted, suffix: str) -> Path:
        return self._directory / (wanted.deployment + suffix)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rows:
    """What was found in a deployment.

    Attributes:
        found: predictions.
        rejected: rejected requests.
        truths: predictions of which there are truths.
        erased: how much it is.
    """

    found: Found
    rejected: Found
    truths: Found
    erased: Erased
