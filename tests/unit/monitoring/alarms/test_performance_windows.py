"""Alarms on performance look at real summaries of a real log: late enough for truths, and once."""

import pytest
from tests.unit.monitoring.counted import FIRST, START, Counted, at
from tests.unit.monitoring.reference.test_learning import flushed, told
from tests.unit.predictions.logs import BIKES

from konan.journal.entry import Entry
from konan.monitoring.alarms.evaluation import Looked, Task, Watch, looked
from konan.records.alarms import HOUR, Alarm, AlarmRule

HOURS, ROWS = 12, 200


def answered(entry: Entry) -> list[str]:
    """The label of each answer."""
    return ["yes" if b'"label":"yes"' in one.replace(b" ", b"") else "no" for one in entry.outputs]


def truths(hour: int, labels: list[str]) -> list[str]:
    """Every tenth answer is wrong, and every third from the ninth hour on."""
    every = 10 if hour < 9 else 3
    other = {"yes": "no", "no": "yes"}
    return [other[one] if number % every == 0 else one for number, one in enumerate(labels)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Counted:
    made = Counted(tmp_path_factory.mktemp("alarms"))
    made.lay()
    entries = [at(START + hour * HOUR + 60, ROWS, hour) for hour in range(HOURS)]
    flushed(made, entries)
    for hour, entry in enumerate(entries):
        told(made, [entry], truths(hour, answered(entry)), arrival=hour + 1)
    for name in (BIKES, f"{BIKES}-truth"):
        made.flusher.follow(name)
    return made


def look(world: Counted, wait: int, end: int) -> Looked:
    rule = AlarmRule(kind="performance", window=HOUR, wait=wait, effect=0.05)
    alarm = Alarm(
        id="a", project="p", deployment="bikes", name="decay", rule=rule, created_at="now", version=1
    )
    task = Task(
        directory=str(world.directory),
        deployment=BIKES,
        version=1,
        reference=b"",
        end=end,
        watches=(Watch(alarm=alarm, begin=START),),
        output=FIRST.output,
    )
    (done,) = looked(task)
    return done


def test_it_learns_is_calm_and_fires_when_more_answers_are_wrong(world: Counted) -> None:
    done = look(world, 0, START + HOURS * HOUR)
    assert done.windows == HOURS
    states = [step.after.state for step in done.steps]
    assert states[0] == "ok"
    assert states[-1] == "firing"
    grounds = done.alarm.grounds
    assert grounds is not None
    assert grounds.evidence > grounds.threshold
    assert grounds.rows == ROWS
    assert grounds.effect == pytest.approx(1 / 3 - 0.1, abs=0.01)
    assert "accuracy" in done.alarm.why


def test_a_window_is_looked_at_when_truths_have_had_time(world: Counted) -> None:
    assert look(world, 3 * HOUR, START + HOURS * HOUR).windows == HOURS - 3
    assert look(world, HOURS * HOUR, START + HOURS * HOUR).windows == 0
