"""``konan key``: who may call."""

import re

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Keys
from konan.errors import Usage
from konan.records.access import SCOPES, Key


@click.group("key")
def command() -> None:
    """Make, list and revoke API keys."""


@shared.command(
    "create",
    examples=(
        "konan key create --scope predict --deployment bikes --expires 90d",
        "konan key create --name ci --scope deploy --scope model:upload-code --json",
    ),
)
@click.option("--name", default="", help="What to call it; else its scopes.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("predict",),
    show_default=True,
    help="What it may do; may repeat.",
)
@click.option("--deployment", "deployments", multiple=True, help="Limit it to this one; may repeat.")
@click.option("--expires", metavar="DAYS", help="How long it is valid, as 90d; else the server's key_days.")
def create(
    session: Session, name: str, scopes: tuple[str, ...], deployments: tuple[str, ...], expires: str | None
) -> None:
    """Make a key. Its text is printed once, on standard output, and kept nowhere."""
    days = days_of(expires) if expires else None
    with session.client() as client:
        made = client.create_key(name or " ".join(scopes), scopes, deployments, days)
    if session.screen.json:
        session.screen.record(made)
        return
    session.screen.data(made.key)
    session.screen.say(f"Key {made.id} may {', '.join(made.scopes)} until {made.expires_at}.")


@shared.command("list", examples=("konan key list", "konan key list --json"))
def list_keys(session: Session) -> None:
    """List all keys: never their text."""
    with session.client() as client:
        found = client.keys()
    if session.screen.json:
        session.screen.record(Keys(keys=tuple(found)))
        return
    session.screen.table(("id", "name", "scopes", "deployments", "state"), [_row(key) for key in found])


@shared.command("revoke", examples=("konan key revoke 3vQB7B6MrGQZaxCu --yes",))
@click.argument("key_id", metavar="ID")
def revoke(session: Session, key_id: str) -> None:
    """Revoke the key with this public ID; every process refuses it within a second."""
    if not session.confirm(f"Revoke the key {key_id}?"):
        raise click.Abort
    with session.client() as client:
        revoked = client.revoke_key(key_id)
    if session.screen.json:
        session.screen.record(revoked)
        return
    session.screen.say(f"Key {revoked.id} is revoked.")


def days_of(text: str) -> int:
    """Days from text such as ``90d`` or ``90``.

    >>> days_of("90d"), days_of("7")
    (90, 7)

    Raises:
        Usage: the text says no number of days.
    """
    found = re.fullmatch(r"([1-9][0-9]{0,4})d?", text, re.ASCII)
    if found is None:
        raise Usage(f"{text!r} is not a number of days.", hint="Write --expires 90d.")
    return int(found.group(1))


def _row(key: Key) -> tuple[str, ...]:
    state = f"revoked {key.revoked_at}" if key.revoked_at else f"valid until {key.expires_at}"
    return key.id, key.name, " ".join(key.scopes), " ".join(key.deployments) or "all", state


command.add_command(create)
command.add_command(list_keys)
command.add_command(revoke)
