"""A backup of the whole server over HTTP, made by a process beside this one and passed on as it comes."""

import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator

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
    return Streamed(_parts(call.services.settings), _MEDIA_TYPE)


def _parts(settings: Settings) -> Iterator[bytes]:
    """The archive; the process ends when nobody wants more of it."""
    with tempfile.TemporaryFile() as said:
        making = subprocess.Popen(
            [sys.executable, "-P", "-m", "konan.keeping"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            bufsize=0,
        )
        if making.stdin is None or making.stdout is None:
            raise KonanError("The backup has no pipes.")
        try:
            making.stdin.write(config.to_json(settings))
            making.stdin.close()
            while part := os.read(making.stdout.fileno(), _PART):
                yield part
            if making.wait() != 0:
                said.seek(0)
                raise _error(said.read())
        finally:
            making.stdout.close()  # it stops at its next write, and clears up
            threading.Thread(target=making.wait, name="backup-end", daemon=True).start()


def _error(said: bytes) -> KonanError:
    try:
        told = msgspec.json.decode(said, type=_Told)
    except msgspec.DecodeError:
        _log.error("a backup failed", extra={"reason": said[-4000:].decode(errors="replace")})  # noqa: TRY400
        return KonanError("The backup failed; the server's log says why.")
    return by_code().get(told.code, KonanError)(told.message, hint=told.hint)
