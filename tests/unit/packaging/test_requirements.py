"""Modules become pinned distributions; a client's requirements become safe text."""

from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from konan.errors import ModelFileInvalid, Usage
from konan.packaging.reading import Reading
from konan.packaging.requirements import checked, given, own, pinned


def reading(*modules: str, sklearn: str = "", complete: bool = True) -> Reading:
    return Reading(format="joblib", modules=modules, sklearn=sklearn, complete=complete)


def test_modules_are_pinned_as_installed_here() -> None:
    pins = pinned(reading("sklearn.svm", "numpy._core", "collections", "builtins"), ("pandas", "joblib"))
    assert pins.requirements == tuple(
        f"{name}=={version(name)}" for name in ("joblib", "numpy", "pandas", "scikit-learn")
    )
    assert pins.notices == ()


def test_what_is_not_installed_is_taken_as_the_model_says() -> None:
    assert pinned(reading("lightgbm.sklearn")).requirements == ("lightgbm",)


def test_another_version_than_fitted_is_told() -> None:
    (notice,) = pinned(reading("sklearn.svm", sklearn="0.24.2")).notices
    assert "0.24.2" in notice
    assert version("scikit-learn") in notice
    assert pinned(reading("sklearn.svm", sklearn=version("scikit-learn"))).notices == ()


def test_a_file_read_in_part_is_told() -> None:
    (notice,) = pinned(reading(complete=False)).notices
    assert "in part" in notice


@pytest.mark.parametrize("module", ["__main__", "konan.errors", "no_such_module_anywhere"])
def test_what_no_index_has_is_refused_with_a_way_out(module: str) -> None:
    with pytest.raises(Usage) as caught:
        pinned(reading(module))
    assert module.partition(".")[0] in caught.value.message
    assert "from memory" in caught.value.hint


def test_own_modules_are_told_from_others() -> None:
    names = ["konan.errors", "konan.ids", "sklearn.svm", "os.path", "builtins", "no_such", "__main__"]
    assert own(names) == ("__main__", "konan", "no_such")
    assert own([]) == ()


def test_requirements_are_written_anew() -> None:
    assert checked(["NumPy >= 2, <3", "scikit_learn==1.9.1", "a[b,c]==1 ; python_version > '3'"]) == (
        'a[b,c]==1; python_version > "3"',
        "numpy<3,>=2",
        "scikit-learn==1.9.1",
    )


REFUSED = [
    "evil; import os",
    "pkg @ http://example.org/x.whl",
    "pkg @ file:///etc",
    "git+https://example.org/x",
    "--index-url http://example.org",
    "-e .",
    "-r other.txt",
    "./local",
    "../local.whl",
    "/abs/local.whl",
    "a==1\n--index-url http://example.org",
    "a==1\r-e .",
    "a==1 --hash=sha256:00",
    "a==1 \\",
    "a===1",
    "",
    " ",
    "a==1 # comment",
    "\u0430bc==1",
    "a==${HOME}",
    "a" * 400,
]


@pytest.mark.parametrize("text", REFUSED)
def test_everything_but_a_plain_requirement_is_refused(text: str) -> None:
    with pytest.raises(ModelFileInvalid):
        checked([text])


@given_any(st.text(max_size=60))
def test_what_is_accepted_is_one_safe_line(text: str) -> None:
    try:
        (line,) = checked([text])
    except ModelFileInvalid:
        return
    assert line.isprintable()
    assert line.isascii()
    assert line[0].isalnum()
    assert "://" not in line
    assert " @ " not in line
    assert checked([line]) == (line,)


def test_too_many_are_refused() -> None:
    with pytest.raises(ModelFileInvalid):
        checked([f"a{number}==1" for number in range(501)])


def test_a_requirements_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(
        "# ours\nnumpy==2.4.6 # pinned\n\n"
        "scikit-learn==1.9.1 \\\n    --hash=sha256:00 \\\n    --hash=sha256:11\n"
    )
    pins = given(path)
    assert pins.requirements == ("numpy==2.4.6", "scikit-learn==1.9.1")
    (notice,) = pins.notices
    assert "Hashes" in notice
    assert given(["numpy==2.4.6"]) == (("numpy==2.4.6",), ())


@pytest.mark.parametrize(
    "line", ["-r other.txt", "--index-url http://x", "a @ http://x", "git+https://x", "./a", "a==1 @x"]
)
def test_a_requirements_file_with_more_is_refused(tmp_path: Path, line: str) -> None:
    path = tmp_path / "requirements.txt"
    path.write_text(f"numpy==2.4.6\n{line}\n")
    with pytest.raises(Usage):
        given(path)
    with pytest.raises(Usage):
        given([line])


def test_a_missing_requirements_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="cannot be read"):
        given(str(tmp_path / "none.txt"))
