"""What holds for every command: help that is light, one shape of errors, exit codes, no traceback."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tests.unit.cli.conftest import Konan, Script

from konan import __version__, errors
from konan.cli.command import COMMON, Command
from konan.cli.exits import EXITS, exit_code
from konan.cli.main import COMMANDS
from konan.cli.main import konan as root

HEAVY = {
    "numpy",
    "pandas",
    "pyarrow",
    "rich",
    "httpx",
    "litestar",
    "uvicorn",
    "sqlalchemy",
    "uvloop",
    "sqlite3",
    "asyncio",
}


def all_commands() -> Iterator[tuple[str, click.Command]]:
    context = click.Context(root)
    for name in root.list_commands(context):
        found = root.get_command(context, name)
        assert found is not None
        if isinstance(found, click.Group):
            yield from ((f"{name} {inner}", command) for inner, command in found.commands.items())
        else:
            yield name, found


def test_help_imports_nothing_heavy(process: Konan) -> None:
    code = (
        "import json, sys\n"
        "from konan.cli.main import run\n"
        "code = run(['--help'])\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)\n"
        "sys.exit(code)\n"
    )
    done = process(code=code)
    loaded = set(json.loads(done.err))
    assert done.code == 0
    assert not loaded & HEAVY
    assert not {name for name in loaded if name.startswith("konan.cli.commands.")}
    assert all(f"  {name} " in done.out for name in COMMANDS)


def test_completing_a_word_imports_nothing_heavy() -> None:
    code = (
        "import os, sys\n"
        "os.environ.update(_KONAN_COMPLETE='bash_complete', COMP_WORDS='konan de', COMP_CWORD='1')\n"
        "from konan.cli.main import run\n"
        "run([])\n"
        f"sys.stdout.flush(); assert not set(sys.modules) & {HEAVY!r}\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["plain,demo", "plain,deploy", "plain,decision"]


@pytest.mark.parametrize(("name", "command"), list(all_commands()))
def test_every_command_takes_the_common_flags_and_shows_an_example(name: str, command: click.Command) -> None:
    assert isinstance(command, Command)
    assert set(COMMON) <= {parameter.name for parameter in command.params}
    assert command.examples
    assert any(
        example.startswith(f"konan {name}") or f"konan {name}" in example for example in command.examples
    )
    with click.Context(command, info_name=f"konan {name}") as context:
        text = command.get_help(context)
    assert "Examples:" in text
    assert all(parameter.help for parameter in command.params if isinstance(parameter, click.Option))


@pytest.mark.parametrize("name", list(COMMANDS))
def test_the_summary_of_a_command_is_its_modules(name: str, konan: Konan) -> None:
    assert konan(name, "--help").code == 0


def test_no_secret_is_a_flag() -> None:
    flags = {option for _, command in all_commands() for one in command.params for option in one.opts}
    assert not flags & {"--api-key", "--password", "--token", "--secret"}


def test_the_version_is_told(konan: Konan) -> None:
    assert konan("--version").out == f"konan {__version__}\n"


def test_no_words_show_the_help_and_exit_2(konan: Konan) -> None:
    done = konan()
    assert (done.code, done.out) == (2, "")
    assert "Commands:" in done.err


@pytest.mark.parametrize(
    "words", [["stat"], ["status", "--colour"], ["predict"], ["key", "create", "--scope", "all"]]
)
def test_a_wrong_call_is_usage_in_both_shapes(konan: Konan, words: list[str]) -> None:
    plain = konan(*words)
    assert (plain.code, plain.out) == (2, "")
    assert plain.err.startswith("error: ")
    assert "--help` shows how." in plain.err
    shaped = konan(*words, "--json")
    assert (shaped.code, shaped.err) == (2, "")
    assert shaped.json["error"]["code"] == "usage"
    assert set(shaped.json["error"]) == {"code", "message", "hint"}


def test_an_error_of_the_server_is_told_with_all_it_says(server: Script, konan: Konan) -> None:
    fault = {"pointer": "/hour", "code": "missing", "message": "is missing"}
    problem = {
        "code": "rows_invalid",
        "detail": "1 fault.",
        "hint": "Send it.",
        "faults": [fault],
        "request_id": "r1",
    }
    server.answer(problem, 422)
    server.answer(problem, 422)
    plain = konan("predict", "bikes", "--row", "{}", "--url", server.url)
    assert plain.code == 2
    assert plain.err == "error: 1 fault.\n  /hour: is missing\nrequest id: r1\nhint: Send it.\n"
    shaped = konan("predict", "bikes", "--row", "{}", "--url", server.url, "--json")
    assert shaped.json == {
        "error": {
            "code": "rows_invalid",
            "message": "1 fault.",
            "hint": "Send it.",
            "faults": [fault],
            "notes": ["request id: r1"],
        }
    }


@pytest.mark.parametrize("kind", list(EXITS))
def test_every_error_of_the_server_has_its_exit_code(
    server: Script, konan: Konan, kind: type[errors.KonanError]
) -> None:
    server.answer({"code": kind.code, "detail": "No."}, 500)
    done = konan("status", "--json", "--url", server.url)
    assert done.code == exit_code(kind(""))
    assert done.json["error"]["code"] == kind.code


def test_a_surprise_shows_no_traceback_unless_asked(konan: Konan, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("konan.profile.read", lambda: 1 / 0)
    plain = konan("status")
    assert plain.code == 1
    assert "ZeroDivisionError" in plain.err
    assert "Traceback" not in plain.err
    assert "Traceback" in konan("status", "--debug").err


_HEARS_CTRL_C = "import os, signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
"""A shell that starts the tests in the background has them, and what they start, ignore the interrupt."""


def test_ctrl_c_exits_130() -> None:
    code = (
        f"{_HEARS_CTRL_C}"
        "from konan.cli.main import main\n"
        "from konan import profile\n"
        "profile.read = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "import sys; sys.argv = ['konan', 'status']; main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr.strip() == "Interrupted."


def test_ctrl_c_during_a_deploy_tells_what_becomes_of_the_version(server: Script, tmp_path: Path) -> None:
    version = {"uuid": "v", "deployment": "bikes", "version": 3, "state": "building", "created_at": "c"}
    server.answer({**version, "flavor": "python"}, 202)
    (tmp_path / "model.py").write_text("class Model:\n    def predict(self, rows): return rows\n")
    code = (
        f"{_HEARS_CTRL_C}"
        "import sys, types\n"
        "from konan.cli.main import main\n"
        "from konan.client import senders\n"
        "interrupt = lambda _: os.kill(os.getpid(), signal.SIGINT)\n"
        "senders.time = types.SimpleNamespace(sleep=interrupt)\n"
        f"sys.argv = ['konan', 'deploy', 'bikes', 'model.py', '--url', {server.url!r}]; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 130, done.stderr
    assert "`konan version show bikes 3` tells how." in done.stderr


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    code = "import sys\nfrom konan.cli.main import main\nsys.argv = ['konan', 'config', 'show']\nmain()\n"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        told = child.stderr.read()
        assert child.wait() == 1
    assert told == b""
