"""``konan receiver``: who is told of alarms."""

import sys

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Deliveries, Receivers
from konan.errors import Usage


@click.group("receiver")
def command() -> None:
    """Say who is told of alarms."""


@shared.command(
    "create",
    examples=(
        "konan receiver create ops - < address.txt",
        "konan receiver create ops https://hooks.example.com/konan --deployment bikes",
    ),
)
@click.argument("name")
@click.argument("address", metavar="URL")
@click.option("--apprise", is_flag=True, help="The address is one of Apprise, as slack://….")
@click.option("--deployment", "deployments", multiple=True, help="Tell of this one; may repeat. Else of all.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice(["warning", "firing", "resolved"]),
    default=("firing", "resolved"),
    help="Tell of this state; may repeat. Firing and resolved unless told.",
)
def create(
    session: Session,
    name: str,
    address: str,
    deployments: tuple[str, ...],
    states: tuple[str, ...],
    *,
    apprise: bool,
) -> None:
    """Add a receiver NAME at URL (- reads a line); the secret of a webhook is shown once."""
    address = sys.stdin.readline().strip() if address == "-" else address
    if not address:
        raise Usage("Standard input holds no address.")
    with session.client() as client:
        kind = "apprise" if apprise else "webhook"
        made = client.alarms.add_receiver(name, address, kind, deployments, states)
    if session.screen.json:
        session.screen.record(made)
        return
    session.screen.data(made.id)
    if made.secret:
        session.screen.data(made.secret)
        session.screen.say("Messages are signed with this secret (Standard Webhooks); it is shown this once.")


@shared.command("list", examples=("konan receiver list",))
def list_receivers(session: Session) -> None:
    """List who is told of alarms."""
    with session.client() as client:
        found = client.alarms.receivers()
    if session.screen.json:
        session.screen.record(Receivers(receivers=tuple(found)))
        return
    rows = [
        (one.id, one.name, one.url, " ".join(one.deployments) or "all", " ".join(one.states)) for one in found
    ]
    session.screen.table(("id", "name", "address", "deployments", "states"), rows)


@shared.command("delete", examples=("konan receiver delete 01890000-0000-7000-8000-000000000000 --yes",))
@click.argument("receiver_id", metavar="ID")
def delete(session: Session, receiver_id: str) -> None:
    """Remove a receiver and the messages that wait for it."""
    if not session.confirm("Remove this receiver and the messages that wait for it?"):
        raise click.Abort
    with session.client() as client:
        found = client.alarms.remove_receiver(receiver_id)
    if session.screen.json:
        session.screen.record(found)
    else:
        session.screen.say(f"The receiver {found.name} is removed.")


@shared.command("deliveries", examples=("konan receiver deliveries --json",))
def deliveries(session: Session) -> None:
    """List messages about alarms and what became of each, newest first."""
    with session.client() as client:
        found = client.alarms.deliveries()
    if session.screen.json:
        session.screen.record(Deliveries(deliveries=tuple(found)))
        return
    rows = [(one.created_at[:16], one.title, one.state, one.attempts, one.detail) for one in found]
    session.screen.table(("made", "message", "state", "attempts", "last"), rows)


for each in (create, list_receivers, delete, deliveries):
    command.add_command(each)
