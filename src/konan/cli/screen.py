"""Where a command's words go: data to standard output, talk to standard error, progress to a terminal."""

import contextlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from konan.cli.shapes import Failed, Told
from konan.errors import KonanError

_MOST_FAULTS = 10
"""So many faults are shown to people; programs get all of them."""


@dataclass(frozen=True, slots=True)
class Screen:
    """The two streams of a command.

    Attributes:
        json: whether data is to be JSON.
        quiet: whether to say nothing but data and errors.
    """

    json: bool = False
    quiet: bool = False

    def data(self, text: str) -> None:
        """Write a line of data."""
        sys.stdout.write(text + "\n")

    def record(self, thing: object) -> None:
        """Write a thing as JSON: indented for a terminal, on one line otherwise."""
        encoded = msgspec.json.encode(thing)
        if sys.stdout.isatty():
            encoded = msgspec.json.format(encoded, indent=2)
        self.data(encoded.decode())

    def flush(self) -> None:
        """Send what was written on its way, for a reader that waits while the command goes on."""
        sys.stdout.flush()

    def say(self, text: str) -> None:
        """Tell the person something."""
        if not self.quiet:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def table(self, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write rows as aligned columns under their headings."""
        for line in aligned([headings, *rows]):
            self.data(line)

    @contextlib.contextmanager
    def progress(self, label: str, total: int | None = None) -> Iterator[Callable[[int], None]]:
        """Show how far something is, on a terminal; yields a function to call with each step's size."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda _: None
            return
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True)  # honours NO_COLOR and TERM=dumb by itself
        with Progress(console=console, transient=True, disable=console.is_dumb_terminal) as bar:
            task = bar.add_task(label, total=total)
            yield lambda step: bar.advance(task, step)

    @contextlib.contextmanager
    def waiting(self, label: str) -> Iterator[Callable[[str], None]]:
        """Show what is being done; yields a function to call with each new thing."""
        if self.quiet or not sys.stderr.isatty():
            yield _told_once(self.say)
            return
        from rich.console import Console

        console = Console(stderr=True)
        if console.is_dumb_terminal:
            yield _told_once(self.say)
            return
        with console.status(label) as status:
            yield status.update

    def error(self, error: KonanError) -> None:
        """Tell an error: as JSON on standard output with ``--json``, so that a program reads one stream."""
        if self.json:
            self.record(Failed(error=told(error)))
            return
        lines = [f"error: {error.message}"]
        shown = error.faults[:_MOST_FAULTS]
        lines += [f"  {fault.pointer or '(body)'}: {fault.message}" for fault in shown]
        if len(error.faults) > len(shown):
            lines.append(f"  … and {len(error.faults) - len(shown)} more; --json lists them")
        lines += getattr(error, "__notes__", [])
        if error.hint:
            lines.append(f"hint: {error.hint}")
        sys.stderr.write("\n".join(lines) + "\n")


def told(error: KonanError) -> Told:
    """An error as the contract has it.

    >>> msgspec.json.encode(told(KonanError("It broke.", hint="Mend it.")))
    b'{"code":"internal","message":"It broke.","hint":"Mend it."}'
    """
    return Told(
        code=error.code,
        message=error.message,
        hint=error.hint,
        faults=error.faults,
        notes=tuple(getattr(error, "__notes__", ())),
    )


def aligned(rows: Sequence[Sequence[object]]) -> list[str]:
    """Rows as lines with columns of equal width; numbers to the right.

    >>> aligned([("name", "live"), ("bikes", 12), ("churn", None)])
    ['name   live', 'bikes    12', 'churn     -']
    """
    texts = [["-" if cell is None else str(cell) for cell in row] for row in rows]
    columns = range(len(texts[0]))
    widths = [max(len(row[column]) for row in texts) for column in columns]
    right = [_numeric([row[column] for row in rows[1:]]) for column in columns]
    return [
        "  ".join(
            row[column].rjust(widths[column]) if right[column] else row[column].ljust(widths[column])
            for column in columns
        ).rstrip()
        for row in texts
    ]


def _numeric(cells: Sequence[object]) -> bool:
    present = [cell for cell in cells if cell is not None]
    return bool(present) and all(isinstance(cell, int | float) for cell in present)


def _told_once(say: Callable[[str], None]) -> Callable[[str], None]:
    told: set[str] = set()

    def tell(text: str) -> None:
        if text not in told:
            told.add(text)
            say(text)

    return tell
