"""The page of a report: what it says, that it is whole, and that names of users are text."""

import re
from html.parser import HTMLParser

import msgspec
import pytest
from tests.browser import samples
from typing_extensions import override

from konan.records.performance import Estimate, MetricValue
from konan.web.report import drifted, performance, unmeasured
from konan.web.report.facts import Facts
from konan.web.report.page import page
from konan.web.report.verdict import verdict

VOID = {"meta", "br", "hr"}


class Reader(HTMLParser):
    """Checks that elements end where they should, and gathers text and ids."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.words: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        given = dict(attrs)
        self.ids += [given["id"] or ""] if "id" in given else []
        self.links += [given["href"] or ""] if "href" in given else []

    @override
    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    @override
    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)


def read(facts: Facts) -> Reader:
    reader = Reader()
    reader.feed(page(facts).decode())
    reader.close()
    return reader


@pytest.mark.parametrize(
    "facts", [samples.busy(), samples.calm(), samples.empty()], ids=lambda one: one.deployment
)
def test_a_page_is_well_formed_and_its_links_lead_somewhere(facts: Facts) -> None:
    reader = read(facts)
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert {link.removeprefix("#") for link in reader.links} <= set(reader.ids)


@pytest.mark.parametrize("facts", [samples.busy(), samples.empty()], ids=lambda one: one.deployment)
def test_a_page_asks_for_nothing_and_runs_nothing(facts: Facts) -> None:
    text = page(facts).decode()
    assert re.findall(r"(?:src|srcset|action)=|url\(|@import|https?:|<script|<link|<iframe", text) == []
    assert "default-src &#x27;none&#x27;" in text


def test_names_of_users_are_text() -> None:
    hostile = '"><script>alert(1)</script>'
    facts = samples.busy()
    raw = msgspec.json.encode(facts).decode()
    evil = msgspec.json.decode(raw.replace('"summer', msgspec.json.encode(hostile).decode()[:-1]), type=Facts)
    assert evil != facts
    assert "<script" not in page(evil).decode()


def test_the_report_of_twenty_columns_is_small() -> None:
    assert len(page(samples.busy())) < 2_000_000


def test_the_verdict_names_what_is_wrong_the_gravest_first() -> None:
    found = verdict(samples.busy())
    assert found.state == "problem"
    assert found.sentence == (
        "Something is wrong: the alarm drift fires; values of weather are missing; "
        "season, temperature and weather drifted (covariate); it is worse where city = Bern; "
        "the ground truth looks unsound (coverage)."
    )


def test_drift_alone_is_worth_a_look_unless_it_is_a_fault() -> None:
    facts = msgspec.structs.replace(samples.calm(), drift=samples.drift(0, 14, 0.7, 41_000))
    assert verdict(facts).state == "attention"
    assert facts.drift is not None
    fault = msgspec.structs.replace(facts.drift, cause="data fault")
    assert verdict(msgspec.structs.replace(facts, drift=fault)).state == "problem"


def test_all_is_well_says_also_what_is_not_known() -> None:
    found = verdict(samples.calm())
    assert found.state == "good"
    assert "Not known yet: how good its answers are" in found.sentence


def test_nothing_is_known_of_nothing() -> None:
    assert verdict(samples.empty()).state == "unknown"
    assert [what for what, _ in unmeasured.gaps(samples.empty())] == ["Everything"]


def test_what_was_not_measured_is_told_with_its_reason() -> None:
    gaps = dict(unmeasured.gaps(samples.calm()))
    assert (
        gaps["Values of owner_id"]
        == "By its owner's wish only whether there was a value is counted (hashed)."
    )
    assert "Performance" in gaps
    assert "Alarms: volume" in gaps


def test_every_column_of_drift_stands_in_a_table_with_effect_and_noise() -> None:
    words = read(samples.busy()).words
    for name in samples.NAMES:
        assert name in words
    assert "1.329" in words
    assert "0.004" in words


def test_heat_tells_noise_from_effects() -> None:
    column = samples.drift(0, 14, 0.7, 41_000).columns[0]
    levels = [
        drifted.level(msgspec.structs.replace(column, effect=effect, floor=0.05))
        for effect in (0.04, 0.06, 0.1, 0.25)
    ]
    assert levels == [0, 1, 2, 3]


def test_an_estimate_that_truths_contradict_says_so() -> None:
    text = page(samples.busy()).decode()
    assert "not trustworthy here" in text
    assert "hollow" in text


def test_without_truths_the_estimate_is_all_there_is() -> None:
    facts = samples.calm()
    guess = Estimate(value=0.81, low=0.8, high=0.83, trustworthy=True)
    metric = MetricValue(name="accuracy", value=None, estimate=guess, better="higher")
    assert facts.performance is not None
    window = msgspec.structs.replace(facts.performance, metrics=(metric,))
    reader = read(msgspec.structs.replace(facts, performance=window))
    assert "Estimated without truths" in reader.words
    assert "81.0 % (80.0 % to 83.0 %)" in reader.words


def test_a_measured_metric_is_neither_good_nor_bad_by_itself() -> None:
    window = samples.performance(0, 1, 0.8, 1.0)
    assert performance.state_of(window) == "measured"
    assert performance.state_of(samples.whole_performance()) == "attention"


def test_requests_that_fail_are_a_problem_when_they_are_many() -> None:
    facts, found = samples.calm(), samples.traffic(0, 1)
    (worst, _) = found.errors

    def state(part: float) -> str:
        lost = msgspec.structs.replace(found, errors=(msgspec.structs.replace(worst, share=part),))
        return verdict(msgspec.structs.replace(facts, traffic=lost)).state

    assert [state(part) for part in (0.009, 0.01, 0.05)] == ["good", "attention", "problem"]
