"""Models that misbehave while they serve: each costs its own calls, and the platform says what it does."""

from collections.abc import Iterator

import pytest
from tests.http.platform.load import Load
from tests.http.platform.server import Server, eventually


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with a short deadline and a breaker that opens early, and two deployments."""
    made = Server(tmp_path_factory.mktemp("models"))
    made.configure(deadline=1.5, worker_crashes=3)
    made.start()
    try:
        made.deploy("bad")
        made.deploy("good")
        yield made
    finally:
        made.stop()


def test_one_that_hangs_is_replaced_at_the_deadline(impatient: Server) -> None:
    worker = impatient.worker("bad v1")
    with Load(impatient, "good", connections=2) as others:
        others.more()
        status, problem = impatient.predict("bad", 14.0)
        assert (status, problem["code"]) == (504, "deadline_exceeded")
        eventually(lambda: impatient.predict("bad", 1.0)[0] == 200, "the worker is replaced")
        others.more()
    assert not others.refused
    assert not others.broken
    assert impatient.worker("bad v1") not in {worker, None}


def test_one_that_crashes_again_and_again_rests(impatient: Server) -> None:
    log = impatient.data / "logs" / "supervisor.log"

    def rests() -> bool:
        assert impatient.predict("bad", 13.0)[0] in {502, 503, 504}
        return "version rests" in log.read_text()

    with Load(impatient, "good", connections=2) as others:
        eventually(rests, "the breaker opens")
        others.more()
    assert not others.refused
    status, problem = impatient.predict("bad", 1.0)
    assert (status, problem["code"]) == (503, "not_ready")
    status, found = impatient.call("GET", "/v1/deployments/bad")
    assert (status, found["state"]) == (200, "degraded")
    assert impatient.call("GET", "/readyz", key="")[0] == 200
