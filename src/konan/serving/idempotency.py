"""Requests with an Idempotency-Key: executed once, and answered with the same bytes for a day.

A key belongs to one API key and one deployment. Only answers with predictions are kept: after an error
nothing was predicted, and the same request may be tried again. Requests that come while the first is being
answered wait for its answer.
"""

import asyncio
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from konan import clock
from konan.errors import IdempotencyKeyReused, Invalid, KonanError, StorageFull
from konan.journal.entry import Entry
from konan.journal.reader import tail
from konan.journal.segments import Damage
from konan.serving import bugs
from konan.serving.answered import KEPT_SECONDS, Answered, AnswerFile

MOST_WAITING = 10_000
"""So many answers may wait to be kept before requests with a key are refused."""

_NOTED_EVERY = 20_000
_KEY = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_DIGEST_BYTES = 32
_SECOND = 1_000_000_000
Told = Callable[[Answered | KonanError], None]


class Claim:
    """The right to execute one request.

    Args:
        book: what gave it.
        key: digest of who asked what deployment with what key.
        request: digest of the request.
    """

    def __init__(self, book: "Idempotency", key: bytes, request: bytes) -> None:
        self._book = book
        self.key = key
        self.request = request
        self.waiting: list[Told] = []

    @property
    def digests(self) -> bytes:
        """What the request's entry keeps of it."""
        return self.key + self.request

    def settle(self, result: Answered | KonanError) -> None:
        """The request is answered, or it is not; those that wait hear the same."""
        self._book.settle(self, result)


class Idempotency:
    """The requests with a key that one gateway answers.

    Args:
        path: of the file with the answers.
        journal: directory of the gateway's journal, named by its number; its writer is open.
        gateways: how many gateways there are; this one also reads the journals of those that are no more.
        answered: says up to which sequence the journal's requests are settled.
        loop: the event loop.
    """

    def __init__(
        self,
        path: Path,
        journal: Path,
        gateways: int,
        answered: Callable[[], int],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._journal = int(journal.name)
        self._answered = answered
        self._noted = answered()
        self._open: dict[bytes, Claim] = {}
        self._recent: dict[bytes, Answered] = {}
        self._file = AnswerFile(path, loop.call_soon_threadsafe, self._kept)
        for directory in sorted(journal.parent.iterdir()):
            if directory.name.isdecimal() and int(directory.name) % gateways == self._journal:
                self._take_from(directory)
        self._file.start()

    def claim(self, key: bytes, request: bytes, execute: Callable[[Claim], None], told: Told) -> None:
        """Have a request executed, unless it was or is being executed.

        Args:
            key: digest of who asked what deployment with what key.
            request: digest of the request.
            execute: called later if the request is the first; it must see to `Claim.settle`.
            told: called, perhaps later, with the answer or the error of the first otherwise.

        Raises:
            IdempotencyKeyReused: the key is known with another request.
            StorageFull: too many answers could not be kept.
        """
        known = self._open.get(key) or self._recent.get(key)
        if known is not None and known.request != request:
            raise _reused()
        if isinstance(known, Claim):
            known.waiting.append(told)
        elif known is not None:
            told(known)
        elif len(self._recent) >= MOST_WAITING:
            raise StorageFull("Answers to requests with an Idempotency-Key cannot be kept.", retry_after=5)
        else:
            claim = self._open[key] = Claim(self, key, request)
            since = clock.now_ns() // _SECOND - KEPT_SECONDS
            self._file.find(key, since, lambda found: self._found(claim, found, execute, told))

    def settle(self, claim: Claim, result: Answered | KonanError) -> None:
        """The first request of a claim has come to its end."""
        self._open.pop(claim.key, None)
        if isinstance(result, Answered):
            self._recent[claim.key] = result
            self._file.keep(result, self._journal, self._answered())
        for told in claim.waiting:
            _tell(told, result)

    def note(self, *, now: bool = False) -> None:
        """Note how far the journal has come, so that a restart need not read all of it.

        Args:
            now: also if it has not come far; who finds it noted knows that all answers up to there are kept.
        """
        answered = self._answered()
        if now or answered - self._noted >= _NOTED_EVERY:
            self._noted = answered
            self._file.keep(None, self._journal, answered)

    def close(self) -> None:
        """Keep what waits, and end."""
        self._file.close()

    def _found(
        self, claim: Claim, found: Answered | None, execute: Callable[[Claim], None], told: Told
    ) -> None:
        if found is None:
            execute(claim)
            return
        self._open.pop(claim.key, None)
        result = found if found.request == claim.request else _reused()
        for each in (told, *claim.waiting):
            _tell(each, result)

    def _kept(self, answer: Answered) -> None:
        if self._recent.get(answer.key) == answer:
            del self._recent[answer.key]

    def _take_from(self, directory: Path) -> None:
        """Keep the answers that a journal has and the file does not."""
        number = int(directory.name)
        before = after = self._file.seen(number)
        since = clock.now_ns() - KEPT_SECONDS * _SECOND
        while True:
            try:
                for sequence, entry in tail(directory, after):
                    after = sequence
                    if entry.idempotency and entry.at_ns > since:
                        answer = _of_entry(entry)
                        self._recent[answer.key] = answer
                        self._file.keep(answer, number, before)
                break
            except Damage as damage:
                bugs.report(damage)
                if damage.resume is None:
                    break
                after = damage.resume - 1
        if after > before:
            self._file.keep(None, number, after)


def digest(*parts: str | bytes, secret: bytes = b"") -> bytes:
    """One digest of several texts, each told from the next.

    Args:
        parts: the texts.
        secret: without which nobody can find out the texts by trying; none for what is no secret.
    """
    made = hashlib.blake2b(digest_size=_DIGEST_BYTES, key=secret)
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        made.update(b"%d:%b" % (len(data), data))
    return made.digest()


def checked(key: str) -> str:
    """A key as it was sent.

    Raises:
        Invalid: it is not 1 to 255 visible ASCII characters.
    """
    if not _KEY.fullmatch(key):
        raise Invalid("Idempotency-Key must be 1 to 255 visible ASCII characters without blanks.")
    return key


def _of_entry(entry: Entry) -> Answered:
    key, request = entry.idempotency[:_DIGEST_BYTES], entry.idempotency[_DIGEST_BYTES:]
    return Answered(key, request, entry.at_ns // _SECOND, entry.request_id, entry.answer)


def _reused() -> IdempotencyKeyReused:
    return IdempotencyKeyReused(
        "The Idempotency-Key was sent before, with another request.", hint="Use a new key for each request."
    )


def _tell(told: Told, result: Answered | KonanError) -> None:
    """Tell one of several; a caller that has gone must not keep the others from being told."""
    try:
        told(result)
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are waiting
        bugs.report(error)
