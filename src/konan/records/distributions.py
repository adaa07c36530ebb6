"""How the values of a column are spread, in the reference and in live rows."""

import msgspec


class CellShares(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a column's values.

    Attributes:
        cell: which values, as ``[20, 25)``, ``summer`` or ``missing``.
        usual: its share of the reference, in [0, 1].
        current: its share of the rows.
        special: whether it stands for something unusual: missing, invalid, unseen, below or above.
    """

    cell: str
    usual: float
    current: float
    special: bool = False


class ColumnDistribution(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one column.

    Attributes:
        column: ``features.NAME``, ``output.label``, ``output.value``, ``output.score`` or ``target``.
        ordered: whether its cells have an order, as those of numbers have.
        rows: values that were counted.
        usual_rows: values of the reference.
        cells: of the column, in their order.
    """

    column: str
    ordered: bool
    rows: int
    usual_rows: int
    cells: tuple[CellShares, ...]
