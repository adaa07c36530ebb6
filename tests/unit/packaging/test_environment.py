"""Environments: locked with hashes, built once, whole or not at all. These tests use the real uv."""

import asyncio
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from konan.errors import DeadlineExceeded, GateFailed, Invalid
from konan.ids import sha256_hex
from konan.packaging import environment
from konan.packaging.child import Finished
from konan.packaging.environment import Environments, Lock, read_lock

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture
def environments(tmp_path: Path) -> Environments:
    return Environments(tmp_path, 120)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that is the only index there is."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "wheels" / "cache"))
    monkeypatch.setenv("UV_FIND_LINKS", str(folder))
    return folder


def wheel(folder: Path, name: str, version: str, code: str = "") -> Path:
    """A small wheel of one module."""
    file = folder / f"{name}-{version}-py3-none-any.whl"
    about = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(file, "w") as made:
        made.writestr(f"{name}.py", code or f"VERSION = {version!r}\n")
        made.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        made.writestr(
            f"{about}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        made.writestr(f"{about}/RECORD", "")
    return file


def value_in(python: Path, expression: str) -> str:
    done = subprocess.run(
        [python, "-I", "-c", f"import one; print({expression})"], capture_output=True, check=True
    )
    return done.stdout.decode().strip()


def test_a_lock_names_hashes_and_an_environment_is_what_it_says(
    environments: Environments, index: Path
) -> None:
    wheel(index, "one", "1.0")

    async def scenario() -> tuple[Lock, Path]:
        lock = await environments.lock(("one",), PYTHON)
        return lock, await environments.build(lock)

    lock, python = asyncio.run(scenario())
    assert lock.text.startswith(f"# python {PYTHON}\n")
    assert "one==1.0" in lock.text
    assert "--hash=sha256:" in lock.text
    assert lock.digest == sha256_hex(lock.text.encode())
    assert read_lock(lock.text) == lock
    assert python == environments.python(lock.digest)
    assert value_in(python, "one.VERSION") == "1.0"
    assert list(python.parent.parent.rglob("one.cpython-*.pyc")), "workers cannot write byte code themselves"


def test_the_same_requirements_keep_their_lock_when_the_index_changes(
    environments: Environments, index: Path
) -> None:
    wheel(index, "one", "1.0")
    first = asyncio.run(environments.lock(("one",), PYTHON))
    wheel(index, "one", "2.0")
    assert asyncio.run(environments.lock(("one",), PYTHON)) == first
    assert "one==2.0" in asyncio.run(environments.lock(("one>=1",), PYTHON)).text


def test_two_builds_of_one_lock_at_once_make_one_environment(
    environments: Environments, index: Path, tmp_path: Path
) -> None:
    wheel(index, "one", "1.0")

    async def scenario() -> list[Path]:
        locks = await asyncio.gather(*(environments.lock(("one",), PYTHON) for _ in range(3)))
        return await asyncio.gather(*(environments.build(lock) for lock in locks))

    pythons = set(asyncio.run(scenario()))
    assert len(pythons) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["locks", "wheels", pythons.pop().parent.parent.name]
    )


def test_builds_of_two_processes_end_in_the_same_place(tmp_path: Path, index: Path) -> None:
    wheel(index, "one", "1.0")

    async def scenario() -> tuple[Path, Path]:
        one, other = Environments(tmp_path, 120), Environments(tmp_path, 120)
        lock = await one.lock(("one",), PYTHON)
        return await asyncio.gather(one.build(lock), other.build(lock))

    first, second = asyncio.run(scenario())
    assert first == second
    assert value_in(first, "one.VERSION") == "1.0"
    assert not list(tmp_path.glob(".building-*"))


def test_a_changed_wheel_is_refused(environments: Environments, index: Path, tmp_path: Path) -> None:
    wheel(index, "one", "1.0")
    lock = asyncio.run(environments.lock(("one",), PYTHON))
    wheel(index, "one", "1.0", code="VERSION = 'changed'\n")
    shutil.rmtree(index / "cache")
    with pytest.raises(GateFailed, match="could not be built"):
        asyncio.run(environments.build(lock))
    assert not environments.exists(lock.digest)
    assert not list(tmp_path.glob(".building-*"))


def test_source_packages_are_never_built(environments: Environments, index: Path, tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    source = index / "one-1.0"
    source.mkdir()
    (source / "setup.py").write_text(
        f"open({str(witness)!r}, 'w')\nfrom setuptools import setup\nsetup(name='one')"
    )
    (source / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: one\nVersion: 1.0\n")
    subprocess.run(["tar", "-czf", "one-1.0.tar.gz", "one-1.0"], cwd=index, check=True)
    with pytest.raises(GateFailed) as caught:
        asyncio.run(environments.lock(("one",), PYTHON))
    assert "wheels only" in caught.value.hint
    assert not witness.exists()


def test_code_of_a_package_does_not_run_while_it_is_installed(
    environments: Environments, index: Path, tmp_path: Path
) -> None:
    witness = tmp_path / "witness"
    file = wheel(index, "one", "1.0")
    with zipfile.ZipFile(file, "a") as made:
        made.writestr("one.pth", f"import pathlib; pathlib.Path({str(witness)!r}).touch()\n")
        made.writestr("sitecustomize.py", f"import pathlib; pathlib.Path({str(witness)!r}).touch()\n")

    async def scenario() -> None:
        await environments.build(await environments.lock(("one",), PYTHON))

    asyncio.run(scenario())
    assert not witness.exists()


def test_a_requirement_that_cannot_be_met_says_why(environments: Environments, index: Path) -> None:
    wheel(index, "one", "1.0")
    with pytest.raises(GateFailed, match="one==9"):
        asyncio.run(environments.lock(("one==9",), PYTHON))


def test_a_python_that_is_not_here_is_named_with_those_that_are(environments: Environments) -> None:
    with pytest.raises(Invalid) as caught:
        asyncio.run(environments.lock((), "3.5"))
    assert "Python 3.5" in caught.value.message
    assert PYTHON in caught.value.message


@pytest.mark.parametrize("minor", ["", "3", "2.7", "3.11.7", "/bin/sh", "3.1x", "--help"])
def test_a_python_that_is_no_version_is_refused(environments: Environments, minor: str) -> None:
    with pytest.raises(Invalid):
        asyncio.run(environments.lock((), minor))


def test_what_a_killed_build_left_is_removed(environments: Environments, tmp_path: Path) -> None:
    left = tmp_path / ".building-x" / "bin"
    left.mkdir(parents=True)
    (left / "python").touch()
    kept = tmp_path / "digest" / "bin"
    kept.mkdir(parents=True)
    environments.sweep()
    assert not left.exists()
    assert kept.exists()


def test_a_build_that_takes_too_long_leaves_nothing(tmp_path: Path, index: Path) -> None:
    wheel(index, "one", "1.0")
    lock = asyncio.run(Environments(tmp_path, 120).lock(("one",), PYTHON))
    hasty = Environments(tmp_path, 0.001)
    with pytest.raises(DeadlineExceeded):
        asyncio.run(hasty.build(lock))
    assert not hasty.exists(lock.digest)
    assert not list(tmp_path.glob(".building-*"))


def test_credentials_of_an_index_are_not_told() -> None:
    done = Finished(1, b"", "error: failed to fetch https://me:secret@index.example/simple/one/\n")
    said = environment.refused("It failed", done).message
    assert "secret" not in said
    assert "https://index.example/simple/one/" in said


def test_a_full_disk_is_told_as_such() -> None:
    done = Finished(1, b"", "error: No space left on device (os error 28)\n")
    assert environment.refused("It failed", done).code == "storage_full"


def test_pips_settings_of_the_user_reach_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://index.example/simple")
    monkeypatch.setenv("PIP_FIND_LINKS", "/a /b")
    monkeypatch.setenv("UV_EXTRA_INDEX_URL", "https://uv.example/simple")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://pip.example/simple")
    monkeypatch.setenv("KONAN_SECRET", "x")
    found = environment.builder_settings()
    assert found["UV_INDEX_URL"] == "https://index.example/simple"
    assert found["UV_FIND_LINKS"] == "/a,/b"
    assert found["UV_EXTRA_INDEX_URL"] == "https://uv.example/simple"
    assert "KONAN_SECRET" not in found


def test_a_lock_without_its_python_is_refused() -> None:
    with pytest.raises(Invalid):
        read_lock("one==1.0\n")
