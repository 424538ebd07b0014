"""Which machine images may go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinyllama.domain.images import Image, to_prune

created = st.integers(0, 50).map(lambda day: f"2026-01-01T00:00:{day:02d}.000Z")
images = st.lists(st.tuples(st.uuids().map(str), created), unique_by=lambda pair: pair[0]).map(
    lambda pairs: [Image(id=image_id, name="x", created=at) for image_id, at in pairs]
)


@given(images, st.integers(1, 10))
def test_as_many_stay_as_asked_for_and_nothing_that_stays_is_older_than_what_goes(
    found: list[Image], keep: int
) -> None:
    gone = to_prune(found, keep=keep)
    stay = [image for image in found if image not in gone]
    assert len(stay) == min(keep, len(found))
    assert all(old.created <= young.created for old in gone for young in stay)
    assert [image.created for image in gone] == sorted(image.created for image in gone)


def test_the_last_image_is_never_pruned() -> None:
    with pytest.raises(ValueError, match="at least one image has to stay"):
        to_prune([Image(id="ami-1", name="x", created="2026")], keep=0)
