"""The shape of the code base, as tests."""

import ast
import pathlib

ROOT = pathlib.Path(__file__).parent.parent / "src" / "konan"
FILES = sorted(ROOT.rglob("*.py"))
SHARED = {"frames", "kernel", "sandbox"}
EMPTY_WORDS = {"utils", "util", "helpers", "common", "misc", "base", "manager", "core"}


def test_files_are_short() -> None:
    long = {str(path): count for path in FILES if (count := len(path.read_text().splitlines())) > 400}
    assert not long


def test_functions_are_short() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or 0) - node.lineno > 50
    ]
    assert not long


def test_names_say_something() -> None:
    empty = [str(path) for path in FILES if path.stem in EMPTY_WORDS or path.parent.name in EMPTY_WORDS]
    assert not empty


def test_every_module_says_why_it_exists() -> None:
    silent = [str(path) for path in FILES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert not silent


def test_only_few_excuses_are_made() -> None:
    excuses = sum(
        line.count("# noqa") + line.count("# type: ignore")
        for path in FILES
        for line in path.read_text().splitlines()
    )
    assert excuses <= 40


def test_of_the_worker_only_what_others_need_is_imported() -> None:
    imported = {
        f"{node.module}.{alias.name}".split(".")[2]
        for path in FILES
        if path.relative_to(ROOT).parts[0] != "worker"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("konan.worker")
        for alias in node.names
    }
    assert imported == SHARED
