"""The library of Standard Webhooks takes our messages, and Apprise sends them on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import uv
from tests.unit.adapters.receiving import server
from tests.unit.adapters.test_webhook import BODY, LOOPBACK, SECRET, message, receiver, send

from konan.adapters import webhook
from konan.adapters.webhook import Webhooks

pytestmark = [pytest.mark.peers, pytest.mark.timeout(900)]

NEEDED = ["standardwebhooks==1.1.0", "apprise==2.2.0", "msgspec", "typing-extensions"]
HERE = Path(__file__).parent
SOURCE = HERE.parents[1] / "src"
VERIFY = """
import json, sys
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
secret, headers, body = json.load(sys.stdin)
Webhook(secret).verify(body, headers)
try:
    Webhook(secret).verify(body + " ", headers)
except WebhookVerificationError:
    print("taken, and what was changed is refused")
"""
APPRISE = """
import asyncio, sys
import msgspec
from konan.adapters.apprise import Apprise
from konan.records.notifications import Delivery, Receiver
receiver, delivery = msgspec.json.decode(sys.stdin.buffer.read(), type=tuple[Receiver, Delivery])
print(asyncio.run(Apprise(["json"]).send(receiver, delivery)).delivered)
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """The interpreter of an environment with both, made once and kept between runs."""
    folder = HERE / ".env-notify"
    found, made = folder / "bin" / "python", folder / "made.json"
    if not made.exists() or json.loads(made.read_text()) != NEEDED:
        tool = uv.find_uv_bin()
        subprocess.run([tool, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True)
        subprocess.run([tool, "pip", "install", "-q", "--python", str(found), *NEEDED], check=True)
        made.write_text(json.dumps(NEEDED))
    return found


def said(python: Path, script: str, given: bytes) -> str:
    done = subprocess.run(
        [python, "-c", script], input=given, env={"PYTHONPATH": str(SOURCE)}, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().strip()


def test_the_library_of_standard_webhooks_takes_what_arrives(python: Path) -> None:
    with server() as hook:
        assert send(f"http://127.0.0.1:{hook.port}/", Webhooks(SECRET, LOOPBACK)).delivered
    (taken,) = hook.taken
    secret = webhook.secret_of(SECRET, receiver(""))
    given = json.dumps([secret, taken.headers, taken.body.decode()]).encode()
    assert taken.body.decode() == BODY
    assert said(python, VERIFY, given) == "taken, and what was changed is refused"


def test_apprise_sends_messages_on(python: Path) -> None:
    import msgspec

    with server() as hook:
        one = msgspec.structs.replace(receiver(f"json://127.0.0.1:{hook.port}/"), kind="apprise")
        assert said(python, APPRISE, msgspec.json.encode([one, message()])) == "True"
    (taken,) = hook.taken
    assert json.loads(taken.body)["message"] == message().text
