"""Blocks that are long enough, and doubts that are raised when there is reason, and only then."""

import numpy as np
import pytest
from benchmarks.monitoring import simulate

from konan.monitoring.evidence.dependence import (
    assumptions,
    autocorrelation,
    block_of,
    design_effect,
    of_blocks,
)


@pytest.mark.parametrize("together", [0.0, 0.3, 0.6, 0.9])
def test_the_correlation_of_blocks_is_foretold(together: float) -> None:
    chain = simulate.chain(np.random.default_rng(1), 400_000, 0.2, together)
    correlations = autocorrelation(chain)
    assert correlations[0] == pytest.approx(together, abs=0.01)
    means = chain.reshape(-1, 8).mean(axis=1)
    assert of_blocks(correlations, 8) == pytest.approx(autocorrelation(means, 1)[0], abs=0.02)


def test_the_block_grows_with_the_memory_of_the_stream() -> None:
    blocks = [block_of(together) for together in (0.0, 0.1, 0.3, 0.6, 0.95)]
    assert blocks == sorted(blocks)
    assert blocks[0] == 1
    assert block_of(0.99999) == 4096
    assert block_of(()) == 1


def test_series_without_anything_to_correlate() -> None:
    assert autocorrelation([1.0] * 100) == ()
    assert autocorrelation([0.0, 1.0]) == ()
    assert len(autocorrelation(np.arange(40.0))) == 10


def test_runs_of_errors_alarm_falsely_per_label_and_not_by_blocks() -> None:
    table = {row[0]: row[1:] for row in list(simulate.blocks(12, most=20_000, height=100))[1:]}
    block, single, blocked, _ = (float(str(cell)) for cell in table[0.54])
    assert block > 4
    assert single < 70  # the guarantee was 100
    assert blocked > 90  # of the 20,000 / block looks that there are


def test_windows_of_runs_keep_the_run_length_when_rows_count_as_parts() -> None:
    for together, _, _, each, as_one, block, *late in list(simulate.clusters(10, looks=400))[1:]:
        assert float(str(as_one)) > 90  # the guarantee is 100
        assert float(str(block)) > 90
        assert float(str(late[1])) <= float(str(late[2]))
        if together == 0.9:
            assert float(str(each)) < 30


def test_independent_windows_have_no_design_effect_and_clusters_have_theirs() -> None:
    random = np.random.default_rng(2)
    assert design_effect(random.multinomial(1000, [0.2, 0.3, 0.5], 200)) < 1.3
    clustered = 10 * random.multinomial(100, [0.2, 0.3, 0.5], 200)
    assert design_effect(clustered) == pytest.approx(10, rel=0.3)
    assert design_effect([[5, 5]]) == design_effect(np.zeros((3, 2))) == 1.0


def test_doubts_are_named() -> None:
    random = np.random.default_rng(3)
    clustered = 20 * random.multinomial(100, [0.5, 0.5], 50)
    found = assumptions(rows=200, correlations=(0.8, 0.7), windows=clustered)
    assert [doubt.code for doubt in found] == ["few_rows", "correlated", "clustered"]
    assert [doubt.code for doubt in assumptions(rows=5000)] == ["unknown_order"]


def test_no_doubt_where_there_is_no_reason() -> None:
    random = np.random.default_rng(4)
    raised = 0
    for _ in range(50):
        values = random.random(5000) < 0.2
        windows = random.multinomial(500, [0.8, 0.2], 30)
        raised += len(assumptions(rows=5000, correlations=autocorrelation(values), windows=windows))
    assert raised <= 2


def test_a_memory_without_an_end_in_sight_is_told() -> None:
    slow = tuple(0.999**lag for lag in range(1, 65))
    assert [doubt.code for doubt in assumptions(rows=5000, correlations=slow, block=4096)] == ["long_memory"]


def test_a_block_that_is_long_enough_takes_the_doubt_away() -> None:
    correlations = tuple(0.6**lag for lag in range(1, 65))
    assert assumptions(rows=5000, correlations=correlations)
    assert not assumptions(rows=5000, correlations=correlations, block=block_of(correlations))


def test_the_autocorrelation_is_the_sum_of_products_at_each_lag() -> None:
    series = np.cumsum(np.random.default_rng(3).standard_normal(777)) % 5
    centred = series - series.mean()
    expected = [float(centred[:-lag] @ centred[lag:] / (centred @ centred)) for lag in range(1, 65)]
    noise = 2.58 / np.sqrt(len(series))
    np.testing.assert_allclose(
        autocorrelation(series), [one if abs(one) > noise else 0.0 for one in expected], atol=1e-12
    )
