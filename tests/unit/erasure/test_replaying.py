"""A restored server erases again what its backup may still hold, and nothing else."""

import msgspec

from konan.erasure.replaying import again
from konan.records.erasure import Erased, Erasure

SINCE, AT = "2026-11-23T12:00:00.000000Z", "2026-11-24T12:00:00.000000Z"


def made(number: int, finished: str | None) -> Erasure:
    return Erasure(
        id=f"e{number}",
        project="p",
        deployments=("d",),
        digest="hmac:0",
        requested_by="k",
        created_at=f"2026-11-23T{number:02}:00:00.000000Z",
        state="done" if finished else "running",
        erased={"d": Erased(predictions=number)},
        finished_at=finished,
    )


def test_what_was_done_before_the_backup_began_is_not_done_again() -> None:
    assert again([made(1, "2026-11-23T11:59:59.999999Z")], [], since=SINCE, at=AT) == []


def test_what_was_done_later_or_not_at_all_is_done_again_oldest_first() -> None:
    present = [made(2, None), made(3, "2026-11-23T12:00:00.000000Z")]
    later = [made(5, "2026-11-23T14:00:00.000000Z"), made(2, "2026-11-23T13:00:00.000000Z")]
    due = again(present, later, since=SINCE, at=AT)
    assert [one.id for one in due] == ["e2", "e3", "e5"]
    assert {(one.state, one.finished_at, one.replayed_at) for one in due} == {("pending", None, AT)}
    same = msgspec.structs.replace(due[2], state="done", finished_at=later[0].finished_at, replayed_at=None)
    assert same == later[0]
