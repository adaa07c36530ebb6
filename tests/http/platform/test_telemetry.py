"""A whole server tells an OpenTelemetry collector of its requests; without one it starts as well as ever."""

from pathlib import Path

import pytest
from tests.http.platform.server import Server, eventually
from tests.unit.adapters import collected
from tests.unit.adapters.receiving import Receiving
from tests.unit.adapters.receiving import server as receiving


def test_a_collector_is_told_of_every_request(server: Server, tmp_path: Path) -> None:
    headers = tmp_path / "headers"
    headers.write_text("Authorization: Bearer geheim\n")
    with receiving() as receiver:
        receiver.status = 200
        address = f"http://127.0.0.1:{receiver.port}"
        server.configure(otel_endpoint=address, otel_headers_file=str(headers), otel_seconds=0.2)
        server.start()
        server.deploy("twice")
        asked = [server.predict("twice", number)[1]["id"] for number in range(5)]
        status, refused = server.call("POST", "/v1/deployments/twice/predict", {"x": "many"})
        assert status == 422
        eventually(lambda: len(collected.spans(receiver)) == 6, "all spans arrive")
        eventually(lambda: counted(receiver) == ({200: 5}, {"rows_invalid": 1}), "all requests are counted")
        shown = server.run("config", "show").stdout
        assert loads_protobuf(server)
        server.stop()
        spans = collected.spans(receiver)
    assert {span.trace_id.hex() for span in spans} == {
        one.replace("-", "") for one in [*asked, refused["request_id"]]
    }
    assert all(collected.attributes(span)["konan.deployment"] == "twice" for span in spans)
    assert {taken.headers["authorization"] for taken in receiver.taken} == {"Bearer geheim"}
    logs = "".join(path.read_text() for path in (server.data / "logs").glob("*.log*"))
    assert "geheim" not in shown + logs


def counted(receiver: Receiving) -> tuple[dict[object, int], dict[object, int]]:
    """Requests with a say of a model by status, and the others by code, as the newest metrics tell."""
    found = collected.metrics(receiver)
    if not {"http.server.request.duration", "konan.requests.refused"} <= set(found):
        return {}, {}
    durations = found["http.server.request.duration"].histogram.data_points
    refused = found["konan.requests.refused"].sum.data_points
    return (
        {collected.attributes(one)["http.response.status_code"]: one.count for one in durations},
        {collected.attributes(one)["konan.code"]: int(one.as_int or one.as_double) for one in refused},
    )


def loads_protobuf(server: Server) -> bool:
    """Whether control has loaded what encodes telemetry."""
    return "google/_upb" in Path(f"/proc/{server.pids()['control']}/maps").read_text()


def test_nothing_of_it_is_loaded_while_it_is_off(running: Server) -> None:
    assert not loads_protobuf(running)


def test_a_server_without_its_collector_answers_and_ends(server: Server) -> None:
    with receiving() as gone:
        address = f"http://127.0.0.1:{gone.port}"
    server.configure(otel_endpoint=address, otel_seconds=0.2)
    server.start()
    server.deploy("twice")
    assert server.predict("twice", 2)[0] == 200
    log = server.data / "logs" / "control.log"
    eventually(lambda: "takes no telemetry" in log.read_text(), "the log tells of it")
    assert log.read_text().count("takes no telemetry") == 1
    server.stop()


@pytest.mark.parametrize(
    ("name", "value"), [("otel_endpoint", "collector"), ("otel_headers_file", "/none"), ("otel_share", 2)]
)
def test_a_setting_that_cannot_be_is_named(server: Server, name: str, value: object) -> None:
    server.configure(**{"otel_endpoint": "http://127.0.0.1:4318", name: value})
    done = server.run("up", "--json", "--port", "0", "--data-dir", str(server.data))
    assert done.returncode != 0
    assert name in done.stdout
