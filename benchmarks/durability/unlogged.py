"""``konan`` with gateways that keep no record at all: the arm that the journal is compared with.

It differs from ``konan`` in one thing: gateways are started from `benchmarks.durability.gateway`. No setting
of Konan does this.
"""

from collections.abc import Callable, Sequence

from konan.cli import main as cli
from konan.supervisor import children

_GATEWAY = "konan.serving"
_UNLOGGED = "benchmarks.durability.gateway"


def redirected(command: Callable[[Sequence[str]], list[str]]) -> Callable[[Sequence[str]], list[str]]:
    """The command lines of children, with the gateway's replaced."""
    return lambda arguments: command([_UNLOGGED if one == _GATEWAY else one for one in arguments])


if __name__ == "__main__":
    vars(children)["command"] = redirected(children.command)
    cli.main()
