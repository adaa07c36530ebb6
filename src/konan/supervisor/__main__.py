"""The supervisor as a process of its own in the background (see `konan.supervisor.detach`)."""

import os
import sys

import msgspec

from konan import config
from konan.errors import KonanError
from konan.supervisor.report import Report
from konan.supervisor.start import serve


def main(settings_fd: int, report_fd: int) -> int:
    """Run a server; the report says once whether it serves.

    Args:
        settings_fd: where the settings are read.
        report_fd: where the report goes.
    """
    with os.fdopen(settings_fd, "rb") as file:
        settings = config.from_json(file.read())

    def tell(report: Report) -> None:
        with os.fdopen(report_fd, "wb") as file:
            file.write(msgspec.json.encode(report))

    try:
        return serve(settings, tell)
    except KonanError as error:
        tell(Report(code=error.code, message=error.message, hint=error.hint))
        return 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
