"""How long a cold boot is said to take."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.boots import plausible, usual_boot_s

BOOTS = st.lists(st.floats(0, 1_800), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("boots", "usual"),
    [
        ([], 90),
        ([62.5], 62.5),
        ([60, 80], 80),
        (list(range(1, 11)), 9),
        (list(range(20, 0, -1)), 18),
        ([60.0] * 19 + [600.0], 60),
    ],
)
def test_it_is_the_90th_percentile_of_the_measured_ones_or_the_default(boots: list[float], usual: float) -> None:
    assert usual_boot_s(boots, 90) == usual


@given(BOOTS)
def test_nine_boots_in_ten_are_no_longer_than_that_and_it_is_one_that_happened(boots: list[float]) -> None:
    usual = usual_boot_s(boots, 90)
    assert usual in boots
    assert sum(boot <= usual for boot in boots) >= 0.9 * len(boots)


@given(BOOTS, st.randoms(use_true_random=False))
def test_it_does_not_depend_on_their_order(boots: list[float], random: object) -> None:
    shuffled = list(boots)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert usual_boot_s(shuffled, 90) == usual_boot_s(boots, 90)


@pytest.mark.parametrize(("boot_s", "counts"), [(0, True), (1_800, True), (-0.001, False), (1_800.1, False)])
def test_a_time_that_no_boot_takes_does_not_count(boot_s: float, counts: bool) -> None:
    assert plausible(boot_s) is counts
