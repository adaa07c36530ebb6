"""``konan demo``: the main job on real data, told as it happens."""

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import click

from konan import config
from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.commands.up import require_server
from konan.cli.screen import Screen
from konan.errors import Usage


@dataclass(slots=True)
class Told:
    """The story on a screen: its lines are data, unless a program reads the summary.

    Attributes:
        screen: where.
        step: number of the present step.
    """

    screen: Screen
    step: int = 0

    def heading(self, text: str) -> None:
        """Begin a step."""
        self.step += 1
        self.line(f"\n{self.step}. {text}")

    def line(self, text: str) -> None:
        """Tell a line."""
        if self.screen.json:
            self.screen.say(text)
        else:
            self.screen.data(text)
            self.screen.flush()

    def waiting(self, text: str) -> AbstractContextManager[Callable[[str], None]]:
        """Show what takes a while."""
        return self.screen.waiting(text)


@shared.command("demo", examples=("konan demo", "konan demo --keep", "konan demo --use-running --json"))
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the server of the demonstration keeps its things; else demo in the local profile's folder.",
)
@click.option("--keep", is_flag=True, help="Leave the server running.")
@click.option("--use-running", is_flag=True, help="Use the server that runs already.")
def command(session: Session, data_dir: Path | None, *, keep: bool, use_running: bool) -> None:
    """Train a model on real data, deploy it, call its API, read the log, and see drift and an alarm.

    It starts a server of its own on a free port and stops it in the end; your own profile and server stay as
    they are.
    """
    require_server()
    from konan.demo import server, story

    story.require()
    if use_running and data_dir:
        raise Usage("A server that runs has its own data directory.", hint="Leave out --data-dir.")
    folder = (data_dir or config.home() / "demo").expanduser().resolve()
    teller = Told(session.screen)
    stage = server.running() if use_running else server.own(folder, keep=keep)
    teller.heading("Use the server that runs" if use_running else "Start a server")
    with tempfile.TemporaryDirectory(prefix="konan-demo-") as files, stage as running:
        teller.line(f"Konan serves at {running.url}")
        summary = story.tell(teller, running, Path(files), keep=keep or use_running)
    if session.screen.json:
        session.screen.record(summary)
        return
    teller.line(f"\nAll of it took {summary.seconds:g} s.")
    if summary.kept and not use_running:
        teller.line(f"The server runs on: KONAN_HOME={folder} konan status")
        teller.line(f"Stop it with: konan down --data-dir {folder / 'data'}")
