"""The two paths that answer without a key: is the process alive, and may it be sent requests."""

from collections.abc import Callable

from konan.errors import MethodNotAllowed, NotReady, RequestMalformed
from konan.serving.answers import Answer
from konan.serving.desk import Authenticate, Exchange, Sink
from konan.serving.http1 import Head
from konan.serving.sinks import Refusal


class Health:
    """The target of one such path.

    Args:
        good: whether all is well.
        answer: what is said then.
        authenticate: checks the key of requests with another method than GET and HEAD.
    """

    limit = 0
    streams = False
    allow = "GET, HEAD"

    def __init__(self, good: Callable[[], bool], answer: Answer, authenticate: Authenticate) -> None:
        self._good = good
        self._answer = answer
        self._authenticate = authenticate

    def check(self, head: Head) -> None:
        """Refuse other methods.

        Raises:
            Unauthenticated: another method without a valid key.
            MethodNotAllowed: another method.
        """
        if head.method not in {"GET", "HEAD"}:
            self._authenticate(head)
            raise MethodNotAllowed("This path only takes GET and HEAD.")

    def run(self, exchange: Exchange, head: Head, body: bytes) -> None:  # noqa: ARG002 - a body means nothing
        """Answer.

        Raises:
            Unauthenticated: another method without a valid key.
            MethodNotAllowed: another method.
            NotReady: not all is well.
        """
        self.check(head)
        if not self._good():
            raise NotReady("The gateway is not ready for requests.", retry_after=1)
        exchange.reply(self._answer)

    def open(self, exchange: Exchange, head: Head) -> Sink:
        """Take a request whose body is still to come."""
        return Refusal(exchange, RequestMalformed(f"{head.path} takes no body."))
