from konan.serving.linger import MOST_SECONDS, Linger


def answered(linger: Linger, rows: int, present: int, now: float = 0.0, nanoseconds: int = 1_000_000) -> None:
    linger.answered(rows=rows, present=present, nanoseconds=nanoseconds, now=now)


def test_a_lone_caller_is_never_held() -> None:
    linger = Linger()
    answered(linger, rows=1, present=1)
    assert not linger.holds(waiting=1, now=0.0)


def test_a_frame_waits_for_those_who_were_there_before_it() -> None:
    linger = Linger()
    answered(linger, rows=32, present=64)
    assert linger.holds(waiting=40, now=0.0)
    assert not linger.holds(waiting=58, now=0.0)


def test_a_frame_is_not_held_for_long() -> None:
    linger = Linger()
    answered(linger, rows=10_000, present=20_000)
    assert not linger.holds(waiting=1, now=MOST_SECONDS)


def test_a_cheap_model_is_not_waited_for() -> None:
    linger = Linger()
    answered(linger, rows=32, present=64, nanoseconds=20_000)
    assert not linger.holds(waiting=32, now=0.0)


def test_holding_that_brings_nothing_is_given_up_and_tried_again_later() -> None:
    linger = Linger()
    held = 0
    for _ in range(400):
        answered(linger, rows=1, present=2)
        held += linger.holds(waiting=1, now=0.0)
        linger.sent(rows=1)
    assert 4 < held < 40
