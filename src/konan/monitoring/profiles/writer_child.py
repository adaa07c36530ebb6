"""The process that changes the tables (`konan.predictions.writer_child`), and counts for monitoring."""

import sys
from pathlib import Path

from konan.monitoring.operations.live_traffic import LiveTraffic
from konan.monitoring.profiles.live import LiveProfiles
from konan.monitoring.reports.newest_performance import NewestPerformance
from konan.predictions import writer_child
from konan.predictions.schemas import Schemas
from konan.predictions.table import Snapshot


class Counted:
    """Profiles, traffic and newest performance of all logs; each also when another fails.

    Args:
        directory: where the logs are.
        schemas: what versions take.
    """

    def __init__(self, directory: Path, schemas: Schemas) -> None:
        self._profiles = LiveProfiles(directory, schemas)
        self._traffic = LiveTraffic(directory)
        self._newest = NewestPerformance(directory, schemas)

    def follow(self, name: str, now: Snapshot) -> None:
        """Bring all up to date; arguments as of `konan.predictions.following.Follower.follow`."""
        try:
            self._traffic.follow(name, now)
        finally:
            self._profiles.follow(name, now)
            self._newest.follow(name, now)


if __name__ == "__main__":
    sys.exit(writer_child.main(sys.argv[1:], Counted))
