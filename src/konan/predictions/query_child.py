"""Runs one query of a user, locked in: it can read the tables it was given, and nothing else.

Reads an `Order` on standard input, writes an Arrow stream on standard output and a `Report` on standard
error. DuckDB has no access to files, network or extensions, and the process may not have it either: what
DuckDB should let through, Landlock and seccomp do not.
"""

import sys
import warnings

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.compute
import pyarrow.dataset as ds
import pyarrow.parquet

from konan.predictions.query import Order, Report, Source, schema_of
from konan.worker import sandbox

_BATCH = 8192
_MEMORY = 8 * 1024**3
_DESCRIPTORS = 1024
_CONFIGURATION: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",
    "autoload_known_extensions": "false",
    "autoinstall_known_extensions": "false",
    "allow_community_extensions": "false",
    "memory_limit": "1GB",
    "threads": "2",
    "temp_directory": "",
}
_READS = {duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN}


def main() -> int:
    """Run the query; returns the exit code."""
    warnings.simplefilter("ignore")
    order = msgspec.json.decode(sys.stdin.buffer.read(), type=Order)
    try:
        truncated = _answer(order)
    except duckdb.Error as error:
        return _report(Report(error=_told(error, order)))
    return _report(Report(truncated=truncated))


def _answer(order: Order) -> bool:
    connection = duckdb.connect(":memory:", config=_CONFIGURATION)
    for index, source in enumerate(order.sources):
        connection.register(f"_{index}", _dataset(source))
        columns = ", ".join(f"{_quoted(name)} AS {_quoted(label)}" for name, _, label in source.columns)
        connection.execute(f"CREATE VIEW {_quoted(source.name)} AS SELECT {columns} FROM _{index}")  # noqa: S608
    connection.execute("SET python_enable_replacements=false")
    connection.execute("SET lock_configuration=true")
    files = [file for source in order.sources for file in source.files]
    limits = sandbox.Limits(_MEMORY, _DESCRIPTORS, 0)
    sandbox.lock_in(sandbox.Reach(files, [], []), limits, [], unsafe=True)
    statements = connection.extract_statements(order.query)
    if len(statements) != 1 or statements[0].type not in _READS:
        raise duckdb.Error("Only one statement that reads can be run, as SELECT or DESCRIBE.")
    return _send(connection.execute(statements[0]).to_arrow_reader(_BATCH), order)


def _send(reader: pa.RecordBatchReader, order: Order) -> bool:
    """Write the answer as far as it may go; returns whether that is not all of it."""
    rows = size = 0
    with pa.ipc.new_stream(sys.stdout.buffer, reader.schema) as writer:
        for batch in reader:
            size += batch.nbytes
            if size > order.bytes:
                return True
            writer.write_batch(batch.slice(0, order.rows - rows))
            rows += batch.num_rows
            if rows > order.rows:
                return True
    return False


def _dataset(source: Source) -> "ds.Dataset | pa.Table":
    schema = schema_of(source)
    return ds.dataset(source.files, schema=schema, format="parquet") if source.files else schema.empty_table()


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _told(error: duckdb.Error, order: Order) -> str:
    text = str(error).partition("\n\nLINE")[0]
    for source in order.sources:
        for file in source.files:
            text = text.replace(file, source.name)
    return text[:2000]


def _report(report: Report) -> int:
    sys.stdout.flush()
    sys.stderr.write("\n" + msgspec.json.encode(report).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())
