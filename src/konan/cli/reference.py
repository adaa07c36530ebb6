"""Writes the pages and contracts that are made from the code: run ``python -m konan.cli.reference``.

``docs/reference`` is for people, ``docs/contract`` for programs; a test fails when they are not up to date.
"""

import inspect
import sys
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import msgspec

from konan import __version__, config
from konan.cli import shapes
from konan.cli.exits import EXITS, MEANINGS
from konan.cli.main import konan
from konan.client import Log, NewKey, Prediction
from konan.client.logged import SqlAnswer
from konan.records.access import Key
from konan.records.alarms import Alarm, Replay
from konan.records.deployments import Deployment, Version
from konan.records.erasure import Erasure
from konan.records.explanations import Explanation, Importance
from konan.records.kpis import KpiList, KpiReport, KpiStored
from konan.records.labels import LabelQueue, LabelReport
from konan.records.logged import LoggedPrediction
from konan.records.measures import CustomMetric, Decision
from konan.records.monitoring import DriftReport, QualityReport
from konan.records.notifications import ListedReceiver, MadeReceiver
from konan.records.operations import ResourceReport, TrafficReport
from konan.records.performance import PerformanceReport

_MADE = "<!-- Made by `python -m konan.cli.reference`; do not edit. -->\n"

_SETTINGS = """\
A value comes from the default, else `config.json` in the data directory, else the environment, else a flag of
`konan up`; the later wins. `konan config show` prints every value and where it came from. Sizes are in bytes
and times in seconds.
"""
_SETTINGS_MORE = """\
Beside these, `KONAN_URL` and `KONAN_API_KEY` name a server and a key for commands and the SDK, and
`KONAN_HOME` the folder of the local profile (`~/.konan`).
"""
_ERRORS = """\
Over HTTP an error is a problem document (RFC 9457, `application/problem+json`) with a stable `code`. With
`--json` a command answers `{"error": {"code", "message", "hint"}}` on standard output. `faults`, where
several things are wrong, name each with a JSON pointer.
"""
_ENDPOINTS = """\
The full description is the OpenAPI document at `/openapi.json` (also `docs/contract/openapi.json`). Each
deployment has one of its own, typed for its model, at `/v1/deployments/{name}/openapi.json`. A key is sent as
`Authorization: Bearer kn_…`.
"""

SHAPES: Mapping[str, Any] = {
    "error": shapes.Failed,
    "up": shapes.Up,
    "down": shapes.Down,
    "deploy": shapes.Deployed,
    "predict": Prediction,
    "status": shapes.Status,
    "logs": Log,
    "version list": shapes.Versions,
    "version show": Version,
    "version promote": Deployment,
    "rollback": Deployment,
    "ledger": shapes.LedgerShown,
    "feedback": shapes.FeedbackSent,
    "label show": LabelReport,
    "label queue": LabelQueue,
    "prediction list": shapes.LoggedPredictions,
    "prediction show": LoggedPrediction,
    "prediction export": shapes.Exported,
    "decision show": Decision,
    "decision set": Decision,
    "metric create": CustomMetric,
    "metric list": shapes.Metrics,
    "metric delete": CustomMetric,
    "drift": DriftReport,
    "quality": QualityReport,
    "performance": PerformanceReport,
    "traffic": TrafficReport,
    "resources": ResourceReport,
    "kpi send": KpiStored,
    "kpi list": KpiList,
    "kpi show": KpiReport,
    "explain": Explanation,
    "importance": Importance,
    "sql": SqlAnswer,
    "key create": NewKey,
    "alarm list": shapes.Alarms,
    "alarm show": Alarm,
    "alarm create": Alarm,
    "alarm delete": Alarm,
    "alarm replay": Replay,
    "alarm silence": Alarm,
    "alarm acknowledge": Alarm,
    "alarm resolve": Alarm,
    "alarm test": shapes.Tests,
    "receiver create": MadeReceiver,
    "receiver list": shapes.Receivers,
    "receiver delete": ListedReceiver,
    "receiver deliveries": shapes.Deliveries,
    "erasure create": Erasure,
    "erasure list": shapes.Erasures,
    "erasure show": Erasure,
    "key list": shapes.Keys,
    "key revoke": Key,
    "journal verify": shapes.JournalVerified,
    "backup": shapes.BackedUp,
    "restore": shapes.Restored,
    "export prometheus": shapes.Written,
    "export grafana": shapes.Written,
    "report": shapes.Reported,
    "login": shapes.Login,
    "config show": shapes.Settings,
    "doctor": shapes.Doctor,
    "completion": shapes.Completion,
}
"""What each command answers with ``--json`` (`predict --file` one such line for each row), and ``error``."""


def pages() -> dict[str, str]:
    """Every generated file below ``docs``, by its path, with its content."""
    from konan.demo.story import Summary

    api = platform_document()
    made = {
        "reference/settings.md": settings_page(),
        "reference/cli.md": cli_page(),
        "reference/errors.md": errors_page(),
        "reference/endpoints.md": endpoints_page(api),
        "contract/openapi.json": _json(api),
    }
    for command, kind in {**SHAPES, "demo": Summary}.items():
        made[f"contract/cli/{command.replace(' ', '-')}.schema.json"] = _json(schema_of(command, kind))
    return made


def platform_document() -> dict[str, Any]:
    """The OpenAPI document of the platform."""
    from konan.control import app, elsewhere, openapi

    return openapi.document([*app.endpoints(), *elsewhere.ENDPOINTS], __version__)


def schema_of(command: str, kind: Any) -> dict[str, Any]:
    """The JSON schema of what a command answers."""
    title = "Any command that fails" if command == "error" else f"konan {command} --json"
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        **msgspec.json.schema(kind),
    }


def settings_page() -> str:
    """Every setting."""
    prefix = config.ENVIRONMENT_PREFIX
    rows = [
        f"| `{one.name}` | `{prefix}{one.name.upper()}` | `{one.default!r}` | {one.metadata['meaning']} |"
        for one in fields(config.Settings)
    ]
    head = ["| setting | environment | default | meaning |", "|---|---|---|---|"]
    return "\n".join(["# Settings", "", _MADE, _SETTINGS, *head, *rows, "", _SETTINGS_MORE])


def cli_page() -> str:
    """Every command with its help."""
    lines = ["# Commands", "", _MADE]
    for name, command in commands():
        with click.Context(command, info_name=f"konan {name}", terminal_width=100) as context:
            help_text = command.get_help(context)
        lines += [f"## konan {name}", "", "```text", help_text, "```", ""]
    lines += ["## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {code} | {meaning} |" for code, meaning in MEANINGS.items()]
    return "\n".join([*lines, ""])


def errors_page() -> str:
    """Every error with its HTTP status and exit code."""
    from konan.serving.problems import STATUS

    rows = [
        f'| <a id="{kind.code}"></a>`{kind.code}` | {STATUS[kind]} | {code} | {_first_line(kind)} |'
        for kind, code in EXITS.items()
    ]
    head = ["| code | HTTP status | exit code | meaning |", "|---|---|---|---|"]
    return "\n".join(["# Errors", "", _MADE, _ERRORS, *head, *rows, ""])


def endpoints_page(api: Mapping[str, Any]) -> str:
    """Every path of the HTTP API."""
    rows = []
    for path, operations in api["paths"].items():
        for method, operation in operations.items():
            needs = operation.get("description", "public.").removeprefix("Needs the scope ").rstrip(".")
            rows.append(f"| {method.upper()} | `{path}` | {needs} | {operation['summary']} |")
    head = ["| method | path | scope | what it does |", "|---|---|---|---|"]
    return "\n".join(["# HTTP API", "", _MADE, _ENDPOINTS, *head, *rows, ""])


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its words."""
    context = click.Context(konan)
    for name in konan.list_commands(context):
        found = konan.get_command(context, name)
        if isinstance(found, click.Group):
            yield from ((f"{name} {inner}", command) for inner, command in found.commands.items())
        elif found is not None:
            yield name, found


def write(docs: Path) -> list[Path]:
    """Write every generated file that is missing or differs; returns which."""
    changed = []
    for name, content in pages().items():
        path = docs / name
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
            changed.append(path)
    return changed


def _first_line(kind: type) -> str:
    return (inspect.getdoc(kind) or "").partition("\n")[0]


def _json(thing: object) -> str:
    return msgspec.json.format(msgspec.json.encode(thing, order="deterministic"), indent=2).decode() + "\n"


if __name__ == "__main__":
    for each in write(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs")):
        sys.stderr.write(f"wrote {each}\n")
