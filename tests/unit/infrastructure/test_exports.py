"""Files for other systems: well-formed, about metrics that exist, and never over what somebody changed."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from tests.unit.cli.conftest import Konan, konan, no_environment

from konan.infrastructure import grafana, prometheus

__all__ = ["konan", "no_environment"]
SOURCE = Path(__file__).parents[3] / "src" / "konan" / "control"
SCHEMA = Path(__file__).with_name("dashboard.schema.json")
METRIC = re.compile(r"\bkonan_[a-z_]+")


def told() -> set[str]:
    """Every family that ``/metrics`` may show."""
    texts = [path.read_text() for path in SOURCE.glob("*.py")]
    return {name for text in texts for name in re.findall(r'"(konan_[a-z_]+)"', text)}


def expressions() -> list[str]:
    board = grafana.dashboard()
    asked = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    asked += [rule.expression for group in prometheus.RULES.values() for rule in group]
    return [*asked, *(one["query"]["query"] for one in board["templating"]["list"] if one["type"] == "query")]


def test_everything_that_is_asked_is_told() -> None:
    families = told()
    named = {name for expression in expressions() for name in METRIC.findall(expression)}
    assert len(named) > 15
    assert {re.sub("_bucket$", "", name) for name in named} <= families


def test_the_files_are_what_they_say() -> None:
    made = prometheus.files("https://konan.example:8443/")
    asked = yaml.safe_load(made["prometheus.yml"])
    (job,) = asked["scrape_configs"]
    assert (job["job_name"], job["scheme"]) == ("konan", "https")
    assert job["static_configs"] == [{"targets": ["konan.example:8443"]}]
    assert asked["rule_files"] == ["konan.rules.yml"]
    groups = yaml.safe_load(made["konan.rules.yml"])["groups"]
    rules = {rule["alert"]: rule for group in groups for rule in group["rules"]}
    for wanted in (rule for group in prometheus.RULES.values() for rule in group):
        rule = rules.pop(wanted.name)
        assert (rule["expr"], rule.get("for", "0m")) == (wanted.expression, wanted.lasting)
        assert rule["labels"] == {"severity": wanted.severity}
        assert rule["annotations"] == {"summary": wanted.summary, "description": wanted.description}
    assert rules == {}


def test_the_dashboard_has_the_shape_that_grafana_reads() -> None:
    board = json.loads(grafana.files()["konan.json"])
    jsonschema_rs.validate(json.loads(SCHEMA.read_text()), board)
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


@pytest.mark.parametrize(
    "broken",
    [{"panels": [{"type": "stat"}]}, {"schemaVersion": "39"}, {"templating": {"list": [{"name": "x"}]}}],
    ids=lambda one: next(iter(one)),
)
def test_the_schema_refuses_what_is_no_dashboard(broken: dict[str, Any]) -> None:
    board = grafana.dashboard() | broken
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(json.loads(SCHEMA.read_text()), board)


def test_panels_lie_beside_each_other_and_within_the_width() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in grafana.dashboard()["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        taken |= cells


def test_files_are_written_once_and_never_over_changes(konan: Konan, tmp_path: Path) -> None:
    folder = tmp_path / "monitoring"
    done = konan("export", "prometheus", str(folder), "--url", "http://127.0.0.1:9000", "--json")
    assert done.code == 0
    assert done.json["files"] == [str(folder / "prometheus.yml"), str(folder / "konan.rules.yml")]
    assert "127.0.0.1:9000" in (folder / "prometheus.yml").read_text()
    assert konan("export", "prometheus", str(folder), "--url", "http://127.0.0.1:9000").code == 0
    (folder / "konan.rules.yml").write_text("groups: []\n")
    refused = konan("export", "prometheus", str(folder), "--url", "http://127.0.0.1:9001")
    assert refused.code == 5
    assert "--force" in refused.err
    assert "9000" in (folder / "prometheus.yml").read_text()
    assert konan("export", "prometheus", str(folder), "--force").code == 0
    assert "KonanDown" in (folder / "konan.rules.yml").read_text()


def test_the_dashboard_is_written_where_it_is_asked_for(konan: Konan, tmp_path: Path) -> None:
    done = konan("export", "grafana", str(tmp_path))
    assert done.code == 0
    assert done.out.splitlines() == [
        str(tmp_path / "konan.json"),
        str(tmp_path / "provisioning" / "dashboards" / "konan.yml"),
    ]
    assert yaml.safe_load((tmp_path / "provisioning/dashboards/konan.yml").read_text())["apiVersion"] == 1
