"""``konan config show``: every setting, its value, and where the value came from."""

import re

import click

from konan import config
from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Setting, Settings

_PASSWORD = re.compile(r"(?<=://)([^:/@]*):[^@]*@")


@click.group("config")
def command() -> None:
    """Show every setting and where its value came from."""


@shared.command("show", examples=("konan config show", "KONAN_PORT=9000 konan config show --json"))
def show(session: Session) -> None:
    """Show every setting, its value, and where the value came from.

    A value comes from the default, else config.json in the data directory, else the environment (KONAN_ and
    the name in capitals), else a flag of `konan up`.
    """
    _, origins = config.load()
    if session.screen.json:
        rows = tuple(
            Setting(name=one.name, value=shown(one.value), origin=one.origin, meaning=one.meaning)
            for one in origins
        )
        session.screen.record(Settings(settings=rows))
        return
    session.screen.table(
        ("setting", "value", "from", "meaning"),
        [(origin.name, str(shown(origin.value)), origin.origin, origin.meaning) for origin in origins],
    )


def shown(value: object) -> object:
    """A value without the password that an address may hold.

    >>> shown("postgresql://konan:secret@db/konan"), shown(8000)
    ('postgresql://konan:***@db/konan', 8000)
    """
    return _PASSWORD.sub(r"\1:***@", value) if isinstance(value, str) else value


command.add_command(show)
