"""The entry point: finds the command, runs it, and turns whatever happens into words and an exit code.

Nothing here imports numpy, rich, httpx or the server, so that help and completion are quick.
"""

import os
import sys
import traceback
from collections.abc import Sequence

import click

from konan import __version__
from konan.cli.command import Lazy
from konan.cli.exits import INTERRUPTED, exit_code
from konan.cli.screen import Screen
from konan.errors import KonanError, Usage

COMMANDS = {
    "up": ("konan.cli.commands.up", "Start the server on this machine."),
    "down": ("konan.cli.commands.down", "Stop a server that runs in the background."),
    "demo": ("konan.cli.commands.demo", "Train, deploy and call a model on real data, to see how it goes."),
    "deploy": ("konan.cli.commands.deploy", "Make a trained model a typed, isolated API."),
    "predict": ("konan.cli.commands.predict", "Ask a deployment about one row or a file of them."),
    "feedback": (
        "konan.cli.commands.feedback",
        "Tell what was true: the truth for predictions, from a file.",
    ),
    "label": ("konan.cli.commands.label", "Show whether ground truth is sound, and what to label next."),
    "prediction": ("konan.cli.commands.prediction", "List, show and download what was predicted."),
    "decision": ("konan.cli.commands.decision", "Say how answers are used and what they are worth."),
    "metric": ("konan.cli.commands.metric", "Measure what Konan does not, in Python."),
    "drift": ("konan.cli.commands.drift", "Show how live rows compare with what the model knows."),
    "quality": ("konan.cli.commands.quality", "Show what is wrong with the rows that a deployment is sent."),
    "explain": ("konan.cli.commands.explain", "Show what each input adds to an answer."),
    "importance": ("konan.cli.commands.importance", "Show which inputs matter to a version."),
    "traffic": ("konan.cli.commands.traffic", "Show requests, errors, latency and how busy workers are."),
    "resources": ("konan.cli.commands.resources", "Show what processes and the machine use."),
    "kpi": ("konan.cli.commands.kpi", "Send and show measures of your own."),
    "sql": ("konan.cli.commands.sql", "Ask the prediction log in SQL."),
    "alarm": ("konan.cli.commands.alarm", "Watch deployments, and see what fires on what evidence."),
    "receiver": ("konan.cli.commands.receiver", "Say who is told of alarms."),
    "erasure": ("konan.cli.commands.erasure", "Erase everything that is kept about one person."),
    "status": ("konan.cli.commands.status", "Show deployments and whether they can answer."),
    "logs": ("konan.cli.commands.logs", "Show what a model wrote to its output."),
    "version": ("konan.cli.commands.version", "List and show versions, and say which one answers."),
    "rollback": ("konan.cli.commands.rollback", "Have the version that was live before answer again."),
    "ledger": ("konan.cli.commands.ledger", "Show what was live when, who changed it, and why."),
    "journal": ("konan.cli.commands.journal", "Verify the journal of predictions."),
    "backup": ("konan.cli.commands.backup", "Write everything of a server to one file while it serves."),
    "restore": ("konan.cli.commands.restore", "Put a backup into an empty data directory."),
    "performance": ("konan.cli.commands.performance", "Show how good answers were, by the truths that came."),
    "report": ("konan.cli.commands.report", "Write all that is known of a deployment to one HTML file."),
    "export": ("konan.cli.commands.export", "Write files for other systems: Prometheus, Grafana."),
    "key": ("konan.cli.commands.key", "Make, list and revoke API keys."),
    "login": ("konan.cli.commands.login", "Keep a server's address and key in the local profile."),
    "config": ("konan.cli.commands.config", "Show every setting and where its value came from."),
    "doctor": ("konan.cli.commands.doctor", "Check this machine and the server, and say what to do."),
    "completion": ("konan.cli.commands.completion", "Print a script that completes words in a shell."),
}
"""Every command: the module that holds it, and one line about it."""


@click.group(
    cls=Lazy,
    table=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`konan COMMAND --help` tells more and shows examples.",
)
@click.version_option(__version__, message="konan %(version)s")
def konan() -> None:
    """Deploy, monitor and maintain trained machine-learning models."""


def run(arguments: Sequence[str]) -> int:
    """Run a command line and return its exit code.

    Args:
        arguments: the words after ``konan``.
    """
    screen = Screen(json="--json" in arguments)
    try:
        code = konan.main(list(arguments), prog_name="konan", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except (click.Abort, KeyboardInterrupt):
        screen.say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        _abandon_output()
        return 1
    except click.exceptions.NoArgsIsHelpError as help_text:
        screen.say(help_text.format_message())
        return exit_code(Usage(""))
    except Exception as reason:  # noqa: BLE001 - no traceback ever reaches a person who did not ask for it
        if "--debug" in arguments:
            traceback.print_exc()
        error = _known(reason)
        screen.error(error)
        return exit_code(error)


def main() -> None:
    """The command ``konan``."""
    sys.exit(run(sys.argv[1:]))


def _known(reason: Exception) -> KonanError:
    if isinstance(reason, KonanError):
        return reason
    if isinstance(reason, click.UsageError):
        path = reason.ctx.command_path if reason.ctx else "konan"
        return Usage(reason.format_message(), hint=f"`{path} --help` shows how.")
    if isinstance(reason, click.ClickException):
        return Usage(reason.format_message())
    return KonanError(
        f"Something unexpected went wrong: {type(reason).__name__}: {reason}",
        hint="The same command with --debug shows where.",
    )


def _abandon_output() -> None:
    """Nobody reads on: point standard output at nothing, so that Python does not complain at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
