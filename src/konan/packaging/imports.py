"""Which modules a model's file names, found by reading it and never by loading it.

A pickle is a program: loading one may do anything. Here its opcodes are only followed with stand-ins on
a stack (`konan.packaging.opcodes`); nothing that it names is imported, made or called.

Also a program of its own: ``python -m konan.packaging.imports FILE`` prints the `Reading` as JSON, so that
the server can read a stranger's file in a child process.
"""

import ast
import bz2
import gzip
import io
import lzma
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from konan.errors import ModelFileInvalid
from konan.packaging.magic import Container, container
from konan.packaging.opcodes import Follower, Source
from konan.packaging.reading import Reading

__all__ = ["Reading", "read"]

_LARGEST_SCHEMA = 256 * 1024 * 1024
_FIRST = 16
_PIECE = 64 * 1024


def read(path: Path) -> Reading:
    """Read a model's file (or a directory of Python files).

    Raises:
        ModelFileInvalid: it is neither a pickle, nor skops, nor Python.
    """
    if path.is_dir() or path.suffix == ".py":
        return _python(path)
    with path.open("rb") as file:
        kind = container(file.read(_FIRST))
    if kind == "zip":
        return _skops(path)
    if not kind:
        raise ModelFileInvalid(f"{path.name} is not a pickle, a joblib, a skops or a Python file")
    return _pickle(path, kind)


def _pickle(path: Path, kind: Container) -> Reading:
    compression = "" if kind == "pickle" else kind
    follower = Follower()
    with path.open("rb") as file:
        complete = follower.follow(Source(_pieces(file, kind)))
    roots = {name.partition(".")[0] for name in follower.modules}
    format_ = "pickle"
    if compression or "joblib" in roots:
        format_ = "joblib"
    elif "cloudpickle" in roots:
        format_ = "cloudpickle"
    return Reading(
        format=format_,
        compression=compression,
        modules=tuple(sorted(follower.modules)),
        words=tuple(sorted(follower.words)),
        sklearn=follower.sklearn,
        complete=complete,
    )


def _pieces(file: BinaryIO, kind: Container) -> Iterator[bytes]:
    """The stream of opcodes in a file, uncompressed."""
    file.seek(0)
    if kind == "zlib":
        yield from _inflated(file)
        return
    if kind == "lz4":
        from lz4 import frame  # type: ignore[import-not-found,unused-ignore] # a rare, optional package

        file = frame.open(file)
    opener = _OPENERS.get(kind)
    yield from iter(partial((opener(file) if opener else file).read, _PIECE), b"")


_OPENERS: dict[str, Callable[[BinaryIO], io.BufferedIOBase]] = {
    "gzip": lambda file: gzip.GzipFile(fileobj=file),
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "lzma": lzma.LZMAFile,
}


def _inflated(file: BinaryIO) -> Iterator[bytes]:
    engine = zlib.decompressobj()
    for packed in iter(partial(file.read, _PIECE), b""):
        rest = packed
        while rest and not engine.eof:
            if piece := engine.decompress(rest, _PIECE):
                yield piece
            rest = engine.unconsumed_tail
    if piece := engine.flush():
        yield piece


def _skops(path: Path) -> Reading:
    try:
        with zipfile.ZipFile(path) as archive, archive.open("schema.json") as file:
            text = file.read(_LARGEST_SCHEMA + 1)
        schema = msgspec.json.decode(text) if len(text) <= _LARGEST_SCHEMA else None
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ModelFileInvalid(f"{path.name} is a zip, but not one that skops wrote") from error
    if not isinstance(schema, dict) or "__loader__" not in schema:
        raise ModelFileInvalid(f"{path.name} is a zip, but not one that skops wrote")
    modules: set[str] = set()
    words: set[str] = set()
    version = ""
    for node in _nodes(schema):
        module = node.get("__module__")
        if isinstance(module, str):
            modules.add(module)
        words |= Follower.WATCHED & node.keys()
        fitted = node.get("_sklearn_version")
        if isinstance(fitted, dict) and isinstance(fitted.get("content"), str):
            version = fitted["content"].strip('"')
    if "ColumnTransformer" in text.decode("utf-8", "replace"):
        words.add("ColumnTransformer")
    return Reading(
        format="skops", modules=tuple(sorted(modules)), words=tuple(sorted(words)), sklearn=version
    )


def _nodes(schema: object) -> Iterator[dict[str, object]]:
    waiting = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting.extend(node.values())
        elif isinstance(node, list):
            waiting.extend(node)


def _python(path: Path) -> Reading:
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    own = {file.stem for file in files} | {file.parent.name for file in files if file.parent != path}
    modules: set[str] = set()
    words: set[str] = set()
    for file in files:
        try:
            tree = ast.parse(file.read_bytes(), filename=file.name)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ModelFileInvalid(f"{file.name} is not valid Python: {error}") from error
        modules.update(_imported(tree))
        words.update("frame" for node in ast.walk(tree) if _wants_frames(node))
    kept = sorted(name for name in modules if name.partition(".")[0] not in own)
    return Reading(format="python", modules=tuple(kept), words=tuple(sorted(words)))


def _wants_frames(node: ast.AST) -> bool:
    """Whether this is ``input = "frame"``, by which a class asks for its rows as a data frame."""
    if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Constant):
        return False
    names = [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names == ["input"] and node.value.value == "frame"


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def _main(arguments: list[str]) -> int:
    try:
        reading = read(Path(arguments[0]))
    except ModelFileInvalid as error:
        sys.stderr.write(f"{error.message}\n")
        return 1
    sys.stdout.buffer.write(msgspec.json.encode(reading) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
