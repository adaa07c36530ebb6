"""``konan decision``: how a deployment's answers are used, and what they are worth."""

from typing import Any

import click

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.rules import seconds
from konan.cli.screen import Screen
from konan.errors import Usage
from konan.records.measures import Decision, Payoff


@click.group("decision")
def command() -> None:
    """Say how answers are used and what they are worth; `konan performance` shows what that came to."""


@shared.command("show", examples=("konan decision show churn",))
@click.argument("name")
def show(session: Session, name: str) -> None:
    """Show what is declared of the deployment NAME."""
    with session.client() as client:
        _shown(session.screen, client.measures.decision(name))


@shared.command(
    "set",
    examples=(
        "konan decision set churn --threshold 0.3 --payoff yes:no=-500 --payoff no:yes=-20 --unit CHF",
        "konan decision set bikes --over -1 --under -4 --labels-within 7d",
    ),
)
@click.argument("name")
@click.option("--threshold", type=float, help="A row counts as positive from this probability on.")
@click.option("--positive", default="", help="The class that the threshold is about; else the second of two.")
@click.option(
    "--payoff",
    "payoffs",
    multiple=True,
    metavar="TRUTH:ANSWER=VALUE",
    help="What such a row is worth; a cost is negative. May repeat.",
)
@click.option("--over", type=float, default=0.0, help="Value of each unit by which an answer is too large.")
@click.option("--under", type=float, default=0.0, help="Value of each unit by which an answer is too small.")
@click.option("--unit", default="", help="Of the values, as CHF.")
@click.option(
    "--labels-within", metavar="LENGTH", help="When truths are due, as 7d; else learnt from delays."
)
def declare(
    session: Session, name: str, payoffs: tuple[str, ...], labels_within: str | None, **given: Any
) -> None:
    """Declare it for the deployment NAME, in place of what was declared; nothing takes it back."""
    decision = Decision(
        payoffs=tuple(map(payoff, payoffs)),
        labels_within=seconds(labels_within) if labels_within else 0,
        **given,
    )
    with session.client() as client:
        _shown(session.screen, client.measures.decide(name, decision))


def payoff(text: str) -> Payoff:
    """What one kind of answer is worth, from words.

    >>> payoff("yes:no=-500")
    Payoff(truth='yes', answer='no', value=-500.0)

    Raises:
        Usage: it is not that.
    """
    classes, sign, value = text.rpartition("=")
    truth, colon, answer = classes.partition(":")
    try:
        worth = float(value)
    except ValueError:
        worth = None
    if not (sign and colon and truth and answer) or worth is None:
        raise Usage(f"{text!r} is no payoff.", hint="Write TRUTH:ANSWER=VALUE, as yes:no=-500.")
    return Payoff(truth=truth, answer=answer, value=worth)


def _shown(screen: Screen, decision: Decision) -> None:
    if screen.json:
        screen.record(decision)
        return
    if decision == Decision():
        screen.say("Nothing is declared.")
        return
    if decision.threshold is not None:
        screen.data(f"threshold  {decision.threshold:g} {decision.positive}".rstrip())
    for one in decision.payoffs:
        screen.data(
            f"payoff     true {one.truth}, answered {one.answer}: {one.value:g} {decision.unit}".rstrip()
        )
    for name, value in (("over", decision.over), ("under", decision.under)):
        if value:
            screen.data(f"{name:9}  {value:g} {decision.unit}".rstrip() + " a unit")
    if decision.labels_within:
        screen.data(f"labels     within {decision.labels_within / 3600:g} hours")


for each in (show, declare):
    command.add_command(each)
