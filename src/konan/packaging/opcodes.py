"""Follows the opcodes of a pickle with stand-ins on a stack: it learns names, and makes nothing.

`pickletools.genops` decodes the opcodes and says what each takes from the stack and puts there. Only what
leads to names is kept: texts, small tuples, the shape and type of arrays. Nothing is imported, called,
hashed by a stranger's key or walked through again, so a hostile pickle can waste time, but do nothing.

Pickles by joblib need one thing more: an array's raw bytes stand in the middle of the opcodes, behind a
``NumpyArrayWrapper``, and are skipped by its shape and type (an array of objects is a pickle in the pickle).
"""

import lzma
import math
import pickletools
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, ClassVar, NamedTuple, cast

_LONGEST_LINE = 16 * 1024 * 1024
_DEEPEST = 20
_LARGEST_STREAM = 64 * 1024**3
_OLD_NAMES = {"__builtin__": "builtins", "copy_reg": "copyreg"}
_IMPORTERS = {"subimport", "import_module", "__import__"}
_BROKEN = (
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    EOFError,
    OSError,
    MemoryError,
    OverflowError,
    RuntimeError,
    ImportError,
    zlib.error,
    lzma.LZMAError,
)
_KEPT = {"shape", "dtype", "numpy_array_alignment_bytes", "_sklearn_version"}


class Source:
    """Bytes that come in pieces, read so that a size in the file is believed only as far as there are bytes.

    Args:
        pieces: the stream; pieces may be of any size, none is empty.
    """

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._piece = b""
        self._place = 0
        self._left = _LARGEST_STREAM

    def read(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        end = self._place + size
        if size >= 0 and end <= len(self._piece):
            self._place, begin = end, self._place
            return self._piece[begin:end]
        parts: list[bytes] = []
        while size > 0 and (part := self._some(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def readline(self) -> bytes:
        """The next line with its end; cut off where no line of a pickle would end."""
        parts: list[bytes] = []
        length = 0
        while length < _LONGEST_LINE and (part := self._some(None)):
            parts.append(part)
            length += len(part)
            if part.endswith(b"\n"):
                break
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Pass over bytes.

        Raises:
            ValueError: there are not so many.
        """
        while size > 0:
            part = self._some(size)
            if not part:
                raise ValueError("an array's bytes are missing")
            size -= len(part)

    def _some(self, most: int | None) -> bytes:
        """What there is of the piece at hand: up to ``most`` bytes, or up to the end of a line."""
        if self._place == len(self._piece):
            self._piece, self._place = next(self._pieces, b""), 0
            self._left -= len(self._piece)
            if self._left < 0:
                raise ValueError("the stream is too long")
        begin = self._place
        end = begin + most if most is not None else self._piece.find(b"\n", begin) + 1
        self._place = min(end or len(self._piece), len(self._piece))
        return self._piece[begin : self._place]


class _Global(NamedTuple):
    module: str
    name: str


class _Opaque:
    """Something that nobody needs to know about; there is one."""


class _Dict:
    """A dictionary: only the entries that lead to names or sizes."""

    def __init__(self) -> None:
        self.kept: dict[str, object] = {}
        self.objects = False


class _Made:
    """What a call would have made; for a numpy dtype, its size in bytes and whether it holds objects."""

    def __init__(self, maker: object) -> None:
        self.maker = maker
        self.size = 0
        self.objects = False


_MARK, _OPAQUE = object(), _Opaque()
_SCALARS = (str, int, type(None))


class Follower:
    """Follows a pickle and gathers what it names.

    Attributes:
        modules: modules of all globals.
        words: which of `WATCHED` occur.
        sklearn: version of scikit-learn that the estimator was fitted with, or empty.
    """

    WATCHED: ClassVar[frozenset[str]] = frozenset({"feature_names_in_", "ColumnTransformer"})

    def __init__(self) -> None:
        self.modules: set[str] = set()
        self.words: set[str] = set()
        self.sklearn = ""

    def follow(self, source: Source, depth: int = 0) -> bool:
        """Follow one pickle to its end; false when that was not possible (what was found is kept)."""
        try:
            if depth > _DEEPEST:
                return False
            _Pass(self, source, depth).run()
        except _BROKEN:
            return False
        return True

    def name(self, module: str, name: str) -> _Global:
        """Note a global."""
        module = _OLD_NAMES.get(module, module)
        self.modules.add(module)
        self.words |= self.WATCHED & {name}
        return _Global(module, name)


class _Pass:
    """One pickle's stack and memory."""

    def __init__(self, follower: Follower, source: Source, depth: int) -> None:
        self.follower = follower
        self.source = source
        self.depth = depth
        self.stack: list[object] = []
        self.memory: dict[int, object] = {}

    def run(self) -> None:
        """Follow all opcodes."""
        for opcode, argument, _ in pickletools.genops(cast("BinaryIO", self.source)):
            special = _SPECIAL.get(opcode.name)
            if special is not None:
                special(self, argument)
            else:
                self.plain(opcode, argument)

    def plain(self, opcode: pickletools.OpcodeInfo, argument: object) -> None:
        """An opcode of which only the effect on the stack's height matters."""
        before = list(opcode.stack_before)
        if pickletools.markobject in before:
            self.to_mark()
            before = before[: before.index(pickletools.markobject)]
        for _ in before:
            self.pop()
        value = argument if isinstance(argument, _SCALARS) and opcode.arg is not None else _OPAQUE
        self.stack.extend(value for _ in opcode.stack_after)

    def pop(self) -> object:
        """Take the top, which must not be a mark."""
        value = self.stack.pop()
        if value is _MARK:
            raise ValueError("a mark is in the way")
        return value

    def to_mark(self) -> list[object]:
        """Take everything above the last mark, and the mark."""
        place = len(self.stack) - 1
        while self.stack[place] is not _MARK:
            place -= 1
            if place < 0:
                raise IndexError("there is no mark")
        items = self.stack[place + 1 :]
        del self.stack[place:]
        return items

    def text(self, argument: object) -> None:
        """A text: perhaps an attribute that is watched for."""
        if isinstance(argument, str):
            self.follower.words |= Follower.WATCHED & {argument}
        self.stack.append(argument)

    def tuple_of(self, items: list[object]) -> None:
        """A tuple, kept when it is small enough to be a shape, a state or arguments."""
        self.stack.append(tuple(items) if len(items) <= 64 else _OPAQUE)

    def tuple_last(self, count: int) -> None:
        """A tuple of the last values."""
        self.tuple_of([self.pop() for _ in range(count)][::-1])

    def set_items(self, items: list[object]) -> None:
        """Entries of the dictionary on top."""
        target = self.stack[-1]
        if not isinstance(target, _Dict):
            return
        for key, value in zip(items[::2], items[1::2], strict=False):
            if isinstance(key, str) and key in _KEPT:
                target.kept[key] = value
            target.objects = target.objects or _holds_objects(value)
        fitted = target.kept.get("_sklearn_version")
        self.follower.sklearn = fitted if isinstance(fitted, str) else self.follower.sklearn

    def dictionary(self, items: list[object]) -> None:
        """A dictionary of keys and values in turn."""
        self.stack.append(_Dict())
        self.set_items(items)

    def find(self, argument: object) -> None:
        """A global by one text, module and name with a blank between."""
        module, _, name = str(argument).partition(" ")
        self.stack.append(self.follower.name(module, name))

    def find_marked(self, argument: object) -> None:
        """A global by one text, whose arguments stand above the last mark."""
        self.to_mark()
        self.find(argument)

    def find_on_stack(self) -> None:
        """A global by two texts on the stack."""
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            raise TypeError("a global is not named by texts")
        self.stack.append(self.follower.name(module, name))

    def make(self, extra: int) -> None:
        """A call: of a function with arguments (1), of a class also with keywords (2)."""
        arguments = [self.pop() for _ in range(extra)][-1]
        maker = self.pop()
        made: object = _OPAQUE
        if isinstance(maker, _Global):
            first = arguments[0] if isinstance(arguments, tuple) and arguments else None
            made = self.call(maker, first)
        self.stack.append(made)

    def call(self, maker: _Global, first: object) -> object:
        """What a call would make, as far as it matters here."""
        if maker.name in _IMPORTERS and isinstance(first, str):
            self.follower.modules.add(first)
        made = _Made(maker)
        if maker == _Global("numpy", "dtype") and isinstance(first, str):
            made.objects = first.startswith(("O", "|O"))
            made.size = int("".join(letter for letter in first if letter.isdigit()) or "0")
            return made
        return made if maker.name == "NumpyArrayWrapper" else _OPAQUE

    def build(self) -> None:
        """The state of what was made: of a dtype its fields, of joblib's wrapper where its array ends."""
        state, target = self.pop(), self.stack[-1]
        if not isinstance(target, _Made):
            return
        if isinstance(target.maker, _Global) and target.maker.name == "dtype":
            if isinstance(state, tuple) and len(state) > 5:
                target.size = state[5] if isinstance(state[5], int) and state[5] > 0 else target.size
                target.objects = target.objects or any(map(_holds_objects, state))
        elif isinstance(state, _Dict):
            self.skip_array(state.kept)
            self.stack[-1] = _OPAQUE

    def skip_array(self, wrapper: dict[str, object]) -> None:
        """Pass over the bytes of an array that joblib wrote between the opcodes."""
        dtype, shape = wrapper["dtype"], wrapper["shape"]
        if not isinstance(dtype, _Made) or not isinstance(shape, tuple):
            raise TypeError("an array's type or shape is not known")
        if dtype.objects:
            if not self.follower.follow(self.source, self.depth + 1):
                raise ValueError("an array of objects cannot be followed")
            return
        sizes = [size for size in shape if isinstance(size, int) and size >= 0]
        if dtype.size <= 0 or len(sizes) != len(shape):
            raise ValueError("an array's type or shape is not known")
        if wrapper.get("numpy_array_alignment_bytes") is not None:
            self.source.skip(self.source.read(1)[0])
        self.source.skip(math.prod(sizes) * dtype.size)

    def remember(self, place: int | None) -> None:
        """Keep the top under a number, by default the next."""
        self.memory[len(self.memory) if place is None else place] = self.stack[-1]


def _holds_objects(value: object) -> bool:
    if isinstance(value, tuple):
        return any(getattr(item, "objects", False) is True for item in value)
    return isinstance(value, _Made | _Dict) and value.objects


def _number(argument: object) -> int:
    return int(str(argument))


_SPECIAL: dict[str, Callable[[_Pass, object], None]] = {
    "MARK": lambda run, _: run.stack.append(_MARK),
    "POP": lambda run, _: run.stack.__delitem__(-1),
    "DUP": lambda run, _: run.stack.append(run.stack[-1]),
    "NONE": lambda run, _: run.stack.append(None),
    "EMPTY_TUPLE": lambda run, _: run.stack.append(()),
    "TUPLE": lambda run, _: run.tuple_of(run.to_mark()),
    "TUPLE1": lambda run, _: run.tuple_last(1),
    "TUPLE2": lambda run, _: run.tuple_last(2),
    "TUPLE3": lambda run, _: run.tuple_last(3),
    "EMPTY_DICT": lambda run, _: run.dictionary([]),
    "DICT": lambda run, _: run.dictionary(run.to_mark()),
    "SETITEM": lambda run, _: run.set_items([run.pop(), run.pop()][::-1]),
    "SETITEMS": lambda run, _: run.set_items(run.to_mark()),
    "GLOBAL": lambda run, argument: run.find(argument),
    "INST": lambda run, argument: run.find_marked(argument),
    "STACK_GLOBAL": lambda run, _: run.find_on_stack(),
    "REDUCE": lambda run, _: run.make(1),
    "NEWOBJ": lambda run, _: run.make(1),
    "NEWOBJ_EX": lambda run, _: run.make(2),
    "BUILD": lambda run, _: run.build(),
    "MEMOIZE": lambda run, _: run.remember(None),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), lambda run, argument: run.remember(_number(argument))),
    **dict.fromkeys(
        ("GET", "BINGET", "LONG_BINGET"),
        lambda run, argument: run.stack.append(run.memory[_number(argument)]),
    ),
    **dict.fromkeys(
        (
            "UNICODE",
            "SHORT_BINUNICODE",
            "BINUNICODE",
            "BINUNICODE8",
            "STRING",
            "BINSTRING",
            "SHORT_BINSTRING",
        ),
        lambda run, argument: run.text(argument),
    ),
}
