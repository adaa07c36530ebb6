"""Versions change under load: no request fails, and each answer names the version that gave it."""

from collections import Counter

from tests.http.platform.load import Load
from tests.http.platform.server import Server, eventually

SWITCHES = 5


def logged(server: Server, name: str) -> dict[str, int]:
    """Version by id, as the log has it."""
    found: dict[str, int] = {}
    path = f"/v1/deployments/{name}/predictions?limit=1000"
    cursor = ""
    while True:
        _, page = server.call("GET", path + cursor)
        found |= {one["id"]: one["version"] for one in page["predictions"]}
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def test_no_request_fails_while_versions_are_switched(running: Server) -> None:
    name = "switched"
    running.deploy(name)
    running.deploy(name)
    with Load(running, name) as load:
        load.more()
        for turn in range(SWITCHES):
            done = running.run("rollback", name, "--why", f"turn {turn}", "--json")
            assert done.returncode == 0, done.stderr
            load.more()
    assert (load.refused, load.broken) == ([], [])
    versions = logged(running, name)
    assert set(load.acknowledged) <= versions.keys()
    assert set(Counter(versions.values())) == {1, 2}
    shown = running.run("ledger", name)
    assert shown.returncode == 0
    assert shown.stdout.count("rollback") == SWITCHES


def test_a_promoted_version_answers_the_next_request(running: Server) -> None:
    name = "promoted"
    running.deploy(name)
    running.deploy(name)
    path = f"/v1/deployments/{name}/predict"
    for number in (1, 2, 1):
        assert running.run("version", "promote", name, str(number)).returncode == 0
        assert running.call("POST", path, {"x": 1.0})[1]["version"] == number


def test_a_version_that_is_not_warm_any_more_is_started_again(server: Server) -> None:
    server.start()
    server.deploy("twice")
    server.deploy("twice")
    server.stop()
    server.start()  # only what is live runs now
    assert not any("twice v1" in name for name in server.pids())
    assert server.run("rollback", "twice").returncode == 0
    assert server.call("POST", "/v1/deployments/twice/predict", {"x": 2.0})[1]["version"] == 1
    eventually(lambda: any("twice v1" in name for name in server.pids()), "its worker runs")
