"""Summarises the rows given at deploy as the reference of a version, in a process of its own.

Strangers' files take time and memory to read, so `summarise` runs this module as a child
(``python -m konan.monitoring.reference.summary``: a `Request` as JSON on standard input, a `Summary` as
MessagePack on standard output), and neither Arrow nor numpy is loaded on control's side.
"""

import logging
import math
import sys
from pathlib import Path
from typing import Literal

import msgspec

from konan import ending, priority
from konan.errors import DataInvalid, KonanError
from konan.packaging.child import Limits, run
from konan.packaging.learn import ENVIRONMENT, without_pandas
from konan.records.schema import Schema
from konan.records.upload import TableFormat

_MEMORY = 8 * 1024**3
_UNREADABLE = 3
_log = logging.getLogger(__name__)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to summarise.

    Attributes:
        schema: of the version.
        path: file with the rows of inputs.
        format: how it is written.
        most: most rows of it to read.
        source: whose rows they are.
        target: the column with the truth; or empty.
        predictions: file with the reference predictions, JSON lines of ``{"target", "output"}``, perhaps with
            ``inputs``; or empty.
        scores: where these come from.
    """

    schema: Schema
    path: str
    format: TableFormat
    most: int
    source: Literal["data", "holdout"]
    target: str = ""
    predictions: str = ""
    scores: Literal["holdout", "cross-fitted"] = "holdout"


class Summary(msgspec.Struct, frozen=True):
    """What was made.

    Attributes:
        rows: how many rows the inputs come from.
        reference: `konan.monitoring.reference.reference.Reference` as bytes.
    """

    rows: int
    reference: bytes


async def summarise(request: Request, within: float) -> Summary:
    """The reference that some files make.

    Args:
        request: what to summarise.
        within: seconds it may take.

    Raises:
        DataInvalid: the rows cannot be read with the memory and time that they may use.
        DeadlineExceeded: it took too long.
    """
    command = [sys.executable, "-P", "-m", "konan.monitoring.reference.summary"]
    done = await run(
        command,
        Limits(within, memory=_MEMORY, processor=math.ceil(within)),
        environment=ENVIRONMENT,
        directory=Path(request.path).parent,
        data=msgspec.json.encode(request),
    )
    if done.status:
        last = (done.talk.strip().splitlines() or [""])[-1]
        said = last if done.status == _UNREADABLE else last.partition(":")[0]
        _log.warning("rows could not be summarised", extra={"status": done.status, "error": said})
        raise DataInvalid("The rows cannot be summarised with the memory and time that this may use.")
    return msgspec.msgpack.decode(done.output, type=Summary)


def summary(request: Request) -> Summary:
    """The reference that some files make, made in this process.

    Raises:
        DataInvalid: the rows cannot be read.
    """
    from konan.monitoring.reference import given_rows
    from konan.monitoring.reference.reference import Reference, answered, inputs_of, is_sorted
    from konan.monitoring.reference.segments import segments_of
    from konan.packaging.tables import read_table

    table, _ = read_table(Path(request.path), request.format, request.most)
    output = request.schema.output
    timed = request.target not in table.column_names or not is_sorted(table[request.target])
    rows_of_inputs = given_rows.inputs(table, request.schema)
    inputs = inputs_of(request.schema, rows_of_inputs, request.source, timed=timed)
    segments = segments_of(inputs.layout, table, rows_of_inputs, request.schema)
    single = output.kind == "classifier" or (output.kind == "regressor" and output.values == 1)
    if not request.predictions or not single:
        return Summary(table.num_rows, Reference(inputs=inputs, segments=segments).to_bytes())
    decode = msgspec.json.Decoder(given_rows.Answered).decode
    with Path(request.predictions).open("rb") as lines:
        rows = given_rows.answers(map(decode, lines), request.schema)
    made = answered(request.schema, inputs, rows, request.scores)
    return Summary(table.num_rows, msgspec.structs.replace(made, segments=segments).to_bytes())


def main() -> int:
    """Answer the request on standard input; returns the exit code."""
    priority.give_way()
    without_pandas()
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    try:
        sys.stdout.buffer.write(msgspec.msgpack.encode(summary(request)))
    except KonanError as error:
        sys.stderr.write(f"{error.message}\n")
        return _UNREADABLE
    return 0


if __name__ == "__main__":
    ending.at_once(main())
