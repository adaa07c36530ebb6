"""``konan erasure``: everything that is kept about one person goes."""

import sys

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Erasures
from konan.errors import Usage
from konan.records.erasure import Erased, Erasure

_WORDS = (
    ("predictions", "predictions"),
    ("rejected", "rejected requests"),
    ("truths", "truths"),
    ("parked", "truths that waited"),
    ("answers", "stored answers"),
    ("given", "rows given at deploy"),
    ("aside_bytes", "bytes that nobody could read"),
)


@click.group("erasure")
def command() -> None:
    """Erase everything that is kept about one person."""


@shared.command(
    "create",
    examples=(
        "konan erasure create --subject - --wait --yes < subject.txt",
        "konan erasure create --subject customer-17 --deployment churn",
    ),
)
@click.option(
    "--subject",
    required=True,
    metavar="VALUE",
    help="The person's value in the declared subject column; - reads a line, which no history keeps.",
)
@click.option("--deployment", "deployments", multiple=True, help="Only in this one; may repeat. Else in all.")
@click.option("--wait", is_flag=True, help="Return only when it is done.")
def create(session: Session, subject: str, deployments: tuple[str, ...], *, wait: bool) -> None:
    """Erase what was answered about a person by now; it cannot be undone."""
    value = _line(session) if subject == "-" else subject
    where = ", ".join(deployments) or "all deployments"
    if not session.confirm(f"Erase everything about this person in {where}? It cannot be undone."):
        raise click.Abort
    with session.client() as client:
        made = client.erase(value, deployments, wait=wait)
    if session.screen.json:
        session.screen.record(made)
        return
    session.screen.data(made.id)
    session.screen.say(_told(made))


@shared.command("list", examples=("konan erasure list", "konan erasure list --json"))
def list_erasures(session: Session) -> None:
    """List erasures, newest first; whom they are about is kept nowhere."""
    with session.client() as client:
        found = client.erasures()
    if session.screen.json:
        session.screen.record(Erasures(erasures=tuple(found)))
        return
    rows = [
        (one.id, one.created_at, " ".join(one.deployments), one.state, str(one.total.predictions))
        for one in found
    ]
    session.screen.table(("id", "asked", "deployments", "state", "predictions"), rows)


@shared.command("show", examples=("konan erasure show 01890000-0000-7000-8000-000000000000",))
@click.argument("erasure_id", metavar="ID")
def show(session: Session, erasure_id: str) -> None:
    """Show how far the erasure with this ID is, and how much it removed."""
    with session.client() as client:
        found = client.erasure(erasure_id)
    if session.screen.json:
        session.screen.record(found)
        return
    session.screen.data(_told(found))


def _line(session: Session) -> str:
    """The person, from a terminal without showing it, or from the first line that is piped in."""
    if sys.stdin.isatty():
        value: str = click.prompt("Subject", hide_input=True, err=True)
    else:
        value = sys.stdin.readline().rstrip("\r\n")
        if not session.yes:
            raise Usage("Nobody can be asked while the subject is piped in.", hint="Give --yes.")
    if not value:
        raise Usage("Standard input names no subject.")
    return value


def _told(erasure: Erasure) -> str:
    if erasure.state == "done":
        return f"Erasure {erasure.id} is done: {_amount(erasure.total)}."
    waits = f" It waits: {erasure.waits_for}" if erasure.waits_for else ""
    return f"Erasure {erasure.id} is {erasure.state}; `konan erasure show {erasure.id}` tells more.{waits}"


def _amount(erased: Erased) -> str:
    """How much it was, in words.

    >>> _amount(Erased(predictions=3, truths=1)), _amount(Erased())
    ('3 predictions, 1 truths', 'nothing was found')
    """
    counts = ((getattr(erased, name), words) for name, words in _WORDS)
    return ", ".join(f"{count} {words}" for count, words in counts if count) or "nothing was found"


command.add_command(create)
command.add_command(list_erasures)
command.add_command(show)
