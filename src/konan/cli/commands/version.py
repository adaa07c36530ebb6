"""``konan version``: the versions of a deployment, and which one answers."""

import click
import msgspec

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.commands.rollback import told
from konan.cli.shapes import Versions
from konan.errors import NotFound
from konan.records.deployments import Certificate, Reference, Version
from konan.records.schema import Privacy


@click.group("version")
def command() -> None:
    """List and show versions, and say which one answers."""


@shared.command("list", examples=("konan version list bikes", "konan version list bikes --json"))
@click.argument("name")
def list_versions(session: Session, name: str) -> None:
    """List the versions of the deployment NAME, newest first."""
    with session.client() as client:
        found = client.versions(name)
    if session.screen.json:
        session.screen.record(Versions(versions=tuple(found)))
        return
    session.screen.table(
        ("version", "state", "flavor", "created at", "uuid"),
        [(one.version, one.state, one.flavor, one.created_at, one.uuid) for one in found],
    )


@shared.command("show", examples=("konan version show bikes 1", "konan version show bikes --json"))
@click.argument("name")
@click.argument("number", type=click.IntRange(min=1), required=False)
def show(session: Session, name: str, number: int | None) -> None:
    """Show a version of the deployment NAME: the newest, or the one with that NUMBER."""
    with session.client() as client:
        found = client.version(name, number) if number else next(iter(client.versions(name)), None)
    if found is None:
        raise NotFound(f"{name} has no versions yet.", hint="`konan deploy` makes one.")
    if session.screen.json:
        session.screen.record(found)
        return
    for line in described(found):
        session.screen.data(line)


@shared.command("promote", examples=("konan version promote bikes 2 --why 'as good and half the size'",))
@click.argument("name")
@click.argument("number", type=click.IntRange(min=1))
@click.option("--why", default="", help="Is written in the ledger.")
def promote(session: Session, name: str, number: int, *, why: str) -> None:
    """Have version NUMBER of the deployment NAME answer from now on; no request fails meanwhile."""
    with session.client() as client:
        told(session, client.live.promote(name, number, why))


def described(version: Version) -> list[str]:
    """A version in lines for a person."""
    lines = [
        f"{version.deployment} version {version.version}: {version.state}",
        f"uuid        {version.uuid}",
        f"created at  {version.created_at}",
        f"flavor      {version.flavor}, Python {version.python or 'not known yet'}",
    ]
    if version.retention_days is not None:
        lines.append(
            f"keeps rows  {f'{version.retention_days} days' if version.retention_days else 'for ever'}"
        )
    lines += [f"note        {warning}" for warning in version.warnings]
    if version.failure:
        lines += ["", f"Failed at step {version.failure.step}: {version.failure.message}"]
        lines += [part for part in (version.failure.traceback.rstrip(), version.failure.hint) if part]
    if version.schema:
        lines += ["", "takes"]
        lines += [
            f"  {feature.name}: {feature.type}"
            + (", null allowed" if feature.nullable else "")
            + (", optional" if feature.optional else "")
            + _logged(feature.privacy)
            for feature in version.schema.features
        ]
        lines += [
            f"  {name}: logged, not given to the model"
            + _logged(version.schema.extra_privacy.get(name, "keep"))
            for name in version.schema.extra
        ]
        lines += ["gives", f"  {_output(version)}"]
    if version.certificate:
        lines += ["", "certificate", *_certified(version.certificate)]
        lines += ["", "reference of monitoring", *_referred(version.reference)]
    return lines


def _logged(privacy: Privacy) -> str:
    """What the log has of a column, where that is not simply its values."""
    words = {"mask": ", masked in the log", "hash": ", hashed in the log", "drop": ", not in the log"}
    return words.get(privacy, "")


def _output(version: Version) -> str:
    output = version.schema.output if version.schema else None
    if output is None:
        return ""
    classes = f" of {', '.join(map(str, output.classes))}" if output.classes else ""
    return f"{output.kind}{classes}"


def _certified(certificate: Certificate) -> list[str]:
    shown = msgspec.to_builtins(certificate)
    simple = {name: value for name, value in shown.items() if not isinstance(value, list | tuple | dict)}
    return [f"  {name.replace('_', ' ')}: {_short(value)}" for name, value in simple.items()]


def _referred(reference: Reference) -> list[str]:
    """What later rows are compared with."""
    inputs = f"{reference.inputs} rows" if reference.profile else "none yet"
    sources = {
        "holdout": "of the holdout",
        "cross-fitted": "answered by copies of the model that were fitted without them",
        "live": "of live traffic",
    }
    answers = "learning, until enough live rows have their ground truth"
    if reference.source != "learning":
        answers = f"{reference.rows} rows {sources[reference.source]}"
    return [f"  inputs: {inputs}", f"  answers: {answers}"]


def _short(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


command.add_command(list_versions)
command.add_command(show)
command.add_command(promote)
