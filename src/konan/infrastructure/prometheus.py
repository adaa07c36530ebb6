"""Prometheus: what to ask of ``/metrics`` and when somebody must be told (pure).

The files are YAML, and need no library: all that varies is a string in single quotes. Rules name symptoms
first: whoever is called shall know what is broken for whom, and what to look at.
"""

from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

JOB = "konan"
"""Name under which Prometheus asks; the rules and the dashboard rely on it."""

KEY_FILE = "konan.key"
"""File beside the configuration with the text of an API key that may read."""


class Rule(NamedTuple):
    """When somebody must be told.

    Attributes:
        name: of the alert.
        expression: PromQL; every series that it gives is an alert.
        lasting: so long it has to hold, as Prometheus writes lengths of time.
        severity: ``critical`` wants somebody now, ``warning`` in working hours.
        summary: what is wrong, in a sentence; may name labels.
        description: what to do about it.
    """

    name: str
    expression: str
    lasting: str
    severity: Literal["critical", "warning"]
    summary: str
    description: str


_WHOSE = "{{ $labels.deployment }} v{{ $labels.version }}"
_BY = "by (project, deployment, version)"

RULES: Mapping[str, tuple[Rule, ...]] = {
    "konan-serving": (
        Rule(
            "KonanDown",
            f'up{{job="{JOB}"}} == 0',
            "1m",
            "critical",
            "Konan at {{ $labels.instance }} does not answer.",
            "See whether it runs (konan status) and what its log says.",
        ),
        Rule(
            "KonanNoWorkers",
            f"max {_BY} (konan_workers) == 0",
            "2m",
            "critical",
            f"{_WHOSE} has no worker: every request for it fails.",
            "konan logs {{ $labels.deployment }} shows what the model wrote before it ended.",
        ),
        Rule(
            "KonanRequestsFail",
            f'sum {_BY} (rate(konan_prediction_requests_total{{code!="ok"}}[5m])) '
            f"/ sum {_BY} (rate(konan_prediction_requests_total[5m])) > 0.05",
            "5m",
            "critical",
            f"{{{{ $value | humanizePercentage }}}} of the requests to {_WHOSE} fail.",
            "The label code of konan_prediction_requests_total says why; konan logs shows more.",
        ),
        Rule(
            "KonanSlow",
            "histogram_quantile(0.99, sum by (project, deployment, version, le) "
            "(rate(konan_prediction_seconds_bucket[5m]))) > 1",
            "10m",
            "warning",
            f"One in a hundred requests to {_WHOSE} takes more than {{{{ $value | humanizeDuration }}}}.",
            "konan_waiting_rows tells whether rows wait for a worker or the model itself is slow.",
        ),
        Rule(
            "KonanRowsWait",
            f"sum {_BY} (konan_waiting_rows) > 1000",
            "5m",
            "warning",
            f"{{{{ $value }}}} rows wait for a worker of {_WHOSE}.",
            "Send less, or give it more workers.",
        ),
        Rule(
            "KonanConnectionsRefused",
            "sum by (instance) (rate(konan_connections_refused_total[5m])) > 0",
            "5m",
            "warning",
            "Konan at {{ $labels.instance }} turns connections away: too many are open.",
            "Raise the setting connections, or let clients keep fewer.",
        ),
    ),
    "konan-platform": (
        Rule(
            "KonanRestarts",
            "increase(konan_process_restarts_total[30m]) >= 3",
            "0m",
            "warning",
            "{{ $labels.process }} keeps ending and is started again.",
            "The server's log names the reason of each end.",
        ),
        Rule(
            "KonanCannotKeep",
            "sum by (instance, code) (rate(konan_requests_rejected_total{code=~"
            '"journal_unavailable|storage_full"}[5m])) > 0',
            "1m",
            "critical",
            "Konan at {{ $labels.instance }} cannot write down what it answers, so it answers nothing.",
            "Make room on the disk of the data directory. What was answered before is kept.",
        ),
    ),
    "konan-monitoring": (
        Rule(
            "KonanAlarmFires",
            'konan_alarm_state{state="firing"} == 1 '
            "unless on (project, deployment, alarm) konan_alarm_silenced == 1",
            "0m",
            "warning",
            "The alarm {{ $labels.alarm }} of {{ $labels.deployment }} fires.",
            "konan report {{ $labels.deployment }} shows on what evidence. Konan has weighed it already: its "
            "budget of false alarms holds without a waiting time here.",
        ),
        Rule(
            "KonanAlarmSeesNothing",
            'konan_alarm_state{state="no data"} == 1 '
            "unless on (project, deployment, alarm) konan_alarm_silenced == 1",
            "1h",
            "warning",
            "The alarm {{ $labels.alarm }} of {{ $labels.deployment }} has had nothing to look at for a day.",
            "Nobody calls the deployment, or what calls it cannot reach it.",
        ),
    ),
}


def files(target: str) -> dict[str, str]:
    """Configuration and rules by the names of their files.

    Args:
        target: address of the server, as ``http://127.0.0.1:8000``.
    """
    return {"prometheus.yml": configuration(target), "konan.rules.yml": rules()}


def configuration(target: str) -> str:
    """How Prometheus asks; a whole configuration, whose parts can be put into one that there is.

    >>> print(configuration("https://konan.example:8443"))  # doctest: +ELLIPSIS
    # Asks Konan for what it counts; ...
        scheme: 'https'
    ...
          - targets: ['konan.example:8443']
    <BLANKLINE>
    """
    scheme, _, place = target.rpartition("://")
    place = place.split("/", 1)[0]
    return f"""\
# Asks Konan for what it counts; {KEY_FILE} beside this file holds a key that may read:
#   konan key create --name prometheus --scope read > konan.key
rule_files:
  - "konan.rules.yml"
scrape_configs:
  - job_name: {_quoted(JOB)}
    scheme: {_quoted(scheme or "http")}
    metrics_path: "/metrics"
    scrape_interval: "15s"
    authorization:
      type: "Bearer"
      credentials_file: {_quoted(KEY_FILE)}
    static_configs:
      - targets: [{_quoted(place)}]
"""


def rules() -> str:
    """The rules as Prometheus reads them."""
    lines = ["# When somebody must be told, from what Konan counts.", "groups:"]
    for group, members in RULES.items():
        lines += [f"  - name: {_quoted(group)}", "    rules:"]
        lines += [line for rule in members for line in _rule(rule)]
    return "\n".join(lines) + "\n"


def _rule(rule: Rule) -> Iterator[str]:
    yield f"      - alert: {_quoted(rule.name)}"
    yield f"        expr: {_quoted(rule.expression)}"
    if rule.lasting != "0m":
        yield f"        for: {_quoted(rule.lasting)}"
    yield f"        labels: {{severity: {_quoted(rule.severity)}}}"
    yield "        annotations:"
    yield f"          summary: {_quoted(rule.summary)}"
    yield f"          description: {_quoted(rule.description)}"


def _quoted(text: str) -> str:
    """A string of YAML, in which nothing but a single quote means anything.

    >>> print(_quoted("what it's called"))
    'what it''s called'
    """
    return "'{}'".format(text.replace("'", "''"))
