"""Grafana: a dashboard over what Prometheus has of Konan, from symptoms to causes (pure).

The JSON is that of an exported dashboard: whoever imports it is asked which Prometheus to read. A deployment
is chosen on top; every panel says in its description what it means.
"""

import json
from typing import Any, Literal, NamedTuple

from konan.infrastructure.prometheus import JOB

UID = "konan-deployments"
_WIDTH = 24
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_ONE = 'project="$project", deployment=~"$deployment"'
_VERSION = "by (deployment, version)"
_COLORS = {"good": "green", "warning": "orange", "bad": "red"}

Kind = Literal["stat", "timeseries", "state-timeline", "bargauge"]


class Panel(NamedTuple):
    """A panel.

    Attributes:
        title: what it shows.
        meaning: in a sentence.
        queries: PromQL, each with the name of its series.
        unit: of Grafana, as ``s``, ``percentunit``, ``reqps``, ``bytes``, ``short``.
        kind: how it is drawn.
        width: of 24.
        warning: value from which it is orange; None for never.
        bad: value from which it is red; None for never.
        height: in Grafana's rows.
    """

    title: str
    meaning: str
    queries: tuple[tuple[str, str], ...]
    unit: str = "short"
    kind: Kind = "timeseries"
    width: int = 12
    warning: float | None = None
    bad: float | None = None
    height: int = 8


def _rate(metric: str, labels: str = _ONE) -> str:
    return f"rate({metric}{{{labels}}}[$__rate_interval])"


def _quantile(part: float) -> str:
    buckets = _rate("konan_prediction_seconds_bucket")
    return f"histogram_quantile({part}, sum by (deployment, le) ({buckets}))"


_REQUESTS = _rate("konan_prediction_requests_total")
_FAILED = _rate("konan_prediction_requests_total", f'{_ONE}, code!="ok"')
_FIRING = f'konan_alarm_state{{{_ONE}, state="firing"}}'

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Is it well?",
        (
            Panel(
                "Alarms that fire",
                "Alarms that have weighed evidence against their budget of false alarms, and fire.",
                ((f"sum({_FIRING}) or vector(0)", "firing"),),
                kind="stat",
                width=6,
                bad=1,
                height=5,
            ),
            Panel(
                "Requests a second",
                "Requests that a model had a say in.",
                ((f"sum({_REQUESTS})", "requests"),),
                unit="reqps",
                kind="stat",
                width=6,
                height=5,
            ),
            Panel(
                "Requests that fail",
                "Share of those whose outcome is an error.",
                ((f"(sum({_FAILED}) or vector(0)) / sum({_REQUESTS})", "failed"),),
                unit="percentunit",
                kind="stat",
                width=6,
                warning=0.01,
                bad=0.05,
                height=5,
            ),
            Panel(
                "99 of 100 answer within",
                "From a request's arrival to its answer.",
                ((_quantile(0.99), "{{deployment}}"),),
                unit="s",
                kind="stat",
                width=6,
                warning=0.5,
                bad=1,
                height=5,
            ),
        ),
    ),
    (
        "Requests",
        (
            Panel(
                "Requests by outcome",
                "ok, or the code of the error.",
                ((f"sum by (deployment, code) ({_REQUESTS})", "{{deployment}} {{code}}"),),
                unit="reqps",
            ),
            Panel(
                "Latency",
                "Half, 95 and 99 of a hundred requests are answered within.",
                tuple((_quantile(part), f"{{{{deployment}}}} p{100 * part:g}") for part in (0.5, 0.95, 0.99)),
                unit="s",
            ),
            Panel(
                "Rows a second by version",
                "Who answers: a rollout moves the rows from one version to another.",
                ((f"sum {_VERSION} ({_rate('konan_predictions_total')})", "{{deployment}} v{{version}}"),),
                unit="rowsps",
            ),
            Panel(
                "Rows that wait, and workers",
                "Rows wait when workers are busy; without workers every request fails.",
                (
                    (f"sum {_VERSION} (konan_waiting_rows{{{_ONE}}})", "{{deployment}} v{{version}} waiting"),
                    (f"sum {_VERSION} (konan_workers{{{_ONE}}})", "{{deployment}} v{{version}} workers"),
                ),
            ),
        ),
    ),
    (
        "Drift and quality",
        (
            Panel(
                "Alarms",
                "Which alarm fires, warns or learns, over time.",
                ((f"konan_alarm_state{{{_ONE}}} == 1", "{{deployment}} {{alarm}}: {{state}}"),),
                kind="state-timeline",
                width=24,
            ),
            Panel(
                "Evidence on its way to the threshold",
                "Logarithm of the detector's value over that of its threshold; an alarm can fire from 1.",
                (
                    (
                        f"konan_alarm_evidence{{{_ONE}}} / konan_alarm_threshold{{{_ONE}}}",
                        "{{deployment}} {{alarm}}",
                    ),
                ),
                warning=0.5,
                bad=1,
            ),
            Panel(
                "Effect less what noise reaches",
                "Below 0 it is within what noise alone does once in a thousand windows.",
                (
                    (
                        f"konan_alarm_effect{{{_ONE}}} - konan_alarm_floor{{{_ONE}}}",
                        "{{deployment}} {{alarm}}",
                    ),
                ),
            ),
            Panel(
                "Columns that drift most",
                "Population stability index less noise, in the last window; 0.1 is often called small.",
                ((f"topk(15, konan_drift_effect{{{_ONE}}})", "{{deployment}} {{column}}"),),
                kind="bargauge",
                warning=0.1,
                bad=0.25,
            ),
            Panel(
                "Columns with faults",
                "Share of values that are missing, unseen or out of range, less what is usual.",
                ((f"topk(15, konan_quality_effect{{{_ONE}}})", "{{deployment}} {{column}}"),),
                unit="percentunit",
                kind="bargauge",
                warning=0.01,
                bad=0.05,
            ),
        ),
    ),
    (
        "Performance",
        (
            Panel(
                "Metrics of the newest day with truths",
                "Each metric with both ends of its interval of 95 %.",
                tuple(
                    (
                        f'{name}{{{_ONE}, metric=~"$metric"}}',
                        f"{{{{deployment}}}} v{{{{version}}}} {{{{metric}}}}{end}",
                    )
                    for name, end in (
                        ("konan_performance", ""),
                        ("konan_performance_low", " low"),
                        ("konan_performance_high", " high"),
                    )
                ),
                width=16,
            ),
            Panel(
                "Labelled",
                "Share of the rows of that day whose truth is known.",
                (
                    (
                        f"konan_performance_labelled_rows{{{_ONE}}} / konan_performance_rows{{{_ONE}}}",
                        "{{deployment}} v{{version}}",
                    ),
                ),
                unit="percentunit",
                width=8,
            ),
        ),
    ),
    (
        "The platform",
        (
            Panel(
                "Processor",
                "Cores in use by each process.",
                (
                    (
                        f'{_rate("konan_process_cpu_seconds_total", f"""job="{JOB}" """.strip())}',
                        "{{process}}",
                    ),
                ),
            ),
            Panel(
                "Memory",
                "Resident memory of each process.",
                ((f'konan_process_resident_bytes{{job="{JOB}"}}', "{{process}}"),),
                unit="bytes",
            ),
            Panel(
                "Journal",
                "Bytes that are written down before answers leave.",
                ((_rate("konan_journal_bytes_total", f'job="{JOB}"'), "gateway {{gateway}}"),),
                unit="Bps",
            ),
            Panel(
                "Requests refused before a model",
                "By error code: wrong keys, wrong rows, too many requests.",
                (
                    (
                        f"sum by (code) ({_rate('konan_requests_rejected_total', f'job={json.dumps(JOB)}')})",
                        "{{code}}",
                    ),
                ),
                unit="reqps",
            ),
        ),
    ),
)


def files() -> dict[str, str]:
    """The dashboard and how a Grafana finds it, by the names of their files."""
    return {
        "konan.json": json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n",
        "provisioning/dashboards/konan.yml": _PROVIDER,
    }


_PROVIDER = """\
# Grafana finds the dashboard with this file in its folder provisioning/dashboards;
# the path is that of the folder with konan.json.
apiVersion: 1
providers:
  - name: "konan"
    type: "file"
    options:
      path: "/var/lib/grafana/dashboards"
"""


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana reads it."""
    return {
        "uid": UID,
        "title": "Konan: deployments",
        "description": "Traffic, drift, quality and processes of models that Konan serves.",
        "tags": ["konan", "machine learning"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "timezone": "browser",
        "time": {"from": "now-24h", "to": "now"},
        "templating": {"list": _variables()},
        "annotations": {"list": [_firing()]},
        "links": [],
        "panels": _panels(),
    }


def _variables() -> list[dict[str, Any]]:
    return [
        {
            "name": "datasource",
            "label": "Prometheus",
            "type": "datasource",
            "query": "prometheus",
            "hide": 0,
            "multi": False,
            "includeAll": False,
        },
        _labels("project", "Project", "konan_alarm_state", multi=False),
        _labels("deployment", "Deployment", 'konan_alarm_state{project="$project"}', multi=True),
        _labels("metric", "Metric", 'konan_performance{project="$project"}', multi=True),
    ]


def _labels(label: str, title: str, metric: str, *, multi: bool) -> dict[str, Any]:
    query = f"label_values({metric}, {label})"
    return {
        "name": label,
        "label": title,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": "variable"},
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "multi": multi,
        "includeAll": multi,
        "current": {"text": "All", "value": "$__all"} if multi else {},
    }


def _firing() -> dict[str, Any]:
    """Marks on every chart when an alarm begins to fire."""
    return {
        "name": "Alarms",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": _COLORS["bad"],
        "expr": f"{_FIRING} == 1",
        "titleFormat": "{{alarm}} fires",
        "step": "60s",
    }


def _panels() -> list[dict[str, Any]]:
    placed: list[dict[str, Any]] = []
    top = 0
    for title, panels in ROWS:
        place = {"x": 0, "y": top, "w": _WIDTH, "h": 1}
        identifier = len(placed) + 1
        row = {"id": identifier, "type": "row", "title": title, "collapsed": False, "gridPos": place}
        placed.append(row | {"panels": []})
        top += 1
        left = 0
        for panel in panels:
            if left + panel.width > _WIDTH:
                left, top = 0, top + panel.height
            place = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            placed.append(_panel(panel, len(placed) + 1, place))
            left += panel.width
        top += panels[-1].height
    return placed


def _panel(panel: Panel, identifier: int, place: dict[str, int]) -> dict[str, Any]:
    instant = panel.kind in {"stat", "bargauge"}
    return {
        "id": identifier,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.meaning,
        "datasource": _SOURCE,
        "gridPos": place,
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": _SOURCE,
                "expr": expression,
                "legendFormat": name,
                "instant": instant,
                "range": not instant,
            }
            for at, (expression, name) in enumerate(panel.queries)
        ],
        "fieldConfig": {"defaults": {"unit": panel.unit, "thresholds": _thresholds(panel)}, "overrides": []},
        "options": {},
    }


def _thresholds(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": _COLORS["good"], "value": None}]
    for name, value in (("warning", panel.warning), ("bad", panel.bad)):
        if value is not None:
            steps.append({"color": _COLORS[name], "value": value})
    return {"mode": "absolute", "steps": steps}
