"""What a server says of its start to the one that started it; an error's class survives the way."""

import msgspec

from konan.errors import KonanError, by_code


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How a start went.

    Attributes:
        url: address of the server, when it serves.
        profile: file with that address and the owner key.
        note: what is to be said of the profile; empty when the user's own names this server.
        code: code of the error that prevented it, else empty. With a ``url``, predictions are served and this
            is why the control plane is not.
        message: that error's message.
        hint: that error's hint.
    """

    url: str = ""
    profile: str = ""
    note: str = ""
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
