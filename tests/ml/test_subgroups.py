"""AUC over who is named: by hand, on whole words, with a mean that low values rule."""

import numpy as np
import pytest

from ml.model import Model
from ml.schemas import Example
from ml.subgroups import IDENTITY_TERMS, members, parts, power_mean, subgroup_figures


def test_terms_are_whole_words_in_any_case() -> None:
    texts = ["Old castle", "the oldest", "men's", "mention", "middle-eastern", "Middle Eastern food"]

    assert members(texts, ("old", "men", "middle eastern")).tolist() == [True, False, True, False, False, True]


def test_parts_are_those_of_borkan() -> None:
    labels = np.array([True, True, False, False])
    inside = np.array([True, False, True, False])

    subgroup, bpsn, bnsp = (np.flatnonzero(part).tolist() for part in parts(labels, inside))

    assert (subgroup, bpsn, bnsp) == ([0, 2], [1, 2], [0, 3])


def test_power_mean_is_ruled_by_the_lowest() -> None:
    assert power_mean([0.8, 0.8]) == pytest.approx(0.8)
    assert power_mean([0.5, 1.0]) == pytest.approx(((32 + 1) / 2) ** -0.2)
    assert power_mean([]) is None
    assert power_mean([0.0, 1.0]) is None


def test_a_group_with_few_texts_of_a_class_is_left_out(small_model: Model) -> None:
    named = [Example(f"voucher bonus women {n}", {"spam": True}) for n in range(10)]
    named += [Example(f"castle women {n}", {"spam": False}) for n in range(10)]
    few = [Example("jackpot men", {"spam": True})] * 9 + [Example("river men", {"spam": False})] * 10

    [found] = subgroup_figures(small_model, "spam", named + few)

    assert (found.group, found.positives, found.negatives) == ("women", 10, 10)
    assert found.subgroup.value == found.bpsn.value == found.bnsp.value == 1.0


def test_every_term_belongs_to_one_group() -> None:
    terms = [term for group in IDENTITY_TERMS.values() for term in group]

    assert len(terms) == len(set(terms))
    assert all(term == term.lower() for term in terms)
