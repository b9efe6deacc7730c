"""Plausibility and faithfulness by hand, of perfect, hopeless and random rationales."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from ml.errors import DataError
from ml.model import Model
from ml.rationales import (
    FILE,
    Rationale,
    auprc,
    explain_tokens,
    faithfulness,
    plausibility,
    random_scores,
    read_rationales,
    runs,
    span_agreement,
    token_f1,
    token_scores,
    top,
)
from ml.schemas import Attribution


def mask(bits: str) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return a mask written as zeros and ones."""
    return np.array([bit == "1" for bit in bits])


def test_spans_are_shared_out_among_tokens_by_length() -> None:
    # "ab cde": a span over "b c" has one code point in either token; the space counts for none.
    spans = [Attribution(1, 4, 1.0), Attribution(4, 6, 0.5), Attribution(2, 3, 9.0)]

    assert token_scores(["ab", "cde"], spans) == pytest.approx([0.5, 1.0])


def test_runs_and_their_agreement_by_hand() -> None:
    assert runs(mask("0110100")) == [(1, 3), (4, 5)]
    # Of two chosen runs one overlaps a marked one by 2 of 3 tokens, the other by none; one of two marked is found.
    assert span_agreement(mask("0111001"), mask("0110100")) == (0.5, 0.5)
    assert span_agreement(mask("01"), mask("00")) == (0.0, 0.0)


def test_token_figures_by_hand() -> None:
    assert token_f1(mask("1100"), mask("1010")) == pytest.approx(0.5)
    assert top(np.array([1.0, 3.0, 1.0, 2.0]), 3).tolist() == [True, True, False, True]
    assert auprc(mask("110"), np.array([3.0, 2.0, 1.0])) == pytest.approx(1.0)
    # Precision 1 at recall 0, 0 at recall 0, 1/2 at recall 1.
    assert auprc(mask("01"), np.array([2.0, 1.0])) == pytest.approx(0.25)
    with pytest.raises(ValueError, match="no token is marked"):
        auprc(mask("00"), np.zeros(2))


def test_perfect_rationales_are_perfect_and_random_ones_are_not() -> None:
    marked = [Rationale(tuple("abcdefghijklmnop"), np.roll(mask("11111" + "0" * 11), shift)) for shift in range(11)]

    perfect = plausibility(marked, [item.marked.astype(float) for item in marked])
    chance = plausibility(marked, random_scores(marked, 0))

    assert (perfect.token_f1.value, perfect.auprc.value, perfect.iou_f1) == (1.0, 1.0, 1.0)
    assert chance.token_f1.value is not None
    assert chance.token_f1.value < 0.6
    assert chance == plausibility(marked, random_scores(marked, 0))
    assert chance != plausibility(marked, random_scores(marked, 1))


def test_words_that_the_model_reads_are_found_and_matter(small_model: Model) -> None:
    items = [Rationale(("the", "voucher", "near", "the", "castle"), mask("01000"))]

    scores = explain_tokens(small_model, "spam", items)
    found = faithfulness(small_model, "spam", items, scores)

    assert int(np.argmax(scores[0])) == 1
    full, without, alone = small_model.decision_function(
        ["the voucher near the castle", "the near the castle", "voucher"]
    )[:, small_model.column("spam")]
    assert found.comprehensiveness_logit.value == pytest.approx(full - without)
    assert found.sufficiency_logit.value == pytest.approx(full - alone)


def test_the_file_is_read_strictly(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"no {FILE}"):
        read_rationales(tmp_path)
    head = 'tokens,labels,rationales\n"[""a"", ""b""]","[0, 2, 1]",'
    with gzip.open(tmp_path / FILE, "wt") as out:
        out.write(head + '"[[1, 0], [1, 1]]"\n')
    [found] = read_rationales(tmp_path)
    assert (found.tokens, found.marked.tolist()) == (("a", "b"), [True, False])
    with gzip.open(tmp_path / FILE, "wt") as out:
        out.write(head + '"[[1], [1]]"\n')
    with pytest.raises(DataError, match="not in the shape"):
        read_rationales(tmp_path)


@pytest.mark.data
def test_the_starter_points_where_people_point_far_more_than_chance(starter: Model, base_data: Path) -> None:
    items = read_rationales(base_data)[:300]

    found = plausibility(items, explain_tokens(starter, "harassment", items))
    chance = plausibility(items, random_scores(items, 0))

    assert found.auprc.low is not None
    assert chance.auprc.high is not None
    assert found.auprc.low > chance.auprc.high + 0.2
