"""``konan login``: keep a server's address and key, so that later commands need neither."""

import sys

import click

from konan import config
from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Login
from konan.errors import NotAllowed, Unauthenticated, Usage


@shared.command(
    "login",
    examples=(
        "konan login --url http://127.0.0.1:8000",
        "KONAN_API_KEY=kn_… konan login --url http://127.0.0.1:8000",
    ),
)
def command(session: Session) -> None:
    """Check a key with the server and write both to the local profile.

    The key is read from KONAN_API_KEY, else asked on the terminal; it is never a flag, because flags are
    visible to other users of the machine.
    """
    from konan import profile
    from konan.client import Client

    key = config.client_environment()[1] or _asked()
    with Client(session.url, key) as client:
        try:
            client.system()
        except Unauthenticated:
            raise
        except NotAllowed:
            session.screen.say("The key is valid; it may not read the server's state.")
        path = profile.write(profile.Profile(url=client.url, key=key))
    if session.screen.json:
        session.screen.record(Login(url=client.url, profile=str(path)))
        return
    session.screen.say(f"The profile {path} now names {client.url}.")


def _asked() -> str:
    if not sys.stdin.isatty():
        raise Usage("No key is given and nobody can be asked.", hint="Set KONAN_API_KEY.")
    text: str = click.prompt("API key", hide_input=True, err=True)
    return text
