"""``konan completion``: the script that completes words in a shell."""

import click
from click.shell_completion import get_completion_class

from konan.cli import command as shared
from konan.cli.command import Session
from konan.cli.shapes import Completion
from konan.errors import Usage


@shared.command(
    "completion",
    examples=(
        'eval "$(konan completion bash)"',
        "konan completion fish > ~/.config/fish/completions/konan.fish",
    ),
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, session: Session, shell: str) -> None:
    """Print the completion script for SHELL."""
    kind = get_completion_class(shell)
    if kind is None:
        raise Usage(f"There is no completion for {shell}.")
    script = kind(context.find_root().command, {}, "konan", "_KONAN_COMPLETE").source()
    if session.screen.json:
        session.screen.record(Completion(shell=shell, script=script))
        return
    session.screen.data(script.rstrip("\n"))
