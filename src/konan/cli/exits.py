"""The exit code of every error; scripts rely on these numbers.

0 ok, 1 unexpected, 2 usage, 3 not found, 4 not allowed, 5 conflict, 6 unreachable (nothing can answer now;
the same command may work later), 7 gate failed, 130 interrupted.
"""

from konan import errors

INTERRUPTED = 130

MEANINGS = {
    0: "It worked.",
    1: "Something unexpected went wrong, on the server, in the model or in the command.",
    2: "The command or what it was given cannot be used as it is.",
    3: "There is no such thing, or the key does not see it.",
    4: "The key is missing, not valid, or lacks a scope.",
    5: "The thing exists already, is locked, or is in another state.",
    6: "Nothing can answer now; the same command may work later.",
    7: "The version failed its certificate or a gate.",
    130: "Interrupted by Ctrl-C.",
}
"""Every exit code and what it means."""

EXITS: dict[type[errors.KonanError], int] = {
    errors.KonanError: 1,
    errors.Usage: 2,
    errors.Invalid: 2,
    errors.JsonMalformed: 2,
    errors.JsonTooDeep: 2,
    errors.RequestMalformed: 2,
    errors.BodyTooLarge: 2,
    errors.HeadTooLarge: 2,
    errors.MediaTypeUnsupported: 2,
    errors.RowsInvalid: 2,
    errors.ModelFileInvalid: 2,
    errors.DataInvalid: 2,
    errors.IdempotencyKeyReused: 2,
    errors.RequestTimeout: 6,
    errors.NotFound: 3,
    errors.MethodNotAllowed: 3,
    errors.NotAllowed: 4,
    errors.Unauthenticated: 4,
    errors.Conflict: 5,
    errors.Unreachable: 6,
    errors.GateFailed: 7,
    errors.TooMany: 6,
    errors.NotReady: 6,
    errors.ControlUnavailable: 6,
    errors.JournalUnavailable: 6,
    errors.StorageFull: 1,
    errors.ModelFailed: 1,
    errors.OutputInvalid: 1,
    errors.DeadlineExceeded: 1,
    errors.MissingExtra: 2,
}
"""The exit code of each error class."""


def exit_code(error: errors.KonanError) -> int:
    """The exit code of an error.

    >>> exit_code(errors.GateFailed("no"))
    7
    """
    return next(EXITS[kind] for kind in type(error).__mro__ if kind in EXITS)
