"""What becomes of each item of a request: one that is wrong is refused, the others are taken."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec

from konan.groundtruth.held import Held
from konan.groundtruth.keys import Asked, KeyFinder, Match
from konan.groundtruth.revisions import Batch, Parked, Revision, Status, judged
from konan.groundtruth.targets import Target, target_of
from konan.predictions.reading import Known, PredictionLog
from konan.predictions.rows import Schemas, moment
from konan.records.predictions import Feedback, FeedbackResult
from konan.records.schema import Output

PARKED_KEYS = 200_000
"""So many keys of a deployment may wait at once."""

History = Callable[[str, Collection[str]], dict[str, list[Revision]]]
"""All that is known of some predictions of a deployment."""

_UNKNOWN = "There is no such prediction."
_NO_KEY = "No version of the deployment declares a business key (`konan deploy --key`)."
_TOO_MANY = "Too many keys wait for their predictions."
_NO_TARGET = "The target is null."
_ONE_NAME = "Give either prediction_id or key."
_NO_TIME = "The field observed_at is no RFC 3339 time."
_encode = msgspec.json.Encoder().encode


class Received(NamedTuple):
    """Who sent a request, and when.

    Attributes:
        key_id: public id of the API key.
        arrival: of its first item, nanoseconds since 1970-01-01 UTC; the next items count up from it.
    """

    key_id: str
    arrival: int


class _Said(msgspec.Struct, frozen=True, gc=False):
    """An item that can be understood."""

    at: int
    item: Feedback
    id: str | None
    key: str
    observed: int
    stated: bool


class Decider:
    """Decides with what is known; changes nothing.

    Args:
        log: of predictions.
        keys: finds predictions by business keys.
        schemas: what versions answer.
        held: what waits.
        history: what is known.
    """

    def __init__(
        self, log: PredictionLog, keys: KeyFinder, schemas: Schemas, held: Held, history: History
    ) -> None:
        self._log = log
        self._keys = keys
        self._schemas = schemas
        self._held = held
        self._history = history

    def decide(
        self, deployment: str, items: Sequence[Feedback | FeedbackResult], received: Received
    ) -> tuple[list[FeedbackResult], Batch]:
        """The result of each item in their order, and what they change together.

        Args:
            deployment: uuid.
            items: what was sent; what was refused already stays so.
            received: by whom and when.
        """
        work = _Work(deployment, received, items, self._keys.naming(deployment))
        by_id, by_key = self._meant(deployment, work.said)
        about = dict.fromkeys(one.original or name for name, one in by_id.items())
        about |= dict.fromkeys(one.id for one in by_key.values())
        history = self._history(deployment, about)
        targets = _Targets(deployment, self._schemas)
        for said in work.said:
            if said.id is not None:
                known = by_id.get(said.id)
                if known is None:
                    work.refuse(said, 404, _UNKNOWN)
                else:
                    work.revise(said, known.original or said.id, targets.of(known.version), history)
                continue
            match = by_key.get((said.key, said.observed))
            if match is not None:
                work.revise(said, match.id, targets.of(match.version), history)
            elif self._keys.declared(deployment):
                work.park(said, self._held)
            else:
                work.refuse(said, 422, _NO_KEY)
        return work.results(), Batch(work.revisions, work.parked)

    def unpark(self, deployment: str, parked: Sequence[Parked], since: int) -> Batch:
        """What follows from the predictions that have come for what waited.

        Args:
            deployment: uuid.
            parked: what waits.
            since: only predictions from then on can have come, microseconds since 1970-01-01 UTC.
        """
        matches = self._keys.find(deployment, [(one.key, one.observed) for one in parked], since)
        found = [
            (one, matches[one.key, one.observed]) for one in parked if (one.key, one.observed) in matches
        ]
        history = self._history(deployment, {match.id for _, match in found})
        targets = _Targets(deployment, self._schemas)
        revisions = []
        kept_as = self._keys.naming(deployment)
        for one, match in found:
            try:
                target = targets.of(match.version)(msgspec.json.decode(one.target))
            except ValueError:  # it was sent before anybody knew what could be its truth
                continue
            new = _revision(match.id, one.observed, one.arrival, target, kept_as(one.key), one.key_id)
            known = history.setdefault(match.id, [])
            if judged(known, new, stated=True) != "duplicate":
                known.append(new)
                revisions.append(new)
        return Batch(revisions, unparked=[one.arrival for one, _ in found])

    def _meant(
        self, deployment: str, said: Sequence[_Said]
    ) -> tuple[Mapping[str, Known], Mapping[Asked, Match]]:
        """The predictions that items are about: those that are named by id, and those by key."""
        ids = dict.fromkeys(one.id for one in said if one.id is not None)
        known = self._log.known(deployment, ids) if ids else {}
        asked = [(one.key, one.observed) for one in said if one.id is None]
        matches = self._keys.find(deployment, asked) if asked and self._keys.declared(deployment) else {}
        return known, matches


class _Targets:
    """What is sent as truths, in the terms of versions' outputs; a class is looked up once."""

    def __init__(self, deployment: str, schemas: Schemas) -> None:
        self._deployment = deployment
        self._schemas = schemas
        self._known: dict[int, Callable[[object], Target]] = {}

    def of(self, version: int) -> Callable[[object], Target]:
        """What makes the truth of a prediction of a version from what was sent; it raises ValueError."""
        known = self._known.get(version)
        if known is None:
            schema = self._schemas(self._deployment, version)
            output = None if schema is None else schema.output
            known = self._known[version] = _labelled(output) if _classifies(output) else _of(output)
        return known


def _classifies(output: Output | None) -> bool:
    return output is not None and output.kind == "classifier"


def _of(output: Output | None) -> Callable[[object], Target]:
    return lambda sent: target_of(sent, output)


def _labelled(output: Output | None) -> Callable[[object], Target]:
    """For a classifier: there are few labels, and very many truths."""
    seen: dict[object, Target] = {}

    def target(sent: object) -> Target:
        if type(sent) is not str:  # 1, 1.0 and True are one key
            return target_of(sent, output)
        found = seen.get(sent)
        if found is None:
            found = seen[sent] = target_of(sent, output)
        return found

    return target


class _Work:
    """The results of one request while they are made."""

    def __init__(
        self,
        deployment: str,
        received: Received,
        items: Sequence[Feedback | FeedbackResult],
        kept_as: Callable[[object], str],
    ) -> None:
        self.revisions: list[Revision] = []
        self.parked: list[Parked] = []
        self.said: list[_Said] = []
        self._deployment = deployment
        self._kept_as = kept_as
        self._received = received
        self._first: dict[str, Revision] = {}
        self._waiting: dict[str, list[Parked]] = {}
        self._results: list[FeedbackResult | None] = []
        for at, item in enumerate(items):
            self._results.append(item if isinstance(item, FeedbackResult) else self._understood(at, item))

    def results(self) -> list[FeedbackResult]:
        """The results, when all are made."""
        return [result for result in self._results if result is not None]

    def refuse(self, said: _Said, status: int, detail: str) -> None:
        """Take an item for nothing."""
        self._results[said.at] = refusal(said.item, status, detail)

    def revise(
        self,
        said: _Said,
        about: str,
        target_of: Callable[[object], Target],
        history: dict[str, list[Revision]],
    ) -> None:
        """Take an item as the truth of a prediction, if it can be that."""
        try:
            target = target_of(said.item.target)
        except ValueError as error:
            self.refuse(said, 422, str(error))
            return
        arrival = self._received.arrival + said.at
        key = said.key if said.id is None else None
        new = _revision(about, said.observed, arrival, target, key, self._received.key_id)
        known = self._known(about, history)
        status = judged(known, new, stated=said.stated) if known else "accepted"
        if status != "duplicate":
            self.revisions.append(new)
            if known:
                known.append(new)
            else:
                self._first[about] = new
        shown = said.item.prediction_id or about
        self._results[said.at] = FeedbackResult(prediction_id=shown, key=said.item.key, status=status)

    def _known(self, about: str, history: dict[str, list[Revision]]) -> list[Revision] | None:
        """What is known of a prediction, also by the items before; few of very many need a list."""
        known = history.get(about)
        if known is None and about in self._first:
            known = history[about] = [self._first[about]]
        return known

    def park(self, said: _Said, held: Held) -> None:
        """Let an item wait for its prediction."""
        if said.item.target is None:
            self.refuse(said, 422, _NO_TARGET)
            return
        new = Parked(
            said.key,
            said.observed,
            self._received.arrival + said.at,
            _encode(said.item.target).decode(),
            self._received.key_id,
        )
        known = (*held.parked_for(self._deployment, said.key), *self._waiting.get(said.key, ()))
        status: Status | str = "parked"
        if any(
            one.target == new.target and (one.observed == new.observed or not said.stated) for one in known
        ):
            status = "duplicate"
        elif not known and held.parked_count(self._deployment) + len(self._waiting) >= PARKED_KEYS:
            self.refuse(said, 429, _TOO_MANY)
            return
        else:
            self.parked.append(new)
            self._waiting.setdefault(said.key, []).append(new)
        self._results[said.at] = FeedbackResult(key=said.item.key, status=status)

    def _understood(self, at: int, item: Feedback) -> FeedbackResult | None:
        """Note what an item says; its result if that cannot be understood."""
        if (item.prediction_id is None) == (item.key is None):
            return refusal(item, 422, _ONE_NAME)
        observed = self._received.arrival // 1000
        if item.observed_at is not None:
            known = _microseconds(item.observed_at)
            if known is None:
                return refusal(item, 422, _NO_TIME)
            observed = known
        named = None if item.prediction_id is None else item.prediction_id.lower()
        key = "" if item.key is None else self._kept_as(item.key)
        self.said.append(_Said(at, item, named, key, observed, item.observed_at is not None))
        return None


def _revision(
    about: str, observed: int, arrival: int, target: Target, key: str | None, key_id: str
) -> Revision:
    return Revision(about, observed, arrival, target.text, target.label, target.value, key, key_id)


def refusal(item: Feedback, status: int, detail: str) -> FeedbackResult:
    """The result of an item that is not taken."""
    return FeedbackResult(prediction_id=item.prediction_id or "", key=item.key, status=status, detail=detail)


def _microseconds(text: str) -> int | None:
    found = moment(text)
    if found is None:
        return None
    whole = int(found.replace(microsecond=0).timestamp())
    return whole * 1_000_000 + found.microsecond
