"""The rows to label next are those that tell most, fairly drawn."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from konan.monitoring.labels.queue import Group, chosen

groups_of = st.lists(
    st.builds(Group, st.just("g"), st.integers(0, 50), st.floats(0.01, 1.0), st.just("")),
    min_size=1,
    max_size=5,
)


@given(groups=groups_of, places=st.lists(st.integers(0, 4), max_size=60), most=st.integers(0, 80))
def test_every_row_is_chosen_once_and_no_more_than_are_wanted(
    groups: list[Group], places: list[int], most: int
) -> None:
    of_group = [one % len(groups) for one in places]
    ids = [f"p{at}" for at in range(len(places))]
    found = chosen(ids, of_group, groups, most)
    assert len(found) == min(most, len(places))
    assert len({one.place for one in found}) == len(found)
    assert all(of_group[one.place] == one.group for one in found)
    assert chosen(ids, of_group, groups, most) == found


def test_groups_get_labels_by_size_and_uncertainty_and_by_what_they_have() -> None:
    groups = [Group("sure", 0, 0.1, ""), Group("unsure", 0, 0.5, ""), Group("known", 500, 0.5, "")]
    of_group = [0] * 1000 + [1] * 1000 + [2] * 500
    found = chosen([str(at) for at in range(2500)], of_group, groups, 120)
    counts = np.bincount([one.group for one in found], minlength=3)
    assert 15 <= counts[0] <= 25
    assert counts[1] >= 95
    assert counts[2] == 0


def test_labels_of_the_queue_tell_the_accuracy_better_than_as_many_by_chance() -> None:
    rng = np.random.default_rng(3)
    right = np.array([0.98, 0.55])
    groups = [Group("sure", 0, 0.14, ""), Group("unsure", 0, 0.5, "")]
    errors = []
    for run in range(200):
        of_group = (rng.random(3000) < 0.25).astype(int)
        hits = rng.random(3000) < right[of_group]
        found = chosen([f"{run}-{at}" for at in range(3000)], of_group.tolist(), groups, 150)
        shares = np.bincount(of_group) / 3000
        means = [np.mean([hits[one.place] for one in found if one.group == at]) for at in (0, 1)]
        by_chance = rng.choice(3000, 150, replace=False)
        errors.append([shares @ means - hits.mean(), hits[by_chance].mean() - hits.mean()])
    ours, chance = np.sqrt((np.array(errors) ** 2).mean(axis=0))
    assert ours < 0.8 * chance
