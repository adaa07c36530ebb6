"""A real Prometheus: it takes the configuration and the rules, asks a real server, and fires."""

import json
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.http.platform.server import Server, eventually

from konan.infrastructure import prometheus

pytestmark = [pytest.mark.programs, pytest.mark.timeout(300)]

WHOSE = 'project="default", deployment="bikes", version="3"'
ALARM = 'project="default", deployment="bikes", alarm="drift"'
UP = 'up{job="konan", instance="here"}'

SERIES: dict[str, list[tuple[str, str]]] = {
    "KonanDown": [(UP, "1 0x60")],
    "KonanNoWorkers": [(f'konan_workers{{{WHOSE}, gateway="{at}"}}', "1 0x60") for at in (0, 1)],
    "KonanRequestsFail": [
        (f'konan_prediction_requests_total{{{WHOSE}, code="ok", gateway="0"}}', "0+90x60"),
        (f'konan_prediction_requests_total{{{WHOSE}, code="model_failed", gateway="0"}}', "0+10x60"),
    ],
    "KonanSlow": [
        (f'konan_prediction_seconds_bucket{{{WHOSE}, le="{bound}"}}', f"0+{step}x60")
        for bound, step in (("0.1", 90), ("1.0", 95), ("5.0", 100), ("+Inf", 100))
    ],
    "KonanRowsWait": [(f'konan_waiting_rows{{{WHOSE}, gateway="{at}"}}', "600x60") for at in (0, 1)],
    "KonanConnectionsRefused": [('konan_connections_refused_total{gateway="0", instance="here"}', "0+5x60")],
    "KonanRestarts": [('konan_process_restarts_total{process="worker bikes v3 #1"}', "0+1x60")],
    "KonanCannotKeep": [
        ('konan_requests_rejected_total{code="storage_full", gateway="0", instance="here"}', "0+5x60")
    ],
    "KonanAlarmFires": [
        (f'konan_alarm_state{{{ALARM}, state="firing"}}', "1x60"),
        (f"konan_alarm_silenced{{{ALARM}}}", "0x60"),
    ],
    "KonanAlarmSeesNothing": [(f'konan_alarm_state{{{ALARM}, state="no data"}}', "1x90")],
}
"""Of each alert what makes it fire, a value a minute."""

CALM: dict[str, list[tuple[str, str]]] = {
    "KonanDown": [(UP, "1x60")],
    "KonanNoWorkers": [
        (f'konan_workers{{{WHOSE}, gateway="0"}}', "0x60"),
        (f'konan_workers{{{WHOSE}, gateway="1"}}', "1x60"),
    ],
    "KonanRequestsFail": [
        (f'konan_prediction_requests_total{{{WHOSE}, code="ok", gateway="0"}}', "0+99x60"),
        (f'konan_prediction_requests_total{{{WHOSE}, code="model_failed", gateway="0"}}', "0+1x60"),
    ],
    "KonanSlow": [
        (f'konan_prediction_seconds_bucket{{{WHOSE}, le="{bound}"}}', "0+100x60") for bound in ("0.1", "+Inf")
    ],
    "KonanRowsWait": [(f'konan_waiting_rows{{{WHOSE}, gateway="0"}}', "600x60")],
    "KonanConnectionsRefused": [('konan_connections_refused_total{gateway="0", instance="here"}', "7x60")],
    "KonanRestarts": [('konan_process_restarts_total{process="worker bikes v3 #1"}', "0x30 1x30")],
    "KonanCannotKeep": [
        ('konan_requests_rejected_total{code="rows_invalid", gateway="0", instance="here"}', "0+5x60")
    ],
    "KonanAlarmFires": [
        (f'konan_alarm_state{{{ALARM}, state="firing"}}', "1x60"),
        (f"konan_alarm_silenced{{{ALARM}}}", "1x60"),
    ],
    "KonanAlarmSeesNothing": [(f'konan_alarm_state{{{ALARM}, state="ok"}}', "1x90")],
}
"""Of each alert what comes near, and does not make it fire."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in prometheus.files("http://127.0.0.1:8000").items():
        (tmp_path / name).write_text(content)
    (tmp_path / prometheus.KEY_FILE).write_text("kn_live_x")
    return tmp_path


def promtool(folder: Path, *words: str) -> str:
    done = subprocess.run(["promtool", *words], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_promtool_takes_configuration_and_rules(folder: Path) -> None:
    assert "SUCCESS" in promtool(folder, "check", "config", "prometheus.yml")
    rules = [rule for group in prometheus.RULES.values() for rule in group]
    assert f"{len(rules)} rules found" in promtool(folder, "check", "rules", "konan.rules.yml")


def when(expression: str, *, fires: bool, series: list[tuple[str, str]], name: str) -> dict[str, Any]:
    """A case of promtool's: at the end of an hour and a half the alert fires once, or not at all."""
    counted = f'count(ALERTS{{alertname="{name}", alertstate="firing"}}) or vector(0)'
    return {
        "name": f"{name} {'fires' if fires else 'stays quiet'}: {expression}",
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series],
        "promql_expr_test": [
            {
                "expr": counted,
                "eval_time": "1h25m" if name == "KonanAlarmSeesNothing" else "50m",
                "exp_samples": [{"labels": "{}", "value": int(fires)}],
            }
        ],
    }


def test_every_rule_fires_when_it_should_and_only_then(folder: Path) -> None:
    rules = {rule.name: rule for group in prometheus.RULES.values() for rule in group}
    assert set(SERIES) == set(CALM) == set(rules)
    tests = [
        when(rules[name].expression, fires=fires, series=series, name=name)
        for fires, cases in ((True, SERIES), (False, CALM))
        for name, series in cases.items()
    ]
    given = {"rule_files": ["konan.rules.yml"], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yml").write_text(yaml.safe_dump(given))
    assert "SUCCESS" in promtool(folder, "test", "rules", "tests.yml")


class Watcher:
    """A Prometheus that asks a server every half second."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        with (folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={folder / 'data'}",
                    f"--web.listen-address=127.0.0.1:{self.port}",
                ],
                stdout=log,
                stderr=log,
            )

    def ask(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api/v1/{path}", timeout=10) as answer:
            return json.load(answer)["data"]

    def ready(self) -> bool:
        assert self.process.poll() is None
        try:
            return bool(self.ask("targets")["activeTargets"])
        except OSError:
            return False

    def healthy(self) -> bool:
        return all(target["health"] == "up" for target in self.ask("targets")["activeTargets"])

    def alerts(self) -> dict[str, dict[str, Any]]:
        """Alerts that fire, by name."""
        found = self.ask("alerts")["alerts"]
        return {one["labels"]["alertname"]: one for one in found if one["state"] == "firing"}

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(30)


def hurry(folder: Path) -> None:
    """Ask and judge every half second, and wait for nothing: a test has less patience than people."""
    asked = yaml.safe_load((folder / "prometheus.yml").read_text())
    asked["global"] = {"evaluation_interval": "500ms", "scrape_interval": "500ms"}
    asked["scrape_configs"][0]["scrape_interval"] = "500ms"
    (folder / "prometheus.yml").write_text(yaml.safe_dump(asked))
    rules = yaml.safe_load((folder / "konan.rules.yml").read_text())
    for group in rules["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    (folder / "konan.rules.yml").write_text(yaml.safe_dump(rules))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def watcher(server: Server, tmp_path: Path) -> Iterator[Watcher]:
    """A Prometheus with the files that the command writes and a key that may only read."""
    folder = tmp_path / "monitoring"
    done = server.run("export", "prometheus", str(folder))
    assert done.returncode == 0, done.stderr
    key = server.run("key", "create", "--name", "prometheus", "--scope", "read", "--quiet")
    assert key.returncode == 0, key.stderr
    (folder / prometheus.KEY_FILE).write_text(key.stdout)
    hurry(folder)
    made = Watcher(folder)
    try:
        eventually(made.ready, "Prometheus is there")
        yield made
    finally:
        made.stop()


@pytest.mark.slow
def test_a_real_prometheus_asks_a_real_server_and_fires(server: Server, watcher: Watcher) -> None:
    server.deploy("twice")
    eventually(watcher.healthy, "the server is asked with the key")
    assert server.predict("twice", 1.0)[0] == 200
    time_limit = time.monotonic() + 60
    while "KonanRequestsFail" not in watcher.alerts():  # the model ends with every such row
        assert time.monotonic() < time_limit
        assert server.predict("twice", 13)[0] >= 500
    fired = watcher.alerts()["KonanRequestsFail"]
    assert fired["labels"]["deployment"] == "twice"
    assert fired["labels"]["severity"] == "critical"
    assert "of the requests to twice v1 fail" in fired["annotations"]["summary"]
    assert "KonanDown" not in watcher.alerts()
    server.stop()
    eventually(lambda: "KonanDown" in watcher.alerts(), "the alert that the server is down fires")
