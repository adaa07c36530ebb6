"""What a process says of an error to the one that started it: the error's class survives the way."""

import msgspec

from konan.errors import KonanError, by_code


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How a start went.

    Attributes:
        url: address of the server, when it serves.
        key: text of the owner key, when the database is prepared.
        code: code of the error that prevented it, else empty.
        message: that error's message.
        hint: that error's hint.
    """

    url: str = ""
    key: str = ""
    code: str = ""
    message: str = ""
    hint: str = ""

    def error(self) -> KonanError:
        """The error, as it was raised in the other process.

        >>> Report(code="conflict", message="It runs.").error()
        Conflict('It runs.')
        """
        classes = by_code()
        return classes.get(self.code, KonanError)(self.message, hint=self.hint)
