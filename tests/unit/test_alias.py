"""An alias on paper: where `previous` leads, what is no version, and what is never deleted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.alias import AliasError, Route, choose, to_prune

numbers = st.sets(st.integers(1, 30), min_size=1)


@given(numbers, st.data())
def test_previous_is_the_newest_version_before_the_one_that_is_live(versions: set[int], data: st.DataObject) -> None:
    live = data.draw(st.sampled_from(sorted(versions)))
    older = [version for version in versions if version < live]
    if not older:
        with pytest.raises(AliasError, match="no version before"):
            choose(Route(live), versions, "previous", canary=None, share=0)
        return
    assert choose(Route(live), versions, "previous", canary=None, share=0) == Route(max(older))


@given(numbers, st.integers(0, 8), st.sets(st.integers(1, 30)))
def test_pruning_keeps_the_newest_and_whatever_is_used(versions: set[int], keep: int, used: set[int]) -> None:
    gone = to_prune(sorted(versions), keep=keep, used=used)
    left = versions - set(gone)
    assert not used & set(gone)
    assert set(sorted(versions)[-keep:] if keep else []) <= left
    assert len(left) <= keep + len(used & versions)


@pytest.mark.parametrize(
    ("wanted", "canary", "share", "says"),
    [
        ("9", None, 0.1, "There is no version 9 \\(versions: 1, 2\\)"),
        ("$LATEST", None, 0.1, "is no version"),
        ("1", 9, 0.1, "There is no version 9"),
        ("1", 1, 0.1, "another version"),
        ("1", 2, 1.0, "between 0 and 1"),
    ],
)
def test_what_makes_no_sense_is_refused(wanted: str, canary: int | None, share: float, says: str) -> None:
    with pytest.raises(AliasError, match=says):
        choose(Route(2), {1, 2}, wanted, canary=canary, share=share)
