"""What the dispatcher does when a model raises, hangs or dies, and when there is no room."""

import asyncio
import math

import pytest
import uvloop
from tests.unit.serving.dispatching import Bench, Peer, Run, answers, doubled, passes, poisoned, rendered

from konan import clock
from konan.errors import DeadlineExceeded, KonanError, ModelFailed, NotReady, OutputInvalid, TooMany
from konan.serving.calls import Call, Result
from konan.worker.frames import DONE, FAIL, PREDICT, Frame, pack


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return asyncio.run if request.param == "asyncio" else uvloop.run


def test_a_poison_row_fails_only_its_own_call(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench(batch_rows=8)
        serving = asyncio.create_task(Peer(bench, 1).serve(poisoned))
        calls = [bench.call(1), bench.call(13), bench.call(2), bench.call(*range(20)), bench.call(3)]
        assert await answers(*calls) == [[2], ModelFailed, [4], ModelFailed, [6]]
        assert bench.dispatcher.waiting_rows == 0
        assert "hunter2" not in (await calls[1]).message
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


@pytest.mark.parametrize(
    ("told", "error"),
    [
        (b'{"type":"OutputInvalid","message":"SECRET"}', OutputInvalid),
        (b'{"type":"ValueError","message":"OutputInvalid SECRET"}', ModelFailed),
        (b'{"type":["OutputInvalid"]}', ModelFailed),
        (b"\xff", ModelFailed),
        (b"", ModelFailed),
    ],
)
def test_what_cannot_be_an_answer_is_told_from_an_exception(told: bytes, error: type[KonanError]) -> None:
    async def scenario() -> None:
        bench = Bench()
        serving = asyncio.create_task(Peer(bench, 1).serve(lambda frame: Frame(FAIL, frame.rows, b"", told)))
        answer = await bench.call(1)
        assert type(answer) is error
        assert "SECRET" not in answer.message
        bench.dispatcher.close()
        await serving
        bench.close()

    asyncio.run(scenario())


def test_an_answer_of_another_size_is_asked_again_alone(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()

        def forgetful(frame: Frame) -> Frame:
            return doubled(frame) if frame.rows == 1 else Frame(DONE, 1, b"12345678", b"")

        serving = asyncio.create_task(Peer(bench, 1).serve(forgetful))
        assert await answers(bench.call(1), bench.call(2)) == [[2], [4]]
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_an_output_that_cannot_be_costs_its_own_call_only(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        sizes: list[int] = []

        def model(frame: Frame) -> Frame:
            sizes.append(frame.rows)
            return doubled(frame)

        serving = asyncio.create_task(Peer(bench, 1).serve(model))
        found = await answers(bench.call(1, 2), bench.call(math.nan), bench.call(3))
        assert (found, sizes) == ([[2, 4], OutputInvalid, [6]], [4])
        assert await answers(bench.call(math.nan)) == [OutputInvalid]
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_a_bug_in_rendering_costs_calls_and_not_the_queue(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        bench = Bench()
        monkeypatch.setattr(bench.dispatcher, "_render", lambda frame: {}[frame])
        serving = asyncio.create_task(Peer(bench, 1).serve())
        assert await answers(bench.call(1)) == [KonanError]
        monkeypatch.setattr(bench.dispatcher, "_render", rendered)
        assert await answers(bench.call(1)) == [[2]]
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_a_dead_worker_costs_a_call_that_was_alone(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        peer = Peer(bench, 1)
        alone = bench.call(1)
        await peer.take()
        peer.vanish()
        assert await answers(alone) == [ModelFailed]
        assert (bench.dispatcher.workers, bench.hung) == (0, [])
        bench.close()

    run(scenario())


def test_a_dead_worker_does_not_cost_neighbours(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        peer = Peer(bench, 1)
        calls = [bench.call(1), bench.call(2)]
        await peer.take()
        peer.vanish()
        await passes(5)
        assert not any(call.done() for call in calls)
        serving = asyncio.create_task(Peer(bench, 2).serve())
        assert await answers(*calls) == [[2], [4]]
        assert bench.dispatcher.frames == 3
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_a_worker_that_died_while_idle_costs_nothing(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        peer = Peer(bench, 1)
        serving = asyncio.create_task(Peer(bench, 2).serve())
        peer.vanish()
        assert await answers(bench.call(1)) == [[2]]
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


@pytest.mark.parametrize(
    "nonsense",
    [b"x" * 24, pack(Frame(PREDICT, 1, b"12345678", b"")), pack(Frame(DONE, 1, b"", b"[1]")) + b"more"],
)
def test_a_worker_that_talks_nonsense_is_reported_and_dropped(run: Run, nonsense: bytes) -> None:
    async def scenario() -> None:
        bench = Bench()
        peer = Peer(bench, 7)
        call = bench.call(1)
        await peer.take()
        await bench.loop.sock_sendall(peer.end, nonsense)
        assert await answers(call) == [ModelFailed]
        assert (bench.hung, bench.dispatcher.workers) == ([7], 0)
        bench.close()

    run(scenario())


def test_a_worker_that_talks_unasked_is_dropped(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        peer = Peer(bench, 7)
        await peer.say(Frame(DONE, 1, b"12345678", b""))
        with pytest.raises(EOFError):
            await peer.exactly(1)
        assert bench.hung == [7]
        bench.close()

    run(scenario())


def test_calls_without_a_worker_wait_until_their_deadline(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        late, patient = bench.call(1, within=0.05), bench.call(2)
        assert await answers(late) == [DeadlineExceeded]
        serving = asyncio.create_task(Peer(bench, 1).serve())
        assert await answers(patient) == [[4]]
        assert bench.hung == []
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_a_hung_worker_is_reported_once_and_its_neighbours_go_on(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench(deadline=0.2)
        peer = Peer(bench, 1)
        late, also_late, neighbour = bench.call(1), bench.call(2), bench.call(3, within=20)
        await peer.take()
        assert await answers(late, also_late) == [DeadlineExceeded, DeadlineExceeded]
        assert bench.hung == [1]
        with pytest.raises(EOFError):
            await peer.exactly(1)
        serving = asyncio.create_task(Peer(bench, 2).serve())
        assert await answers(neighbour) == [[6]]
        assert bench.hung == [1]
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_a_call_that_spent_its_time_in_the_queue_does_not_blame_the_worker(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench(deadline=20.0)
        peer = Peer(bench, 1)
        late, neighbour = bench.call(1, within=0.05), bench.call(2)
        frame = await peer.take()
        assert await answers(late) == [DeadlineExceeded]
        await peer.say(doubled(frame))
        assert await answers(neighbour) == [[4]]
        assert (bench.hung, bench.dispatcher.workers) == ([], 1)
        bench.close()

    run(scenario())


def test_a_report_that_cannot_be_made_does_not_stop_the_deadlines(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench(deadline=0.1)

        def broken(worker: int) -> None:
            raise OSError(worker)

        bench.dispatcher._on_hung = broken
        peer = Peer(bench, 1)
        first = bench.call(1)
        await peer.take()
        assert await answers(first, bench.call(2)) == [DeadlineExceeded, DeadlineExceeded]
        bench.close()

    run(scenario())


def test_a_full_queue_refuses_at_once(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench(queue_rows=3)
        taken, refused = bench.call(1, 2), bench.call(3, 4)
        assert refused.done()
        error = refused.result()
        assert (type(error), error.retry_after) == (TooMany, 1)
        serving = asyncio.create_task(Peer(bench, 1).serve())
        assert await answers(taken, bench.call(5)) == [[2, 4], [10]]
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_a_resting_version_refuses_at_once(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        waiting = bench.call(1)
        bench.dispatcher.rest(30)
        for refused in (waiting, bench.call(2)):
            assert refused.done()
            assert type(refused.result()) is NotReady
            assert 29 <= refused.result().retry_after <= 30
        bench.dispatcher.rest(0)
        later = bench.call(3)
        serving = asyncio.create_task(Peer(bench, 1).serve())
        assert await answers(later) == [[6]]
        bench.dispatcher.rest(30)
        assert await answers(bench.call(4)) == [[8]]
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_calls_that_lose_their_worker_to_a_rest_are_refused(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        peer = Peer(bench, 1)
        calls = [bench.call(1), bench.call(2)]
        await peer.take()
        bench.dispatcher.rest(30)
        peer.vanish()
        assert await answers(*calls) == [NotReady, NotReady]
        bench.close()

    run(scenario())


def test_a_removed_link_answers_its_frame_and_closes(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        old, new = Peer(bench, 1), Peer(bench, 2)
        first = bench.call(1)
        frame = await old.take()
        bench.dispatcher.remove_link(1)
        bench.dispatcher.remove_link(99)
        serving = asyncio.create_task(new.serve())
        assert await answers(bench.call(2)) == [[4]]
        await old.say(doubled(frame))
        assert await answers(first) == [[2]]
        with pytest.raises(EOFError):
            await old.exactly(1)
        bench.dispatcher.remove_link(2)
        await serving
        bench.close()

    run(scenario())


def test_a_callback_that_raises_wedges_nothing(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        serving = asyncio.create_task(Peer(bench, 1).serve())

        def gone(result: Result) -> None:
            raise ConnectionResetError(result)

        bench.dispatcher.submit(Call(1, b"12345678", b"", clock.monotonic() + 20, gone))
        assert await answers(bench.call(1)) == [[2]]
        assert await answers(bench.call(2)) == [[4]]
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_closing_answers_everything(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        peer = Peer(bench, 1)
        flying = bench.call(1)
        await peer.take()
        waiting = bench.call(2)
        bench.dispatcher.close()
        assert await answers(flying, waiting, bench.call(3)) == [NotReady] * 3
        with pytest.raises(EOFError):
            await peer.exactly(1)
        bench.close()

    run(scenario())
