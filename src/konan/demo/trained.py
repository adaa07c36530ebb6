"""What the training program says when it is done; apart from it, so that reading it needs no scikit-learn."""

import msgspec


class Trained(msgspec.Struct, frozen=True, kw_only=True):
    """A trained model in a sentence.

    Attributes:
        rows: rows that it was fitted on.
        holdout_rows: later rows that it was judged by.
        error: mean absolute error on those, in rentals an hour.
        usual: mean of the true values there, in rentals an hour.
        seconds: how long it took.
    """

    rows: int
    holdout_rows: int
    error: float
    usual: float
    seconds: float
