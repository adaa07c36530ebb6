"""Short-lived helper processes: started with limits, watched by a deadline, dead when their parent is.

Parsing somebody's data and building an environment use much time and memory, so they run beside the
control plane and not in it.
"""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from konan.errors import DeadlineExceeded

_LARGEST_TALK = 64 * 1024
_BEGIN = Path(__file__).with_name("limited.py")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a helper process may use.

    Attributes:
        seconds: wall-clock time.
        memory: bytes of address space; 0 does not limit it.
        processor: seconds of processor time; 0 does not limit it.
    """

    seconds: float
    memory: int = 0
    processor: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """What a helper process left.

    Attributes:
        status: its exit status; negative is the signal that killed it.
        output: what it wrote on standard output.
        talk: the end of what it wrote on standard error.
    """

    status: int
    output: bytes
    talk: str


async def run(
    command: list[str], limits: Limits, *, environment: dict[str, str], directory: Path, data: bytes = b""
) -> Finished:
    """Run a program to its end; it is killed when the caller is cancelled or dies.

    Args:
        command: absolute path of the program and its arguments.
        limits: what it may use.
        environment: all of its environment variables.
        directory: where it works.
        data: what it reads on standard input.

    Raises:
        DeadlineExceeded: it took longer than it may.
    """
    begin = [sys.executable, "-I", "-S", str(_BEGIN), str(limits.memory), str(limits.processor)]
    with subprocess.Popen(  # noqa: ASYNC220 - only the start blocks, for the time of a fork
        begin + command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=directory,
        start_new_session=True,
    ) as process:
        talking = asyncio.ensure_future(asyncio.to_thread(process.communicate, data, limits.seconds))
        try:
            output, talk = await asyncio.shield(talking)
        except subprocess.TimeoutExpired:
            raise DeadlineExceeded(
                f"{Path(command[0]).name} took longer than {limits.seconds:g} s."
            ) from None
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait([talking])
    return Finished(process.returncode, output, talk[-_LARGEST_TALK:].decode("utf-8", "replace"))
