"""What all commands have in common: their flags, their help, and the session that they are given."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click
from typing_extensions import override

from konan.cli.screen import Screen
from konan.errors import Usage

if TYPE_CHECKING:
    from konan.client import Client

COMMON = ("json", "yes", "quiet", "url", "debug")


@dataclass(frozen=True, slots=True)
class Session:
    """What the common flags of a command said.

    Attributes:
        screen: where its words go.
        yes: whether to ask nothing.
        url: address of the server, if named.
        debug: whether tracebacks are wanted.
    """

    screen: Screen = field(default_factory=Screen)
    yes: bool = False
    url: str | None = None
    debug: bool = False

    def client(self) -> "Client":
        """The SDK for the server that flag, environment or profile name."""
        from konan.client import Client

        return Client(self.url)

    def confirm(self, question: str) -> bool:
        """Ask on a terminal; ``--yes`` answers.

        Raises:
            Usage: nobody can be asked.
        """
        if self.yes:
            return True
        if not sys.stdin.isatty():
            raise Usage(f"{question} Nobody can be asked here.", hint="Give --yes.")
        return click.confirm(question, err=True)


class Command(click.Command):
    """A command with the common flags; its function gets a `Session` as ``session``.

    Args:
        *arguments: as click takes them.
        examples: command lines that the help shows.
        **options: as click takes them.
    """

    def __init__(self, *arguments: Any, examples: Sequence[str] = (), **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.examples = tuple(examples)
        self.params.extend(_common())

    @override
    def invoke(self, ctx: click.Context) -> Any:
        """Gather the common flags into a session and call the function with it."""
        given = {name: ctx.params.pop(name) for name in COMMON}
        screen = Screen(json=given.pop("json"), quiet=given.pop("quiet"))
        ctx.params["session"] = Session(screen=screen, **given)
        return super().invoke(ctx)

    @override
    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Show the examples at the end of the help."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write_text(example)
        super().format_epilog(ctx, formatter)


class Lazy(click.Group):
    """A group that imports a command's module when the command is called.

    Args:
        *arguments: as click takes them.
        table: of each command's name: the module that holds it as ``command``, and a summary.
        **options: as click takes them.
    """

    def __init__(self, *arguments: Any, table: Mapping[str, tuple[str, str]], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.table = table

    @override
    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of the table."""
        return list(self.table)

    @override
    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a command."""
        if cmd_name not in self.table:
            return None
        found: click.Command = import_module(self.table[cmd_name][0]).command
        return found

    @override
    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in self.table.items()])


def command(name: str, *, examples: Sequence[str]) -> Callable[[Callable[..., Any]], Command]:
    """Make a function a command.

    Args:
        name: the word that calls it.
        examples: command lines that the help shows, at least one.
    """
    return click.command(name, cls=Command, examples=examples)


def _common() -> list[click.Parameter]:
    return [
        click.Option(["--json"], is_flag=True, help="Answer in JSON on standard output, errors too."),
        click.Option(["--yes"], is_flag=True, help="Ask nothing; take yes for the answer."),
        click.Option(["--quiet"], is_flag=True, help="Say nothing but data and errors."),
        click.Option(["--url"], metavar="URL", help="The server; else KONAN_URL, else the local profile."),
        click.Option(["--debug"], is_flag=True, help="Show the traceback of an error."),
    ]
