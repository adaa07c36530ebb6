"""What whole performance reports of 90 days cost, as a caller of the HTTP API has them made."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from konan.adapters.disk import DiskBlobs
from konan.adapters.sql import SqlStore, open_store, sqlite_url
from konan.monitoring.profiles.windows import DAY
from konan.monitoring.reports.on_demand import Reports
from konan.monitoring.reports.query import Query, Slice
from konan.predictions.flusher import Rules
from konan.predictions.log import Predictions
from konan.predictions.schemas import StoredSchemas
from konan.records.access import SCOPES, Principal
from konan.records.deployments import Version
from konan.records.measures import Decision, Payoff
from konan.records.performance import PerformanceReport
from konan.records.schema import Schema

OWNER = Principal(project="p1", key_id="o", scopes=frozenset(SCOPES))
NAME = "plans"


class Server:
    """One deployment whose log is there already, and who makes its reports.

    Args:
        root: where the log is.
        log: name of the log, which is the uuid of the deployment.
        schema: of its version.
    """

    def __init__(self, root: Path, log: str, schema: Schema) -> None:
        place = root / "server"
        (place / "blobs").mkdir(parents=True)
        self.store: SqlStore = open_store(sqlite_url(place / "konan.db"))
        self.store.ensure_project("p1", "now")
        self.store.ensure_deployment(OWNER, NAME, log, "now")
        made = Version(
            uuid="v1",
            deployment=NAME,
            version=1,
            state="disabled",
            created_at="now",
            flavor="python",
            schema=schema,
        )
        self.store.add_version(OWNER, made)
        self.store.set_live(OWNER, NAME, 1)
        predictions = Predictions(place / "journal", root, StoredSchemas(self.store), Rules())
        self._reports = Reports(self.store, DiskBlobs(place / "blobs"), predictions, root)

    def decide(self, schema: Schema) -> None:
        """Declare what answers are worth, where that can be said of them."""
        first, second, *others = (*map(str, schema.output.classes), "", "")
        decision = Decision(over=-1.0, under=-2.0)
        if schema.output.classes:
            several = any(others[:-2])
            payoffs = (
                Payoff(truth=second, answer=first, value=-500),
                Payoff(truth=first, answer=second, value=-20),
            )
            decision = Decision(threshold=None if several else 0.3, payoffs=payoffs)
        self.store.put_decision(OWNER, NAME, decision)

    def report(self, asked: Query) -> PerformanceReport:
        """The report of some windows."""
        return self._reports.performance(OWNER, NAME, asked)


def reported(server: Server, schema: Schema, start: int, days: int, rounds: int) -> str:
    """Each whole report, the median of its rounds, in milliseconds of processor time.

    Args:
        server: asked.
        schema: of its version.
        start: of the first day, seconds since 1970-01-01 UTC.
        days: of each report.
        rounds: of each report, after one that is not counted.
    """
    end, column = start + days * DAY, schema.segments[0]
    by_day, single = Query(start, end, DAY), Query(start, end, days * DAY)
    cases = {
        "by day": by_day,
        "one window": single,
        "by segment, one window": single._replace(by_segment=column),
        "one segment, by day": by_day._replace(segment=Slice(column, "free")),
    }
    found = [f"{what} {_median(server, asked, rounds):.0f} ms" for what, asked in cases.items()]
    server.decide(schema)
    found += [
        f"{what} with a decision {_median(server, asked, rounds):.0f} ms"
        for what, asked in (("by day", by_day), ("one window", single))
    ]
    return f"whole reports of {days} days: {', '.join(found)}"


def _median(server: Server, asked: Query, rounds: int) -> float:
    server.report(asked)
    return statistics.median(_seconds(lambda: server.report(asked)) for _ in range(rounds)) * 1000


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
