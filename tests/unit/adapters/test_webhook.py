"""Webhooks against a real server: what it gets, and where nothing ever arrives."""

import asyncio
import base64
import hashlib
import hmac
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.unit.adapters.receiving import Receiving, server

from konan import clock
from konan.adapters import addresses, webhook
from konan.adapters.webhook import Webhooks
from konan.errors import Invalid
from konan.records.notifications import Delivery, Receiver, Sent

SECRET = b"s" * 32
LOOPBACK = addresses.networks("127.0.0.0/8, ::1/128")
BODY = '{"type":"alarm.firing","data":{"name":"Grüße"}}'


def receiver(url: str) -> Receiver:
    return Receiver(id="r1", project="p", name="hook", kind="webhook", url=url, created_at="")


def message() -> Delivery:
    return Delivery(
        id="msg-1",
        project="p",
        receiver="r1",
        deployment="bikes",
        created_at="",
        title="It fires",
        text="It fires.",
        body=BODY,
    )


def send(url: str, hooks: Webhooks | None = None) -> Sent:
    return asyncio.run((hooks or Webhooks(SECRET, LOOPBACK)).send(receiver(url), message()))


@pytest.fixture
def hook() -> Iterator[Receiving]:
    with server() as said:
        yield said


def test_what_arrives_is_signed_as_standard_webhooks_has_it(hook: Receiving) -> None:
    sent = send(f"http://127.0.0.1:{hook.port}/in?token=1")
    assert sent == Sent(delivered=True, detail="It answered 204.")
    (taken,) = hook.taken
    assert (taken.path, taken.body) == ("/in?token=1", BODY.encode())
    assert taken.headers["content-type"] == "application/json"
    assert taken.headers["webhook-id"] == "msg-1"
    stamp = taken.headers["webhook-timestamp"]
    assert abs(int(stamp) - clock.now().timestamp()) < 60
    told = webhook.secret_of(SECRET, receiver(""))
    key = base64.b64decode(told.removeprefix("whsec_"))
    assert 24 <= len(key) <= 64
    signed = hmac.new(key, f"msg-1.{stamp}.".encode() + taken.body, hashlib.sha256).digest()
    assert taken.headers["webhook-signature"] == "v1," + base64.b64encode(signed).decode()


def test_every_receiver_has_a_secret_of_its_own() -> None:
    assert webhook.key_of(SECRET, "r1") != webhook.key_of(SECRET, "r2") != webhook.key_of(b"t" * 32, "r2")
    other = Receiver(id="r1", project="p", name="x", kind="apprise", url="slack://x", created_at="")
    assert webhook.secret_of(SECRET, other) == ""


@pytest.mark.parametrize(
    ("status", "headers", "sent"),
    [
        (200, {}, Sent(delivered=True, detail="It answered 200.")),
        (500, {}, Sent(delivered=False, detail="It answered 500.")),
        (429, {"Retry-After": "120"}, Sent(delivered=False, detail="It answered 429.", after=120)),
        (503, {"Retry-After": "soon"}, Sent(delivered=False, detail="It answered 503.")),
        (410, {}, Sent(delivered=False, detail="It answered 410.", again=False)),
    ],
)
def test_what_it_answers_decides(hook: Receiving, status: int, headers: dict[str, str], sent: Sent) -> None:
    hook.status, hook.headers = status, headers
    assert send(f"http://127.0.0.1:{hook.port}/") == sent


def test_redirects_are_not_followed(hook: Receiving) -> None:
    with server() as elsewhere:
        hook.status, hook.headers = 302, {"Location": f"http://127.0.0.1:{elsewhere.port}/"}
        assert not send(f"http://127.0.0.1:{hook.port}/").delivered
        assert elsewhere.connections == 0


def test_an_endless_answer_is_cut(hook: Receiving) -> None:
    hook.status, hook.endless = 200, True
    assert send(f"http://127.0.0.1:{hook.port}/").delivered


@pytest.mark.parametrize(
    "headers", [{f"X-{n}": "x" * 1000 for n in range(1000)}, {"Content-Encoding": "gzip"}]
)
def test_a_strange_head_harms_nobody(hook: Receiving, headers: dict[str, str]) -> None:
    hook.status, hook.headers = 200, headers
    sent = send(f"http://127.0.0.1:{hook.port}/")
    assert sent.delivered is ("Content-Encoding" in headers)


def test_a_proxy_of_the_environment_is_not_used(hook: Receiving, monkeypatch: pytest.MonkeyPatch) -> None:
    with server() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert send(f"http://127.0.0.1:{hook.port}/").delivered
        assert proxy.connections == 0


def test_closed_ports_and_silent_ones_are_told_alike(hook: Receiving) -> None:
    port = hook.port
    with server() as closed:
        gone = closed.port
    answers = {send(f"http://127.0.0.1:{gone}/").detail, send(f"https://127.0.0.1:{port}/").detail}
    assert answers == {"It gave no valid answer in 5 seconds."}


HOSTS = [
    "127.0.0.1",
    "localhost",
    "0",
    "0.0.0.0",
    "[::1]",
    "[::]",
    "[::ffff:7f00:1]",
    "[::ffff:127.0.0.1]",
    "2130706433",
    "0x7f.1",
    "0x7f000001",
    "127.1",
    "0177.0.0.1",
    "169.254.169.254",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[::7f00:1]",
    "[fd00::1]",
    "[ff02::1]",
    "127。0。0。1",
    "ⓛocalhost",
    "no-such-host.invalid",
    "",
]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_private_addresses_get_no_connection(hook: Receiving, host: str, scheme: str) -> None:
    hooks = Webhooks(SECRET)
    for port in (f":{hook.port}", ":443", ""):
        url = f"{scheme}://{host}{port}/"
        with pytest.raises(Invalid) as refusal:
            asyncio.run(hooks.check(url))
        sent = send(url, hooks)
        assert (sent.delivered, sent.detail) == (False, refusal.value.message)
    assert hook.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://192.0.43.7/",
        "ftp://192.0.43.7/",
        "data:text/plain,x",
        "jar:https://192.0.43.7/",
        "http://192.0.43.7/",
        "https://192.0.43.7:25/",
        "https://192.0.43.7:6379/",
        "https://192.0.43.7:80/",
        "https://192.0.43.7:99999/",
        "https://user@192.0.43.7/",
        "https://192.0.43.7@127.0.0.1/",
        "https://127.0.0.1#@192.0.43.7/",
        "https://192.0.43.7\\@127.0.0.1/",
        "https://192.0.43.7/ x",
        "https://192.0.43.7/\r\nX: y",
        "//192.0.43.7/",
        "192.0.43.7",
        "https://192.0.43.7/" + "x" * 2000,
        "",
    ],
)
def test_addresses_that_are_no_plain_webhooks_are_refused(url: str) -> None:
    with pytest.raises(Invalid):
        asyncio.run(Webhooks(SECRET, LOOPBACK).check(url))


def test_public_addresses_over_tls_are_taken() -> None:
    for url in ("https://192.0.43.7/", "https://192.0.43.7:8443/x?y=z", "https://[2001:4860:4860::8888]/"):
        checked = asyncio.run(addresses.check(url))
        assert checked.pinned.startswith("https://")
        assert str(checked.ip) in checked.pinned


def test_an_allowed_network_stays_closed_to_other_protocols(hook: Receiving) -> None:
    for port in (25, 6379):
        with pytest.raises(Invalid):
            asyncio.run(addresses.check(f"http://127.0.0.1:{port}/", LOOPBACK))
    with pytest.raises(Invalid):
        asyncio.run(addresses.check(f"http://127.0.0.1:{hook.port}/", addresses.networks("10.0.0.0/8")))


def test_a_setting_that_names_no_network_is_refused() -> None:
    with pytest.raises(Invalid):
        addresses.networks("10.0.0.0/8, home")
    assert addresses.networks("") == ()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("tls")
    key, cert = place / "key.pem", place / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-days", "2"]
    subprocess.run([*made, "-keyout", key, "-out", cert, *named], check=True, capture_output=True)
    return key, cert


def test_the_certificate_must_be_trusted_and_that_of_the_name(certificate: tuple[Path, Path]) -> None:
    key, cert = certificate
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    trusted = ssl.create_default_context(cafile=str(cert))
    knowing = Webhooks(SECRET, LOOPBACK, trusted)
    with server(context) as hook:
        assert send(f"https://localhost:{hook.port}/", knowing).delivered
        assert hook.taken[0].headers["host"] == f"localhost:{hook.port}"
        assert not send(f"https://127.0.0.1:{hook.port}/", knowing).delivered
        assert not send(f"https://localhost:{hook.port}/").delivered
        assert len(hook.taken) == 1
