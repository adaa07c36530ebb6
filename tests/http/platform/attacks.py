"""The table of attacks, by the numbers of the case table of the security study.

Each is one request and the statuses that it may be answered with.
"""

import json
import zipfile
from typing import NamedTuple

from tests.http.platform.attacked import zipped

PREDICT = "/v1/deployments/twice/predict"
UPLOAD = "/v1/deployments/pushed/versions"
KEYS = "/v1/keys"
JSON = {"content_type": "application/json"}
ZIP = {"content_type": "application/zip"}
GOOD = b'{"x": 2.5}'
PICKLE = {"model/m.joblib": b"\x80\x04N."}
OVER = b'{"x": 1' + b" " * (1 << 20) + b"}"
NAMES = ("..%2f..%2fetc", "..", ".", "a%2fb", "a%5cb", "a" * 300, "CON", "a.", "a%20", "a%0a", "models", "-a")
PATHS = (
    "/v1/deployments/%2e%2e/%2e%2e/secret",
    "/v1/deployments/..%2f..%2fsecret",
    "/v1/deployments/%252e%252e%252fsecret",
    "/v1/deployments/..%c0%afsecret",
    "/v1/deployments/..;/secret",
    "/v1/deployments/.%00.",
    "/../../../../etc/passwd",
    "//etc/passwd",
    "/static/../../data/konan.db",
    "/static/%2e%2e/konan.db",
)
DEEP = ("[" * 1_000_000, '{"a":' * 100_000)
NO_JSON = ("NaN", "Infinity", "-Infinity", "1e400", "0x10", "01", "+1", ".5")
INEXACT = ("9007199254740993", "18446744073709551617", "9" * 5000)
HIDDEN = ("/docs", "/debug", "/.env", "/server-status", "/console", "/actuator", "/v0/keys", "/schema", "/")
NO_KEYS = ("nobody", "stranger", "revoked", "mistyped")
READ = ("", "/twice", "/twice/versions", "/twice/versions/1", "/twice/predictions", "/twice/logs")
"""What a key reads of deployments."""


class Attack(NamedTuple):
    """One request.

    Attributes:
        case: number of the case and what is special.
        allowed: statuses.
        path: of the request.
        body: of the request.
        headers: names with underscores for hyphens.
        key: which key is sent.
        method: of the request.
    """

    case: str
    allowed: set[int]
    path: str
    body: bytes = b""
    headers: dict[str, str] = JSON
    key: str = "owner"
    method: str = "POST"


def rows(case: str, status: int, body: bytes, **headers: str) -> Attack:
    """A prediction that is asked for in a wrong way."""
    return Attack(case, {status}, PREDICT, body, JSON | headers)


def value(case: str, status: int, text: str) -> Attack:
    """A prediction for one value that is not what it should be."""
    return rows(f"{case} {text[:20]}", status, b'{"x": %b}' % text.encode())


def upload(case: str, status: int, body: bytes, key: str = "owner", **headers: str) -> Attack:
    """A version that is uploaded in a wrong way."""
    return Attack(case, {status}, UPLOAD, body, ZIP | headers, key)


def new_key(case: str, status: int, key: str, **fields: object) -> Attack:
    """A key that must not be made."""
    body = json.dumps({"name": "n", "scopes": ["read"], **fields}).encode()
    return Attack(case, {status}, KEYS, body, key=key)


def name(text: str) -> Attack:
    """A deployment that cannot be called that."""
    return Attack(f"1 {text[:12]}", {400, 404, 422}, UPLOAD.replace("pushed", text), zipped(PICKLE), ZIP)


def get(case: str, path: str, *allowed: int, key: str = "owner") -> Attack:
    """Something that is read by the wrong caller, or is not there."""
    return Attack(case, set(allowed), path, headers={}, key=key, method="GET")


def link() -> bytes:
    """An archive with a symbolic link."""
    info = zipfile.ZipInfo("model/m.joblib")
    info.external_attr = 0o120777 << 16
    return zipped({info: b"/etc/passwd"})


ATTACKS = [
    *(name(each) for each in NAMES),
    *(get(f"2-3 {path}", path, 400, 404) for path in PATHS),
    get("4 path", "/v1/deployments/twice/logs?path=/etc/passwd", 422),
    get("4 file", "/v1/deployments?path=file:///etc/passwd", 422),
    upload("5 source", 422, zipped(PICKLE, source="file:///etc")),
    upload("5 uri", 422, zipped(PICKLE, uri="/etc", tags=["no-check"])),
    upload("9 empty", 422, b""),
    upload("9 digest", 422, zipped(PICKLE), konan_sha256="0" * 64),
    upload("11 dots", 422, zipped({"../../x": b"m"})),
    upload("11 absolute", 422, zipped({"/abs": b"m"})),
    upload("11 drive", 422, zipped({"C:\\x": b"m"})),
    upload("12 link", 422, link()),
    upload("13 bomb", 413, zipped({"model/m.joblib": b"\0" * (3 << 20)}, method=zipfile.ZIP_DEFLATED)),
    upload("13 members", 413, zipped({f"model/{number}": b"" for number in range(3000)})),
    upload("14 truncated", 422, zipped({"model/m.joblib": b"m" * 99})[:-30]),
    upload("14 leading", 415, b"#!" + zipped(PICKLE)),
    upload("14 method", 422, zipped({"model/m.joblib": b"m" * 99}, method=zipfile.ZIP_BZIP2)),
    upload("16 tar", 415, b"model".ljust(257, b"\0") + b"ustar\x0000" + bytes(2000)),
    upload("16 gzip", 415, b"\x1f\x8b\x08\0" + bytes(99)),
    upload("16 7z", 415, b"7z\xbc\xaf\x27\x1c" + bytes(99)),
    upload("18 requirements", 422, zipped(PICKLE, requirements=["evil; import os"])),
    upload("18 address", 422, zipped(PICKLE, requirements=["p @ http://127.0.0.1/p"])),
    upload("18 option", 422, zipped(PICKLE, requirements=["--index-url=http://127.0.0.1"])),
    upload("19 nobody", 401, zipped(PICKLE), "nobody"),
    upload("19 reader", 403, zipped(PICKLE), "reader"),
    upload("19 without code", 403, zipped(PICKLE), "deployer"),
    upload("19 admin without code", 403, zipped(PICKLE), "admin"),
    upload("20 as skops", 422, zipped({"model/m.skops": b"\x80\x04N."}, options={"format": "skops"})),
    rows("27 one byte over", 413, OVER),
    rows("30 header", 431, GOOD, x="a" * 65536),
    rows("30 headers", 431, GOOD, **{f"x_{number}": "a" for number in range(101)}),
    get("30 target", "/v1/deployments?" + "a" * 16384, 431),
    get("30 parameters", "/v1/deployments?" + "&".join(f"p{number}=1" for number in range(999)), 422, 431),
    rows("31 unclosed", 400, b'{"x": 1'),
    *(value("31-33", 400, text) for text in (*DEEP, *NO_JSON)),
    *(value("33", 422, text) for text in INEXACT),
    rows("36 unknown", 422, b'{"x": 1, "y": 2}'),
    rows("36 missing", 422, b"{}"),
    *(value("36", 422, text) for text in ('"2.5"', "true", "[1]", '{"x": 1}', '1, "x": 2')),
    rows("36 no rows", 422, b"[]"),
    rows("36 too many", 413, b"[" + b'{"x":1},' * 10_000 + b'{"x":1}]'),
    new_key("37 more fields", 422, "owner", is_admin=True, role="admin", project_id="p2"),
    rows("38 text", 415, GOOD, content_type="text/plain"),
    rows("38 none", 415, GOOD, content_type=""),
    rows("38 charset", 415, GOOD, content_type="application/json; charset=utf-16"),
    rows("38 multipart", 415, GOOD, content_type="multipart/form-data; boundary=x"),
    *(Attack(f"40 {key}", {401}, PREDICT, GOOD, key=key) for key in NO_KEYS),
    *(get(f"45 {path}", path, 404) for path in HIDDEN),
    *(get(f"45 {path} without", path, 401, key="nobody") for path in (*HIDDEN, "/metrics", "/openapi.json")),
    *(get(f"51 {path}", f"/v1/deployments{path}", 404, key="elsewhere") for path in READ[1:]),
    upload("53 reader deploys", 403, b"", "reader"),
    get("53 reader lists keys", KEYS, 403, key="reader"),
    new_key("53 reader makes a key", 403, "reader"),
    Attack("53 reader revokes", {403}, f"{KEYS}/000000000000", key="reader", method="DELETE"),
    new_key("54 more scopes", 403, "admin", scopes=["model:upload-code"]),
    new_key("54 longer", 403, "admin", expires_days=365),
    new_key("54 all deployments", 403, "elsewhere", deployments=[]),
    *(get(f"57 {path}", f"/v1/deployments{path}", 403, key="caller") for path in READ),
    rows("66 reflected", 415, GOOD, content_type="<script>alert(1)</script>"),
    get("66 path", "/%3Cscript%3E", 400, 404),
    get("66 query", "/v1/deployments?%3Cscript%3E=1", 422),
]

_HOST = b"Host: localhost\r\n"
RAW = {
    "79 CL+TE": b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0",
    "79 two CL": b"POST / HTTP/1.1\r\n" + _HOST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "79 TE": b"POST / HTTP/1.1\r\n" + _HOST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "79 folded": b"GET / HTTP/1.1\r\n" + _HOST + b"X: a\r\n b\r\n\r\n",
    "79 bare LF": b"GET / HTTP/1.1\n" + _HOST + b"\n",
    "79 0.9": b"GET /\r\n\r\n",
    "79 1.0 TE": b"POST / HTTP/1.0\r\n" + _HOST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "79 NUL": b"GET / HTTP/1.1\r\n" + _HOST + b"X: a\0\r\n\r\n",
}
"""What is no request: 400, and what follows on the connection is not read."""

FORMS = ("Basic {}", "bearer {}", "Bearer  {}", "Bearer {}, Bearer {}", "{}", "Bearer {} x", "Token {}")
"""Ways to send a key in which none is taken (case 42)."""

WAYS = {
    "raises": (502, "model_failed"),
    "exits": (502, "model_failed"),
    "interrupts": (502, "model_failed"),
    "recurses": (502, "model_failed"),
    "eats": (502, "model_failed"),
    "descriptors": (502, "model_failed"),
    "leaves": (502, "model_failed"),
    "spins": (504, "deadline_exceeded"),
    "nan": (502, "model_output_invalid"),
    "infinite": (502, "model_output_invalid"),
    "strange": (502, "model_output_invalid"),
    "huge": (502, "model_output_invalid"),
}
"""What a model does, and what its caller is told (cases 24 and 25)."""

DENIED = {"FileNotFoundError", "PermissionError", "['environments', 'packages']"}
"""What a model gets of what it tries; the last is all that its own root shows of the data directory."""
