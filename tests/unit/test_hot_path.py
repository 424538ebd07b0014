"""What is written out for speed on a request's path says what the standard library would say."""

import base64
import json
import uuid
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lambdas.json_text import json_text
from tinyllama.adapters.emf import EmfMetrics
from tinyllama.adapters.jws import base64url
from tinyllama.domain.jobs import uuid4_text
from tinyllama.domain.metrics import Metric

URL_SAFE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
near = st.text(st.sampled_from(f"{URL_SAFE}+/= \n\té\0"), max_size=12)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.binary())
def test_base64url_reads_what_the_standard_library_wrote(raw: bytes) -> None:
    assert base64url(base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) == raw


@given(near | st.text(st.sampled_from(URL_SAFE), max_size=12) | st.text())
@example("")
@example("A")
@example("AAAAA")
def test_base64url_reads_the_one_spelling_and_no_other(text: str) -> None:
    try:
        raw = base64url(text)
    except ValueError:
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        except ValueError:
            return
        assert base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != text
    else:
        assert base64.urlsafe_b64encode(raw).rstrip(b"=").decode() == text


@given(plain)
def test_json_text_is_ascii_on_one_line_and_says_the_same(value: Any) -> None:
    text = json_text(value)
    assert text.isascii()
    assert len(text.splitlines()) == 1
    assert json.loads(text) == value


def test_json_text_says_half_a_surrogate_pair_and_refuses_what_is_no_json() -> None:
    assert json_text({"userAgent": "\ud800"}) == '{"userAgent": "\\ud800"}'
    with pytest.raises(TypeError):
        json_text(object())


@given(st.integers(min_value=0, max_value=2**128 - 1))
@example(0)
@example(2**128 - 1)
def test_an_id_is_the_uuid_of_version_4_that_uuid_makes_of_the_same_bits(bits: int) -> None:
    assert uuid4_text(bits) == str(uuid.UUID(int=bits, version=4))


def test_a_metric_without_a_dimension_of_its_own_or_with_one_too_many_is_refused() -> None:
    metrics = EmfMetrics()
    wrong: list[tuple[Metric, dict[str, Any]]] = [
        (Metric.EC2_STARTS, {}),
        (Metric.ENQUEUES, {"Reason": "x"}),
        (Metric.EC2_STARTS, {"A": "x"}),
    ]
    for metric, dimensions in wrong:
        with pytest.raises(ValueError, match=metric.metric):
            metrics.count(metric, **dimensions)
    assert metrics.fields(1) == {}
