"""The call for a report, as steps (see `konan.client.steps`)."""

from urllib.parse import quote

from konan.client.steps import Request, Steps, ask
from konan.errors import Invalid


def report(name: str, since: str | None, until: str | None, version: int | None) -> Steps[bytes]:
    """A page about a deployment that needs nothing else, HTML in UTF-8."""
    if not name or name in {".", ".."}:
        raise Invalid("A deployment's name cannot be empty.")
    given = {"from": since, "to": until, "version": version}
    query = {key: value for key, value in given.items() if value is not None}
    return (
        yield from ask(Request("GET", f"/v1/deployments/{quote(name, safe='')}/report", query=query))
    ).body
