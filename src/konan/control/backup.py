"""A backup of the whole server over HTTP, made by a process beside this one and passed on as it comes."""

import fcntl
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, BinaryIO, cast

import msgspec

from konan import config
from konan.config import Settings
from konan.control.table import Call, Nothing, Streamed, Table
from konan.errors import Conflict, KonanError, NotAllowed, StorageFull, by_code

_log = logging.getLogger(__name__)
table = Table()
_MEDIA_TYPE = "application/x-tar"
_PART = 1024 * 1024


class _Told(msgspec.Struct, frozen=True):
    """Why there is no backup."""

    code: str
    message: str
    hint: str


@table.route(
    "GET",
    "/v1/backup",
    permission="admin",
    query=Nothing,
    request=Nothing,
    response=Streamed,
    media_type=_MEDIA_TYPE,
    summary="Download everything of this server as one archive, for `konan restore`; it goes on serving.",
    errors=(Conflict, StorageFull),
)
async def backup(call: Call[Nothing, Nothing]) -> Streamed:
    """Download everything."""
    if call.caller.deployments:
        raise NotAllowed("A key that is limited to some deployments cannot make a backup.")
    services = call.services
    making = _Making(replace(services.settings, data_dir=str(services.paths.root)))
    return Streamed(making.parts(), _MEDIA_TYPE, making.end)


class _Making:
    """The process that makes an archive.

    Args:
        settings: of the server.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def parts(self) -> Iterator[bytes]:
        """The archive, as it is made."""
        with tempfile.TemporaryFile() as said:
            command = [sys.executable, "-P", "-m", "konan.keeping"]
            pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": said}
            with subprocess.Popen(command, bufsize=0, **pipes) as process:
                self._process = process
                if hasattr(fcntl, "F_SETPIPE_SZ"):  # fewer turns for a process that gives way to others
                    fcntl.fcntl(cast("BinaryIO", process.stdout), fcntl.F_SETPIPE_SZ, _PART)
                with cast("BinaryIO", process.stdin) as settings:
                    settings.write(config.to_json(self._settings))
                while part := cast("BinaryIO", process.stdout).read(_PART):
                    yield part
            if process.returncode != 0:
                said.seek(0)
                raise _error(said.read())

    def end(self) -> None:
        """Let it clear up and end, if it has not."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()


def _error(said: bytes) -> KonanError:
    try:
        told = msgspec.json.decode(said, type=_Told)
    except msgspec.DecodeError:
        _log.error("a backup failed", extra={"reason": said[-4000:].decode(errors="replace")})
        return KonanError("The backup failed; the server's log says why.")
    return by_code().get(told.code, KonanError)(told.message, hint=told.hint)
