"""How many rows of the log repeat an earlier one: a client that sends again, or a source that is stuck."""

from konan.monitoring.reports.quality import Share
from konan.predictions.columns import column_of
from konan.predictions.filters import Filters, Want
from konan.predictions.log import Predictions

MOST = 50_000
"""So many of the newest rows are looked at."""

_SECOND = 1_000_000


def repeated(log: Predictions, deployment: str, version: int, span: tuple[int, int]) -> Share:
    """Rows that are the same as another one before them, of the newest rows of a stretch of time.

    Columns that are not given to the model, as keys and persons, do not count; nor do those that the log does
    not have because they are private.

    Args:
        log: all logs.
        deployment: uuid.
        version: number of the version that answered.
        span: seconds since 1970-01-01 UTC.
    """
    import pyarrow as pa

    filters = Filters(since=span[0] * _SECOND, until=span[1] * _SECOND, version=version)
    parts: list[pa.Table] = []
    rows = 0
    for part in log.log.batches(deployment, Want(filters)):
        kept = [name for name in part.column_names if (one := column_of(name)) and one.letter != "x"]
        parts.append(part.select(kept).slice(0, MOST - rows))
        rows += parts[-1].num_rows
        if rows >= MOST:
            break
    if not parts or not parts[0].num_columns:
        return Share(0, 0)
    table = pa.concat_tables(parts, promote_options="default")
    different = table.group_by(table.column_names).aggregate([]).num_rows
    return Share(rows - different, rows)
