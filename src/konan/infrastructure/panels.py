"""The panels of Grafana's dashboard: what each shows, and the queries that it asks of Prometheus (pure)."""

import json
from typing import Literal, NamedTuple

from konan.infrastructure.prometheus import JOB

ONE = 'project="$project", deployment=~"$deployment"'
"""Labels of what is chosen on top of the dashboard."""

_VERSION = "by (deployment, version)"

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


def _rate(metric: str, labels: str = ONE) -> str:
    return f"rate({metric}{{{labels}}}[$__rate_interval])"


def _quantile(part: float) -> str:
    buckets = _rate("konan_prediction_seconds_bucket")
    return f"histogram_quantile({part}, sum by (deployment, le) ({buckets}))"


_REQUESTS = _rate("konan_prediction_requests_total")
_FAILED = _rate("konan_prediction_requests_total", f'{ONE}, code!="ok"')
FIRING = f'konan_alarm_state{{{ONE}, state="firing"}}'

ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Is it well?",
        (
            Panel(
                "Alarms that fire",
                "Alarms that have weighed evidence against their budget of false alarms, and fire.",
                ((f"sum({FIRING}) or vector(0)", "firing"),),
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
                    (f"sum {_VERSION} (konan_waiting_rows{{{ONE}}})", "{{deployment}} v{{version}} waiting"),
                    (f"sum {_VERSION} (konan_workers{{{ONE}}})", "{{deployment}} v{{version}} workers"),
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
                ((f"konan_alarm_state{{{ONE}}} == 1", "{{deployment}} {{alarm}}: {{state}}"),),
                kind="state-timeline",
                width=24,
            ),
            Panel(
                "Evidence on its way to the threshold",
                "Logarithm of the detector's value over that of its threshold; an alarm can fire from 1.",
                (
                    (
                        f"konan_alarm_evidence{{{ONE}}} / konan_alarm_threshold{{{ONE}}}",
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
                        f"konan_alarm_effect{{{ONE}}} - konan_alarm_floor{{{ONE}}}",
                        "{{deployment}} {{alarm}}",
                    ),
                ),
            ),
            Panel(
                "Columns that drift most",
                "Population stability index less noise, in the last window; 0.1 is often called small.",
                ((f"topk(15, konan_drift_effect{{{ONE}}})", "{{deployment}} {{column}}"),),
                kind="bargauge",
                warning=0.1,
                bad=0.25,
            ),
            Panel(
                "Columns with faults",
                "Share of values that are missing, unseen or out of range, less what is usual.",
                ((f"topk(15, konan_quality_effect{{{ONE}}})", "{{deployment}} {{column}}"),),
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
                        f'{name}{{{ONE}, metric=~"$metric"}}',
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
                        f"konan_performance_labelled_rows{{{ONE}}} / konan_performance_rows{{{ONE}}}",
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
