"""What a model returned as the text block of a ``DONE`` frame."""

import json

from . import Foreign, OutputInvalid


def as_json(answer: Foreign, rows: int) -> bytes:
    """One JSON value for each row; arrays and tables become lists, NaN stays for the gateway to judge.

    Args:
        answer: what the model returned for all rows.
        rows: how many were asked.

    Raises:
        OutputInvalid: not one value for each row, or not to be written as JSON.

    >>> as_json([1, {"a": None}], 2)
    b'[1,{"a":null}]'
    """
    values = _listed(answer)
    if not isinstance(values, (list, tuple)):
        raise OutputInvalid("The model answered a %s where a list was expected." % type(answer).__name__)
    if len(values) != rows:
        raise OutputInvalid("The model answered %d values to %d rows." % (len(values), rows))
    try:
        return json.dumps(values, default=_plain, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise OutputInvalid("The model's answer cannot be written as JSON: %s." % error) from None


def _listed(answer: Foreign) -> Foreign:
    if hasattr(answer, "to_dict") and hasattr(answer, "columns"):  # a data frame
        return answer.to_dict(orient="records")
    return answer.tolist() if hasattr(answer, "tolist") else answer


def _plain(value: Foreign) -> object:
    for method in ("tolist", "isoformat"):  # numpy's scalars and arrays; dates and times
        if hasattr(value, method):
            return getattr(value, method)()
    raise TypeError("a %s is not JSON" % type(value).__name__)
