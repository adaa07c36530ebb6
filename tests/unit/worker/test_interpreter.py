import sys
from pathlib import Path

import pytest

from konan.worker import interpreter


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with an interpreter in it, reached through a link, and something private beside it."""
    real = tmp_path / "home" / "python-3.11.7"
    (real / "bin").mkdir(parents=True)
    (real / "lib" / "python3.11").mkdir(parents=True)
    (real / "bin" / "python3.11").write_bytes(b"")
    (tmp_path / "home" / "python-3.11").symlink_to("python-3.11.7")
    (tmp_path / "home" / "private").write_text("mine")
    return tmp_path / "home"


def environment(root: Path, home: Path) -> Path:
    made = root / "environment"
    (made / "bin").mkdir(parents=True)
    (made / "pyvenv.cfg").write_text(f"home = {home}/python-3.11/bin\nversion_info = 3.11.7\n")
    (made / "bin" / "python").symlink_to(home / "python-3.11" / "bin" / "python3.11")
    return made


def test_a_virtual_environment_needs_its_interpreter_and_no_more_of_a_home(
    tmp_path: Path, home: Path
) -> None:
    made = environment(tmp_path, home)
    needed = interpreter.needs(str(made / "bin" / "python"))
    real = home / "python-3.11.7"
    own = [path for path in needed.readable if path.startswith(str(tmp_path))]
    assert own == [str(real / "bin" / "python3.11"), str(real / "lib"), str(made)]
    assert (str(home / "python-3.11"), str(real)) in needed.links
    assert (str(home / "python-3.11" / "bin" / "python3.11"), str(real / "bin/python3.11")) in needed.links


def test_a_tampered_environment_shows_nothing_more(tmp_path: Path, home: Path) -> None:
    made = environment(tmp_path, home)
    (made / "pyvenv.cfg").write_text(f"home = {home}\n")
    needed = interpreter.needs(str(made / "bin" / "python"))
    assert not any(Path(path) == home or Path(path).name == "private" for path in needed.readable)


def test_the_running_interpreter_is_found() -> None:
    needed = interpreter.needs(sys.executable)
    assert str(Path(sys.executable).resolve()) in needed.readable or any(
        str(Path(sys.executable).resolve()).startswith(path) for path in needed.readable
    )


@pytest.mark.parametrize("kind", ["missing", "circle"])
def test_an_interpreter_that_is_not_there_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "python"
    if kind == "circle":
        path.symlink_to(path)
    with pytest.raises(interpreter.NotFound):
        interpreter.needs(str(path))


def test_paths_inside_others_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "ab").mkdir()
    found = interpreter.real([str(tmp_path / "a" / "b"), str(tmp_path / "a"), str(tmp_path / "ab")], [])
    assert found.readable == [str(tmp_path / "a"), str(tmp_path / "ab")]
