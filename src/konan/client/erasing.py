"""The calls about erasure and about age, as steps (see `konan.client.steps`)."""

from collections.abc import Callable, Iterable
from urllib.parse import quote

import msgspec

from konan.client.answers import decode
from konan.client.steps import JSON, Pause, Request, Steps, ask, everything
from konan.records.erasure import Erasure
from konan.records.retention import Retention

_LONGEST_PAUSE = 2.0
Progress = Callable[[Erasure], None]


def erase(
    subject: str | float | bool,  # noqa: FBT001 - a value of the subject column
    deployments: Iterable[str] = (),
    *,
    wait: bool = False,
    progress: Progress | None = None,
) -> Steps[Erasure]:
    """Have a person erased and, if told to, wait until it is done."""
    body = msgspec.json.encode({"subject": subject, "deployments": list(deployments)})
    made = decode((yield from ask(Request("POST", "/v1/erasures", body=body, media_type=JSON))), Erasure)
    pause = 0.1
    while True:
        if progress is not None:
            progress(made)
        if not wait or made.state in {"done", "failed"}:
            return made
        yield Pause(pause)
        pause = min(pause * 1.3, _LONGEST_PAUSE)
        made = yield from erasure(made.id)


def erasure(erasure_id: str) -> Steps[Erasure]:
    """One erasure."""
    path = f"/v1/erasures/{quote(erasure_id, safe='')}"
    return decode((yield from ask(Request("GET", path))), Erasure)


def erasures() -> Steps[list[Erasure]]:
    """All erasures, newest first."""
    return (yield from everything("/v1/erasures", "erasures", Erasure))


def retention(name: str) -> Steps[Retention]:
    """How the rows of a deployment age."""
    path = f"/v1/deployments/{quote(name, safe='')}/retention"
    return decode((yield from ask(Request("GET", path))), Retention)
