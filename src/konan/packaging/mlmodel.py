"""The texts that make a directory of files a package that MLflow loads too.

A package is an MLmodel directory: ``MLmodel`` (flavors and signature), ``requirements.txt`` and
``python_env.yaml`` (what to install), ``code/konan_loader.py`` (how to load it), and ``konan.json``, which
says everything that Konan knows: schema, lock, provenance and the digest of every other file.

Format: MLflow Model, as ``mlflow.pyfunc.load_model`` of MLflow 3.17 reads it.
"""

import re
from importlib.resources import files
from typing import Any

import msgspec
import yaml

from konan.ids import sha256_hex
from konan.records.deployments import FileDigest
from konan.records.schema import Feature, Output, Schema

CODE = "code"
LOADER_MODULE = "konan_loader"
FORMAT = 1
_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_MLFLOW_TYPES = {"number": "double", "integer": "long", "boolean": "boolean", "string": "string"}


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """What a package is made of.

    Attributes:
        uuid: id of its version.
        created_at: RFC 3339.
        flavor: name of its flavor.
        loader: name of the worker's loader.
        options: what the loader needs.
        model: its model files, as paths in the package; the first is the one to load.
        schema: what it takes and gives.
        lock: text of its locked requirements, each line from ``name==version``.
        python: version of Python, as ``3.11`` or ``3.11.7``.
        provenance: who made it with what.
        files: digests of its model files.
    """

    uuid: str
    created_at: str
    flavor: str
    loader: str
    options: dict[str, Any]
    model: tuple[str, ...]
    schema: Schema
    lock: str
    python: str
    provenance: dict[str, Any]
    files: tuple[FileDigest, ...]


def texts(contents: Contents) -> dict[str, bytes]:
    """The files to write beside the model's own, by their path in the package."""
    pins = [f"{name}=={version}" for name, version in _PIN.findall(contents.lock)]
    made = {
        "MLmodel": _yaml(_mlmodel(contents)),
        "requirements.txt": "".join(f"{pin}\n" for pin in pins).encode(),
        "requirements.lock": contents.lock.encode(),
        "python_env.yaml": _yaml({"python": contents.python, "dependencies": ["-r requirements.txt"]}),
        f"{CODE}/{LOADER_MODULE}.py": _loader_source(),
    }
    digests = [
        FileDigest(path=path, sha256=sha256_hex(text), size=len(text)) for path, text in sorted(made.items())
    ]
    made["konan.json"] = _about(contents, digests)
    return made


def signature(schema: Schema) -> dict[str, Any]:
    """The schema as MLflow's model signature; each part is JSON text.

    >>> signature(Schema(features=(Feature(name="x", type="number"),)))["inputs"]
    '[{"type":"double","name":"x","required":true}]'
    """
    inputs = [
        {"type": _type(feature), "name": feature.name, "required": not feature.optional}
        for feature in schema.features
    ]
    outputs = _outputs(schema.output)
    return {
        "inputs": msgspec.json.encode(inputs).decode(),
        "outputs": None if outputs is None else msgspec.json.encode(outputs).decode(),
        "params": None,
    }


def _mlmodel(contents: Contents) -> dict[str, Any]:
    flavors: dict[str, Any] = {
        "python_function": {
            "loader_module": LOADER_MODULE,
            "code": CODE,
            "env": {"virtualenv": "python_env.yaml"},
            "python_version": contents.python,
        }
    }
    written = contents.options.get("format")
    if contents.flavor == "sklearn" and written in ("pickle", "cloudpickle"):
        flavors["sklearn"] = {
            "pickled_model": contents.model[0],
            "serialization_format": written,
            "sklearn_version": dict(_PIN.findall(contents.lock)).get("scikit-learn", ""),
            "code": CODE,
        }
    return {
        "flavors": flavors,
        "model_uuid": contents.uuid.replace("-", ""),
        "utc_time_created": contents.created_at.replace("T", " ").rstrip("Z"),
        "signature": signature(contents.schema),
    }


def _about(contents: Contents, digests: list[FileDigest]) -> bytes:
    about = {
        "format": FORMAT,
        "uuid": contents.uuid,
        "created_at": contents.created_at,
        "flavor": contents.flavor,
        "loader": contents.loader,
        "options": contents.options,
        "model": contents.model,
        "schema": contents.schema,
        "python": contents.python,
        "lock": sha256_hex(contents.lock.encode()),
        "provenance": contents.provenance,
        "files": [*contents.files, *digests],
    }
    return msgspec.json.format(msgspec.json.encode(about), indent=2) + b"\n"


def _type(feature: Feature) -> str:
    """MLflow refuses a column of whole numbers with gaps as ``long``, since pandas holds it as floats."""
    if feature.type == "datetime":
        return "datetime" if feature.dtype.startswith("datetime64") else "string"
    gaps = feature.learned is not None and feature.learned.missing > 0
    return "double" if feature.type == "integer" and gaps else _MLFLOW_TYPES[feature.type]


def _outputs(output: Output) -> list[dict[str, Any]] | None:
    if output.kind == "regressor" and output.values == 1:
        return [{"type": "double", "required": True}]
    if output.kind != "classifier" or not output.classes:
        return None
    first = output.classes[0]
    for kind, name in ((bool, "boolean"), (int, "long"), (float, "double")):
        if isinstance(first, kind):
            return [{"type": name, "required": True}]
    return [{"type": "string", "required": True}]


def _loader_source() -> bytes:
    return files("konan.packaging").joinpath(f"{LOADER_MODULE}.py").read_bytes()


def _yaml(content: dict[str, Any]) -> bytes:
    text: str = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return text.encode()
