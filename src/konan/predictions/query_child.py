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

from konan import ending
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
_TRUTHS = pa.schema(
    [
        ("id", pa.string()),
        ("observed_at", pa.timestamp("us", "UTC")),
        ("arrival", pa.int64()),
        ("target", pa.string()),
        ("label", pa.string()),
    ]
)
"""What is read of a table of ground truth (`konan.groundtruth.tables`)."""

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
    """Lock this process in, then run the query; returns whether rows were left out."""
    connection, empty = _connection(), _connection()
    files = [file for source in order.sources for file in (*source.files, *source.truths)]
    limits = sandbox.Limits(_MEMORY, _DESCRIPTORS, 0)
    sandbox.lock_in(sandbox.Reach(files, [], []), limits, [], unsafe=True)
    statements = connection.extract_statements(order.query)
    if len(statements) != 1 or statements[0].type not in _READS:
        raise duckdb.Error("Only one statement that reads can be run, as SELECT or DESCRIBE.")
    for index, source in enumerate(order.sources):
        _show_empty(empty, index, source)
    plan = _plan(empty, order.query) if statements[0].type is duckdb.StatementType.SELECT else ""
    for index, source in enumerate(order.sources):
        _show(connection, index, source, joined=bool(source.truths) and _later(index) in plan)
    return _send(connection.execute(statements[0]).to_arrow_reader(_BATCH), order)


def _connection() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:", config=_CONFIGURATION)
    connection.execute("SET python_enable_replacements=false")
    connection.execute("SET lock_configuration=true")
    return connection


def _plan(empty: duckdb.DuckDBPyConnection, query: str) -> str:
    """How a query would be run, as text; it names every column that is needed."""
    return "\n".join(text for _, text in empty.execute(f"EXPLAIN (FORMAT json) {query}").fetchall())


def _show_empty(connection: duckdb.DuckDBPyConnection, index: int, source: Source) -> None:
    """A table without rows, whose ground truth is a column that has a name of its own."""
    rows = schema_of(source).empty_table().append_column(_later(index), pa.array([], pa.string()))
    connection.register(f"_{index}", rows)
    truth = f", {_quoted(_later(index))} AS {_quoted(source.truth)}" if source.truth else ""
    connection.execute(_view(source, f"{_columns(source)}{truth} FROM _{index}"))


def _show(connection: duckdb.DuckDBPyConnection, index: int, source: Source, *, joined: bool) -> None:
    """A table; its ground truth is looked up only if the query needs it, for that takes long."""
    connection.register(f"_{index}", _dataset(source))
    truth = f", NULL::VARCHAR AS {_quoted(source.truth)}" if source.truth else ""
    if not joined:
        connection.execute(_view(source, f"{_columns(source)}{truth} FROM _{index}"))
        return
    connection.register(f"_truth_{index}", ds.dataset(source.truths, schema=_TRUTHS, format="parquet"))
    newest = (
        "SELECT id AS _about, arg_max(coalesce(label, target), (observed_at, arrival)) AS _target "  # noqa: S608
        f"FROM _truth_{index} GROUP BY id"
    )
    joined_to = f"_{index} LEFT JOIN ({newest}) ON _about = coalesce(mirrors, id)"
    connection.execute(
        _view(source, f"{_columns(source)}, _target AS {_quoted(source.truth)} FROM {joined_to}")
    )


def _view(source: Source, selected: str) -> str:
    return f"CREATE VIEW {_quoted(source.name)} AS SELECT {selected}"


def _columns(source: Source) -> str:
    return ", ".join(f"{_quoted(name)} AS {_quoted(label)}" for name, _, label in source.columns)


def _later(index: int) -> str:
    return f"_known_later_{index}_"


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
        for file in (*source.files, *source.truths):
            text = text.replace(file, source.name)
    return text[:2000]


def _report(report: Report) -> int:
    sys.stdout.flush()
    sys.stderr.write("\n" + msgspec.json.encode(report).decode())
    return 0


if __name__ == "__main__":
    ending.at_once(main())
