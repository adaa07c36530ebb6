"""Files of rows become Arrow tables whose columns have the types that the model saw.

People train on what pandas reads, so a CSV is read as pandas would read it: the same texts are missing
values, a column of dates stays text, and an integer column with gaps becomes floating point. Only the child
process of `konan.packaging.learn` imports this module, because Arrow is large and parses strangers' bytes.
"""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.json
import pyarrow.parquet

from konan.errors import DataInvalid
from konan.records.upload import TableFormat

_BLOCK = 16 * 1024 * 1024
_MISSING = ["", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"]
_MISSING += ["<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"]
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_BOOLEANS = pa.array(["True", "TRUE", "true", "False", "FALSE", "false"])


def read_table(path: Path, form: TableFormat, most: int) -> tuple[pa.Table, bool]:
    """The first rows of a file, and whether there are more.

    Args:
        path: the file.
        form: how it is written.
        most: most rows to return.

    Raises:
        DataInvalid: the file cannot be read as such; the message says where and what to do.
    """
    try:
        batches = {"csv": _csv, "parquet": _parquet, "jsonl": _jsonl}[form](path)
        table, cut = _first(batches, most)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, UnicodeDecodeError, OSError) as error:
        raise _unreadable(form, error) from None
    if not table.num_rows:
        raise DataInvalid("The data holds no rows.", hint="Give the rows that the model was fitted on.")
    _distinct_names(table.column_names)
    return (_typed(table) if form == "csv" else table), cut


def _first(batches: Iterator[pa.RecordBatch], most: int) -> tuple[pa.Table, bool]:
    kept, rows = [], 0
    for batch in batches:
        kept.append(batch.slice(0, most - rows))
        rows += batch.num_rows
        if rows > most:
            break
    if not kept:
        raise DataInvalid("The data holds no rows.", hint="Give the rows that the model was fitted on.")
    return pa.Table.from_batches(kept), rows > most


def _csv(path: Path) -> Iterator[pa.RecordBatch]:
    with path.open("rb") as file:
        if file.read(2) in _UTF16:
            raise DataInvalid("The data is UTF-16, not UTF-8.", hint="Save the file as CSV in UTF-8.")
    names = _csv_names(path)
    faults: list[tuple[int, int, int]] = []

    def ragged(row: pa.csv.InvalidRow) -> str:
        faults.append((row.number or 0, row.actual_columns, row.expected_columns))
        return "error"

    convert = pa.csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), null_values=_MISSING, strings_can_be_null=True
    )
    parse = pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=ragged)
    try:
        yield from pa.csv.open_csv(path, _csv_options(), parse, convert)
    except pa.ArrowInvalid:
        if not faults:
            raise
        row, actual, expected = faults[0]
        raise DataInvalid(
            f"Row {row} of the data has {actual} values where the header has {expected} columns.",
            hint="Quote values that hold commas, and give every row as many values as the header.",
        ) from None


def _csv_options() -> pa.csv.ReadOptions:
    return pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK)


def _csv_names(path: Path) -> list[str]:
    parse = pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda _row: "skip")
    names: list[str] = pa.csv.open_csv(path, _csv_options(), parse).schema.names
    _distinct_names(names)
    if len(names) == 1 and any(mark in names[0] for mark in ";\t|"):
        raise DataInvalid(
            "The data is separated by something else than commas.", hint="Save the file as CSV with commas."
        )
    return names


def _parquet(path: Path) -> Iterator[pa.RecordBatch]:
    with pa.parquet.ParquetFile(path) as file:
        names = file.schema_arrow.names
        _distinct_names(names)
        written = (file.schema_arrow.pandas_metadata or {}).get("index_columns", ())
        index = {name for name in written if isinstance(name, str)}
        yield from file.iter_batches(columns=[name for name in names if name not in index])


def _jsonl(path: Path) -> Iterator[pa.RecordBatch]:
    options = pa.json.ReadOptions(use_threads=False, block_size=_BLOCK)
    table = pa.json.read_json(path, options)
    dates = [field.name for field in table.schema if pa.types.is_timestamp(field.type)]
    if dates:  # JSON has no dates: the model saw text
        schema = pa.schema([(name, pa.string()) for name in dates])
        table = pa.json.read_json(path, options, pa.json.ParseOptions(explicit_schema=schema))
    yield from table.to_batches()


def _typed(table: pa.Table) -> pa.Table:
    """Columns of text as the numbers and booleans that all their values are."""
    names = [name or f"Unnamed: {position}" for position, name in enumerate(table.column_names)]
    return pa.table([_inferred(column) for column in table.columns], names=names)


def _inferred(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if column.null_count == len(column):
        return pc.cast(column, pa.float64())
    plain = pc.utf8_trim_whitespace(column)
    hexadecimal = pc.any(pc.match_substring(plain, "0x", ignore_case=True)).as_py()
    for kind in () if hexadecimal else (pa.int64(), pa.float64()):
        try:
            return pc.cast(plain, kind)
        except pa.ArrowInvalid:
            continue
    if pc.all(pc.is_in(plain, _BOOLEANS, skip_nulls=False).filter(pc.is_valid(plain))).as_py():
        return pc.cast(plain, pa.bool_())
    return column


def _distinct_names(names: list[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DataInvalid(
                f"Two columns of the data are named {name!r}.", hint="Give each column a name of its own."
            )
        seen.add(name)


def _unreadable(form: str, error: Exception) -> DataInvalid:
    """An error of Arrow as one that says what to do, without the values that it quotes."""
    said = str(error)
    if isinstance(error, UnicodeDecodeError) or "UTF8" in said:
        return DataInvalid("The data is not UTF-8.", hint="Save the file in the encoding UTF-8.")
    if "Empty CSV" in said or "Empty JSON" in said:
        return DataInvalid("The data holds no rows.", hint="Give the rows that the model was fitted on.")
    if "straddling" in said:
        return DataInvalid(f"A row of the data is longer than {_BLOCK} bytes, or a quote is not closed.")
    hint = "Check that the file is whole, and that its ending names its format: .csv, .parquet or .jsonl."
    if form == "jsonl":
        hint = "Each line must be one JSON object, and a column must keep its type from line to line."
    return DataInvalid(f"The data cannot be read as {form}.", hint=hint)
