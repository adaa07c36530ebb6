"""The texts of a package: what MLflow reads, and what Konan knows."""

import ast
import json
from typing import Any

import msgspec
import pytest
import yaml

from konan.ids import sha256_hex
from konan.packaging.mlmodel import Contents, signature, texts
from konan.records.deployments import FileDigest
from konan.records.schema import Feature, Learned, Output, Schema

LOCK = """# Python 3.11
numpy==2.4.6 \\
    --hash=sha256:aa
scikit-learn==1.9.1 ; sys_platform == "linux" \\
    --hash=sha256:bb
"""
SCHEMA = Schema(
    features=(
        Feature(name="x", type="number"),
        Feature(name="größe", type="string", dtype="object", optional=True),
    ),
    output=Output(kind="regressor"),
)
CONTENTS = Contents(
    uuid="01938e1e-0000-7000-8000-000000000001",
    created_at="2026-11-23T18:00:00.000000Z",
    flavor="sklearn",
    loader="sklearn",
    options={"format": "pickle"},
    model=("model/model.pkl",),
    schema=SCHEMA,
    lock=LOCK,
    python="3.11",
    provenance={"client": "0.1.0"},
    files=(FileDigest(path="model/model.pkl", sha256="00" * 32, size=3),),
)


def test_a_package_has_these_files() -> None:
    assert sorted(texts(CONTENTS)) == [
        "MLmodel",
        "code/konan_loader.py",
        "konan.json",
        "python_env.yaml",
        "requirements.lock",
        "requirements.txt",
    ]


def test_konan_json_says_everything_and_digests_every_other_file() -> None:
    made = texts(CONTENTS)
    about = json.loads(made["konan.json"])
    assert msgspec.convert(about["schema"], Schema) == SCHEMA
    assert about["lock"] == sha256_hex(LOCK.encode())
    assert (about["model"], about["options"], about["provenance"]) == (
        ["model/model.pkl"],
        {"format": "pickle"},
        {"client": "0.1.0"},
    )
    digests = {each["path"]: each["sha256"] for each in about["files"]}
    assert digests.pop("model/model.pkl") == "00" * 32
    assert digests == {name: sha256_hex(text) for name, text in made.items() if name != "konan.json"}


def test_equal_contents_make_equal_texts() -> None:
    assert texts(CONTENTS) == texts(CONTENTS)


def test_requirements_are_the_pins_of_the_lock() -> None:
    made = texts(CONTENTS)
    assert made["requirements.txt"] == b"numpy==2.4.6\nscikit-learn==1.9.1\n"
    assert made["requirements.lock"].decode() == LOCK
    assert yaml.safe_load(made["python_env.yaml"]) == {
        "python": "3.11",
        "dependencies": ["-r requirements.txt"],
    }


def test_mlmodel_names_the_loader() -> None:
    document = yaml.safe_load(texts(CONTENTS)["MLmodel"])
    flavors = document["flavors"]
    assert flavors["python_function"]["loader_module"] == "konan_loader"
    assert flavors["sklearn"]["serialization_format"] == "pickle"
    assert flavors["sklearn"]["sklearn_version"] == "1.9.1"
    joblib = msgspec.structs.replace(CONTENTS, options={"format": "joblib"})
    assert "sklearn" not in yaml.safe_load(texts(joblib)["MLmodel"])["flavors"]


def test_text_of_a_stranger_stays_text() -> None:
    evil = Schema(
        features=(Feature(name="x\nflavors: {python_function: {loader_module: os}}", type="number"),)
    )
    document = yaml.safe_load(texts(msgspec.structs.replace(CONTENTS, schema=evil))["MLmodel"])
    assert document["flavors"]["python_function"]["loader_module"] == "konan_loader"
    assert json.loads(document["signature"]["inputs"])[0]["name"] == evil.features[0].name


@pytest.mark.parametrize(
    ("feature", "expected"),
    [
        (Feature(name="x", type="integer", dtype="int64"), "long"),
        (Feature(name="x", type="integer", dtype="int64", learned=Learned(missing=0.1)), "double"),
        (Feature(name="x", type="boolean", dtype="bool"), "boolean"),
        (Feature(name="x", type="datetime", dtype="datetime64[ns]"), "datetime"),
        (Feature(name="x", type="datetime", dtype="object"), "string"),
    ],
)
def test_types_of_inputs(feature: Feature, expected: str) -> None:
    made = json.loads(signature(Schema(features=(feature,)))["inputs"])
    assert made == [{"type": expected, "name": "x", "required": True}]


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (Output(kind="classifier", classes=("a", "b")), "string"),
        (Output(kind="classifier", classes=(True, False)), "boolean"),
        (Output(kind="classifier", classes=(1, 2)), "long"),
        (Output(kind="classifier", classes=(1.0, 2.0)), "double"),
        (Output(kind="regressor"), "double"),
        (Output(kind="regressor", values=2), None),
        (Output(), None),
    ],
)
def test_types_of_outputs(output: Output, expected: str | None) -> None:
    made: Any = signature(Schema(features=(), output=output))["outputs"]
    assert (made and json.loads(made)) == (expected and [{"type": expected, "required": True}])


def test_the_loader_needs_the_standard_library_only() -> None:
    tree = ast.parse(texts(CONTENTS)["code/konan_loader.py"], feature_version=(3, 8))
    modules = {
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [str(node.module)]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert modules == {"importlib", "importlib.util", "json", "pickle", "sys", "pathlib", "typing"}
