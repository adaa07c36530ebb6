"""The dispatcher sends calls together and gives each its own answer."""

import asyncio
import json
import struct

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.serving.dispatching import (
    Bench,
    Peer,
    Run,
    answers,
    doubled,
    numbers_of,
    passes,
    poisoned,
    values_of,
)

from konan.errors import ModelFailed
from konan.worker.frames import HEAD, PREDICT, Frame, unpack_head


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    return asyncio.run if request.param == "asyncio" else uvloop.run


def test_calls_that_arrive_together_share_a_frame(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        peer = Peer(bench, 1)
        calls = [bench.call(1, 2), bench.call(3)]
        await asyncio.sleep(0)
        calls.append(bench.call(4, 5))
        frame = await peer.take()
        assert values_of(frame) == [1, 2, 3, 4, 5]
        await peer.say(doubled(frame))
        assert await answers(*calls) == [[2, 4], [6], [8, 10]]
        dispatcher = bench.dispatcher
        assert (dispatcher.frames, dispatcher.rows, dispatcher.model_nanoseconds) == (1, 5, 1000)
        assert (dispatcher.waiting, dispatcher.waiting_rows) == (0, 0)
        bench.close()

    run(scenario())


def test_texts_are_merged_and_cut_with_their_rows(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        peer = Peer(bench, 1)
        calls = [bench.call(1, 2, texts=True), bench.call(3, texts=True)]
        serving = asyncio.create_task(peer.serve())
        first, second = await asyncio.gather(*calls)
        assert (first, second) == ([b'[2.0, "1"]', b'[4.0, "2"]'], [b'[6.0, "3"]'])
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_one_frame_is_in_flight_per_link(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        peers = [Peer(bench, 1), Peer(bench, 2)]
        first = bench.call(1)
        held = await peers[0].take()
        second = bench.call(2)
        also_held = await peers[1].take()
        third, fourth = bench.call(3), bench.call(4)
        await passes(20)
        assert bench.dispatcher.waiting == 2
        await peers[1].say(doubled(also_held))
        frame = await peers[1].take()
        assert values_of(frame) == [3, 4]
        await peers[1].say(doubled(frame))
        await peers[0].say(doubled(held))
        assert await answers(first, second, third, fourth) == [[2], [4], [6], [8]]
        bench.close()

    run(scenario())


def test_a_call_is_only_split_if_it_does_not_fit_one_frame(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench(batch_rows=4)
        sizes: list[int] = []

        def model(frame: Frame) -> Frame:
            sizes.append(frame.rows)
            return doubled(frame)

        serving = asyncio.create_task(Peer(bench, 1).serve(model))
        calls = [bench.call(1, 2, 3), bench.call(4, 5, 6), bench.call(*range(10), texts=True), bench.call(7)]
        found = await asyncio.wait_for(asyncio.gather(*calls), 30)
        assert [numbers_of(each) for each in found] == [
            [2, 4, 6],
            [8, 10, 12],
            [2 * n for n in range(10)],
            [14],
        ]
        assert [json.loads(output)[1] for output in found[2]] == [str(n) for n in range(10)]
        assert (max(sizes), sizes[:2]) == (4, [3, 3])
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_rows_that_depend_on_each_other_go_one_by_one(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench(batch_rows=1)
        serving = asyncio.create_task(Peer(bench, 1).serve())
        assert await answers(bench.call(1, 2, 3), bench.call(4)) == [[2, 4, 6], [8]]
        assert bench.dispatcher.frames == 4
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_frames_larger_than_the_socket_takes_at_once_arrive_whole(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench(batch_rows=1_000_000, queue_rows=10_000_000)
        serving = asyncio.create_task(Peer(bench, 1).serve())
        values = list(range(200_000))
        assert await answers(bench.call(*values)) == [[2.0 * value for value in values]]
        bench.dispatcher.close()
        await serving
        bench.close()

    run(scenario())


def test_nothing_is_waited_for_when_every_client_waits(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench()
        peer = Peer(bench, 1)
        bench.all_wait = True
        first = bench.call(1)
        assert values_of(unpacked(peer.end.recv(1000))) == [1]  # no pass of the loop lies between
        await peer.say(doubled(Frame(PREDICT, 1, struct.pack("<d", 1), b"")))
        assert await answers(first) == [[2]]
        bench.call(2)  # the client of the first has not been answered yet, and may come back with another
        with pytest.raises(BlockingIOError):
            peer.end.recv(1000)
        assert values_of(await peer.take()) == [2]
        bench.close()

    run(scenario())


def test_a_steady_stream_of_calls_does_not_hold_a_frame_back(run: Run) -> None:
    async def scenario() -> None:
        bench = Bench(batch_rows=100_000, queue_rows=100_000)
        peer = Peer(bench, 1)
        streaming = True

        def stream() -> None:
            bench.call(1)
            if streaming:
                bench.loop.call_soon(stream)

        stream()
        frame = await asyncio.wait_for(peer.take(), 30)
        streaming = False
        assert 1 < frame.rows < 1000
        bench.close()

    run(scenario())


def unpacked(data: bytes) -> Frame:
    kind, rows, numbers, _, _ = unpack_head(data[: HEAD.size])
    return Frame(kind, rows, data[HEAD.size : HEAD.size + numbers], b"")


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 15), min_size=1, max_size=12), min_size=1, max_size=12),
    st.integers(1, 10),
    st.integers(1, 3),
    st.booleans(),
)
def test_every_call_gets_its_own_answer(
    wanted: list[list[int]], batch_rows: int, links: int, texts: bool
) -> None:
    async def scenario() -> None:
        bench = Bench(batch_rows=batch_rows)
        serving = [asyncio.create_task(Peer(bench, n).serve(poisoned)) for n in range(links)]
        calls = []
        for index, values in enumerate(wanted):
            calls.append(bench.call(*values, texts=texts))
            await passes(index % 3)
        expected = [ModelFailed if 13 in values else [2.0 * value for value in values] for values in wanted]
        assert await answers(*calls) == expected
        assert (bench.dispatcher.waiting, bench.dispatcher.waiting_rows) == (0, 0)
        bench.dispatcher.close()
        await asyncio.gather(*serving)
        bench.close()

    asyncio.run(scenario())
