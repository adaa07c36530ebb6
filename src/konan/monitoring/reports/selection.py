"""Finds the profiles that a report is about: of which versions and slices, in which windows, beside what."""

from collections.abc import Iterator
from typing import NamedTuple

from konan.errors import Invalid, NotFound
from konan.monitoring.profiles.layouts import Layouts
from konan.monitoring.profiles.profile import Profile
from konan.monitoring.profiles.windows import Span, Windows
from konan.monitoring.reference.reference import Reference, load
from konan.monitoring.reports import query as words
from konan.monitoring.reports.query import Query
from konan.ports import Blobs, Store
from konan.predictions.filters import SHOWN_ROLES
from konan.records.access import Principal
from konan.records.deployments import Version
from konan.records.monitoring import Segment, Window

_VERSIONS = 1000
_NEWEST = 20
"""Of so many versions it is made sure that their rows are counted when all are asked for."""


class Part(NamedTuple):
    """A window.

    Attributes:
        start: seconds since 1970-01-01 UTC.
        end: likewise.
        profile: of its rows that callers got.
    """

    start: int
    end: int
    profile: Profile


class Selected(NamedTuple):
    """Windows of one version and slice.

    Attributes:
        version: whose.
        reference: of the version; None while it has none.
        segment: the slice; None is all.
        parts: oldest first, also those without rows.
    """

    version: Version
    reference: Reference | None
    segment: Segment | None
    parts: tuple[Part, ...]

    def window(self, part: Part) -> Window:
        """What a report says of a window, whatever it is about."""
        return Window(
            version=self.version.version,
            segment=self.segment,
            since=words.rfc3339(part.start),
            until=words.rfc3339(part.end),
            rows=part.profile.rows,
        )


class Selection:
    """What was asked for, in the profiles of one deployment.

    Args:
        store: the metadata.
        blobs: where references are kept.
        windows: the profiles.
        caller: who asks.
        name: of the deployment.
        asked: which rows.

    Attributes:
        uuid: of the deployment.
        created_at: of the deployment, RFC 3339.
        read: the profiles.
        asked: as given.

    Raises:
        NotFound: the caller sees no such deployment.
    """

    def __init__(
        self, store: Store, blobs: Blobs, windows: Windows, caller: Principal, name: str, asked: Query
    ) -> None:
        deployment = store.deployment(caller, name)
        self.uuid = deployment.uuid
        self.created_at = deployment.created_at
        self.read = windows
        self.asked = asked
        self._live = deployment.live_version
        self._blobs = blobs
        self._versions = store.list_versions(caller, name, _VERSIONS)

    def __iter__(self) -> Iterator[Selected]:
        """Every version and slice that was asked for; without windows where there is no version.

        Raises:
            Invalid: no version declares that segment column.
            NotFound: there is no such version.
        """
        for version in self._wanted():
            reference = load(self._blobs, version)
            for segment in self._segments():
                yield Selected(version, reference, segment, tuple(self._parts(version, segment)))

    def lay(self, layouts: Layouts) -> None:
        """Say what is to be counted of the rows of the versions, where that is not known yet."""
        for version in self._versions[:_NEWEST] if self.asked.by_version else self._wanted():
            reference = load(self._blobs, version)
            if reference is not None:
                layouts.put(version.version, reference.layout)

    @property
    def single(self) -> bool:
        """Whether each version and slice has one window."""
        return self.asked.is_single

    def profiles(
        self, version: int, segment: Segment | None, span: tuple[int, int], every: int
    ) -> list[Part]:
        """The profiles of consecutive windows; of live and canary answers together."""
        start, end = span
        slice_of = None if segment is None else (segment.column, segment.value)
        read = self.read.together(self.uuid, version, SHOWN_ROLES, Span(start, end, every), slice_of)
        return [Part(at, min(at + every, end), profile) for at, profile in read]

    def labelled(self, version: int, span: tuple[int, int], every: int) -> list[Profile]:
        """The profiles of those rows of consecutive windows whose truth is known."""
        start, end = span
        asked = Span(start, end, every)
        return [one for _, one in self.read.together(self.uuid, version, SHOWN_ROLES, asked, labelled=True)]

    def slices(self, version: int, start: int, end: int) -> Iterator[tuple[Segment, Part]]:
        """Every slice of a stretch of time that has rows."""
        for column, values in self.read.segments(self.uuid, start, end).items():
            for value in values:
                segment = Segment(column=column, value=value)
                part = self.profiles(version, segment, (start, end), end - start)[0]
                if part.profile.rows:
                    yield segment, part

    def _parts(self, version: Version, segment: Segment | None) -> list[Part]:
        asked = self.asked
        return self.profiles(version.version, segment, (asked.start, asked.end), asked.every)

    def _wanted(self) -> list[Version]:
        asked = self.asked
        if asked.version is not None:
            found = [one for one in self._versions if one.version == asked.version]
            if not found:
                raise NotFound("There is no such version.")
            return found
        if asked.by_version:
            counted = self.read.counted(self.uuid, asked.start, asked.end)
            there = {version for version, role in counted if role in SHOWN_ROLES}
            return sorted(
                (one for one in self._versions if one.version in there), key=lambda one: one.version
            )
        return [one for one in self._versions if one.version == self._live]

    def _segments(self) -> list[Segment | None]:
        asked = self.asked
        column = asked.by_segment or (asked.segment.column if asked.segment else "")
        if not column:
            return [None]
        if not any(version.schema and column in version.schema.segments for version in self._versions):
            raise Invalid(f"No version declares a segment column {column!r}.", hint="Deploy with --segment.")
        if asked.segment:
            return [Segment(column=column, value=asked.segment.value)]
        values = self.read.segments(self.uuid, asked.start, asked.end).get(column, [])
        return [Segment(column=column, value=value) for value in values]
