"""Near-duplicates count as one: the whole group lies on one side of the split, for good."""

import pytest

from ml import sampling
from moderation.enums import Split
from moderation.models import ContentRevision, TextGroup, TextGroupBand, User
from moderation.services import scoring, training
from moderation.services.intake import receive_report
from tests import factories
from tests.moderation.concurrency import at_once

LONG = "come and see the very best lentil soup in the whole wide town tonight at eight, bring your friends along"


def _group(text: str, sent_by: User) -> TextGroup:
    content = factories.content(text, sent_by=sent_by)
    factories.score_all()
    group = ContentRevision.objects.get(content=content).group
    assert group is not None
    return group


def test_near_duplicates_share_a_group_and_other_texts_do_not(integrator: User) -> None:
    group = _group(LONG, integrator)
    assert _group(LONG, integrator) == group
    assert _group(LONG.upper(), integrator) == group
    assert _group(f"{LONG}!!!", integrator) == group
    assert _group("nobody should ever have to read about the train timetable again", integrator) != group


def test_a_text_without_neighbours_lies_where_its_own_hash_says(integrator: User) -> None:
    texts = ["one train leaves at nine in the morning", "paint the kitchen window green", "he wrote me a long letter"]
    expected = [sampling.split_of(",".join(map(str, sampling.minhash_bands(text)))) for text in texts]
    assert [_group(text, integrator).split for text in reversed(texts)] == expected[::-1]


def test_a_text_between_two_sides_bridges_and_never_teaches(integrator: User, moderator: User) -> None:
    bands = sampling.minhash_bands(LONG)
    one, other = (TextGroup.objects.create(split=split) for split in (Split.TRAIN, Split.TEST))
    TextGroupBand.objects.create(value=bands[0], group=one)
    TextGroupBand.objects.create(value=bands[-1], group=other)
    case = factories.case(LONG, sent_by=integrator)
    revision = ContentRevision.objects.get(content=case.content)
    assert (revision.group, revision.bridges_split) == (one, True)
    factories.decide(factories.claim(case, moderator), moderator)
    assert not training._trainable().filter(revision=revision).exists()


def test_a_group_is_given_once(integrator: User) -> None:
    group = _group(LONG, integrator)
    factories.score_all()
    type(factories.content(LONG, sent_by=integrator)).objects.update(scoring_state="pending")
    factories.score_all()
    assert set(ContentRevision.objects.values_list("group", flat=True)) == {group.pk}


@pytest.mark.django_db(transaction=True)
def test_a_wave_scored_by_several_workers_is_one_group(db: None) -> None:
    factories.installation()
    platform = factories.user("integrator", role="integrator")
    for number in range(24):
        receive_report(submitted=factories.report_input(f"{LONG}{'!' * number}"), acting_user=platform)
    results = at_once([lambda: scoring.score_pending(limit=6) for _ in range(4)])
    assert [result for result in results if isinstance(result, Exception)] == []
    factories.score_all()
    groups = set(ContentRevision.objects.values_list("group", flat=True))
    assert len(groups) == 1
    assert None not in groups
    assert not ContentRevision.objects.filter(bridges_split=True).exists()
