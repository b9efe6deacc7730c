"""What is known to be bad: kept in the form it is matched in, found in texts, previewed before it is kept."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from moderation.errors import Conflict, InvalidInput, NotFound, NotPermitted
from moderation.learning import forms
from moderation.models import AuditEvent, Bank, BankEntry, BankEntryBand, BankHit, Content, User
from moderation.selectors import bank_matching
from moderation.selectors import banks as selectors
from moderation.services import banks
from tests import factories

SPEECH = "Dear friends, send just ten coins to my wallet today and I will send you back a hundred tomorrow, I promise!"


def _matches(*texts: str) -> list[list[int]]:
    found = bank_matching.matches(dict(enumerate(texts)))
    return [[entry.pk for entry in found[key]] for key in range(len(texts))]


def test_an_exact_text_is_found_however_it_is_written(admin: User) -> None:
    entry = factories.bank_entry("text", "Buy my pills", by=admin)
    disguised = ("BUY  my\tpills!!!", "Вuу mу рills", "b\u200buy my pílls")
    assert _matches(*disguised, "buy my pills today", "") == [[entry.pk]] * 3 + [[], []]


def test_texts_longer_than_an_index_row_are_entries_too(admin: User) -> None:
    text = " ".join(chr(0x4E00 + number) for number in range(6000))
    entry = factories.bank_entry("text", text, by=admin)
    assert _matches(text, text[:-3]) == [[entry.pk], []]


@pytest.mark.parametrize(
    "variant",
    [
        SPEECH.replace("hundred", "thousand").replace("friends", "all"),
        f"hi! {SPEECH} thanks",
        SPEECH.upper().replace("E", "Е"),
        SPEECH.replace("promise", "promisse").replace("wallet", "walet"),
    ],
)
def test_a_near_duplicate_is_found_by_its_likeness(variant: str, admin: User) -> None:
    entry = factories.bank_entry("near", SPEECH, by=admin)
    assert _matches(variant) == [[entry.pk]]
    assert entry.bands.count() == 16


def test_what_merely_shares_a_topic_is_no_near_duplicate(admin: User) -> None:
    factories.bank_entry("near", SPEECH, by=admin)
    assert _matches("I lost my wallet today, please send it back to me tomorrow", factories.BENIGN, "") == [[], [], []]


def test_patterns_are_found_in_the_text_and_in_its_normal_form(admin: User) -> None:
    price = factories.bank_entry("pattern", r"\bfree\s+(gift|prize)s?\b", by=admin)
    other = factories.bank_entry("pattern", r"\$\d{3,}", by=admin)
    texts = ("FREE  prizes", "frее gіft", "only $500", "free $200 gift", "freedom")
    assert _matches(*texts) == [[price.pk], [price.pk], [other.pk], [other.pk], []]


def test_many_patterns_are_each_found_and_none_hangs(admin: User) -> None:
    entries = [factories.bank_entry("pattern", f"(x+x+)+y{number}z", by=admin) for number in range(120)]
    assert _matches("x" * 5000 + "y77z", "x" * 5000) == [[entries[77].pk], []]


def test_domains_of_several_texts_and_banks_are_told_apart(admin: User) -> None:
    whole = factories.bank_entry("domain", "bad.example", by=admin)
    part = factories.bank_entry("domain", "cdn.bad.example", by=admin)
    # A text that is a domain's name is another thing than a link to it.
    factories.bank_entry("text", "bad example", by=admin)
    texts = ("https://x.cdn.bad.example/", "https://bad.example", "https://fine.example")
    assert _matches(*texts) == [[whole.pk, part.pk], [whole.pk], []]


def test_without_entries_nothing_is_asked(installation: None, django_assert_num_queries: Any) -> None:
    bank_matching.matches({1: "warm up"})
    with django_assert_num_queries(1):
        assert bank_matching.matches({1: SPEECH, 2: "https://x.example"}) == {1: [], 2: []}


def test_hits_are_counted_once_a_wording(admin: User, integrator: User) -> None:
    entry = factories.bank_entry("text", factories.BENIGN, by=admin)
    first = factories.case(factories.BENIGN, sent_by=integrator)
    factories.content(factories.BENIGN.upper(), sent_by=integrator)
    Content.objects.filter(pk=first.content_id).update(scoring_state="pending")
    factories.score_all()
    assert BankHit.objects.count() == 2
    shown = selectors.entry(entry.pk)
    assert vars(shown)["hit_count"] == 2
    assert vars(shown)["last_hit"] is not None


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("text", "  ", "1 to 20000"),
        ("text", "?!", "Nothing is left"),
        ("text", "x" * 20_001, "1 to 20000"),
        ("near", "too short", "fewer than 20"),
        ("domain", "https://scam.example/x", "such as"),
        ("domain", "co.uk", "public suffix"),
        ("pattern", "(a", "RE2"),
        ("pattern", r"(a)\1", "RE2"),
        ("pattern", "a|", "match everything"),
    ],
)
def test_what_cannot_be_matched_is_refused(kind: str, value: str, said: str, admin: User) -> None:
    with pytest.raises(InvalidInput, match=said) as refused:
        factories.bank_entry(kind, value, by=admin)
    assert refused.value.pointer == "/value"
    assert not BankEntry.objects.exists()


def test_an_entry_has_an_owner_and_an_end(admin: User, senior: User) -> None:
    entry = factories.bank_entry("text", "bad words", by=admin, note="seen in May")
    assert (entry.owner, entry.note) == (admin, "seen in May")
    with pytest.raises(Conflict, match="already"):
        factories.bank_entry("text", "BAD words", by=admin)
    end = timezone.now() + timedelta(days=3)
    banks.change_entry(entry_id=entry.pk, expires_at=end, note="", owner="senior", acting_user=admin)
    entry.refresh_from_db()
    assert (entry.owner, entry.expires_at) == (senior, end)
    for fields, pointer in (
        ({"expires_at": timezone.now()}, "/expires_at"),
        ({"owner": "nobody"}, "/owner"),
        ({"note": "x" * 301}, "/note"),
    ):
        values: dict[str, Any] = {"expires_at": None, "note": "", "owner": "admin", **fields}
        with pytest.raises(InvalidInput) as refused:
            banks.change_entry(entry_id=entry.pk, acting_user=admin, **values)
        assert refused.value.pointer == pointer


def test_a_removed_entry_matches_nothing_keeps_its_hits_and_may_come_back(admin: User, integrator: User) -> None:
    entry = factories.bank_entry("near", SPEECH, by=admin)
    factories.case(SPEECH, sent_by=integrator)
    banks.remove_entry(entry_id=entry.pk, acting_user=admin)
    assert _matches(SPEECH) == [[]]
    assert BankHit.objects.filter(entry=entry).count() == 1
    assert not BankEntryBand.objects.exists()
    with pytest.raises(NotFound):
        banks.remove_entry(entry_id=entry.pk, acting_user=admin)
    again = factories.bank_entry("near", SPEECH, by=admin)
    assert _matches(SPEECH) == [[again.pk]]


def test_every_change_is_recorded_and_no_text_is(admin: User) -> None:
    entry = factories.bank_entry("text", "bad words", by=admin)
    banks.change_entry(entry_id=entry.pk, expires_at=None, note="secret", owner="admin", acting_user=admin)
    banks.remove_entry(entry_id=entry.pk, acting_user=admin)
    banks.change(slug="text", name="Other", policy="spam", is_active=False, acting_user=admin)
    events = AuditEvent.objects.filter(kind__startswith="bank").order_by("pk")
    assert [(event.kind, event.data["change"]) for event in events] == [
        ("bank.changed", "added"),
        ("bank_entry.changed", "added"),
        ("bank_entry.changed", "changed"),
        ("bank_entry.changed", "removed"),
        ("bank.changed", "changed"),
    ]
    assert all("words" not in str(event.data) and "secret" not in str(event.data) for event in events)


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"slug": "text"}, "/slug"),
        ({"slug": "a b"}, "/slug"),
        ({"slug": "x" * 41}, "/slug"),
        ({"kind": "image"}, "/kind"),
        ({"name": " "}, "/name"),
        ({"policy": "nonsense"}, "/policy"),
    ],
)
def test_a_bank_that_makes_no_sense_is_refused(fields: dict[str, str], pointer: str, admin: User) -> None:
    good = {"slug": "text", "name": "Text", "kind": "text", "policy": "spam"}
    banks.create(**good, acting_user=admin)
    with pytest.raises(InvalidInput) as refused:
        banks.create(**{**good, "slug": "other", **fields}, acting_user=admin)
    assert refused.value.pointer == pointer


def test_only_administrators_keep_banks(admin: User, senior: User) -> None:
    entry = factories.bank_entry("text", "bad words", by=admin)
    for act in (
        lambda: banks.create(slug="x", name="x", kind="text", policy="spam", acting_user=senior),
        lambda: banks.change(slug="text", name="x", policy="spam", is_active=True, acting_user=senior),
        lambda: banks.add_entry(bank=entry.bank, value="other", acting_user=senior),
        lambda: banks.change_entry(entry_id=entry.pk, expires_at=None, note="", owner=None, acting_user=senior),
        lambda: banks.remove_entry(entry_id=entry.pk, acting_user=senior),
    ):
        with pytest.raises(NotPermitted):
            act()


@pytest.mark.parametrize(
    ("kind", "value", "caught"),
    [
        ("text", "does ANYONE have a good recipe for lentil soup", ["fine"]),
        ("near", f"{factories.SPAM} friends", ["spam"]),
        ("pattern", "recipe|prize", ["fine", "spam"]),
        ("domain", "bad.example", ["link"]),
    ],
)
def test_a_preview_tells_what_an_entry_would_catch(kind: str, value: str, caught: list[str], integrator: User) -> None:
    factories.content(factories.SPAM, sent_by=integrator, id="spam")
    factories.content("https://www.bad.example/", sent_by=integrator, id="link")
    factories.content(factories.BENIGN, sent_by=integrator, id="fine")
    old = factories.content(f"{factories.BENIGN} prize {factories.SPAM} https://bad.example", sent_by=integrator)
    Content.objects.filter(pk=old.pk).update(received_at=timezone.now() - timedelta(days=40))
    _, form = banks.matched_form(kind, value)
    seen = selectors.preview(kind=kind, form=form, days=30)
    assert (seen.caught, seen.looked_at, seen.available, seen.is_whole) == (len(caught), 3, 3, True)
    assert [content.external_id for content in seen.examples] == caught, "the newest first"


def test_a_preview_says_how_far_back_it_came(integrator: User, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        factories.content(f"{factories.BENIGN} {number}", sent_by=integrator)
    monkeypatch.setattr(selectors, "_CHUNK", 2)
    monkeypatch.setattr(selectors, "_PREVIEW_SECONDS", 0.0)
    seen = selectors.preview(kind="pattern", form="lentil", days=30)
    assert (seen.looked_at, seen.available, seen.is_whole) == (0, 5, False)


@given(st.text(max_size=80))
def test_a_text_is_caught_by_an_entry_of_itself(text: str) -> None:
    form = forms.normalised(text)
    assert forms.normalised(form) == forms.normalised(forms.normalised(form))
    if form:
        assert bank_matching.keys("text", text, form) == {forms.digest("text", form)}
        assert bank_matching.near(form, form)


def test_entries_of_an_earlier_normaliser_are_brought_into_todays_form(admin: User) -> None:
    entry = factories.bank_entry("near", SPEECH, by=admin)
    twin = BankEntry.objects.create(bank=entry.bank, value=f"{SPEECH}!", digest="0" * 64, form="fold-0", owner=admin)
    BankEntry.objects.filter(pk=entry.pk).update(digest="1" * 64, form="fold-0")
    entry.bands.all().delete()
    assert banks.refresh_forms() == 2
    assert banks.refresh_forms() == 0
    entry.refresh_from_db()
    twin.refresh_from_db()
    assert entry.digest == forms.digest("near", forms.normalised(SPEECH))
    assert entry.bands.count() == 16
    assert twin.removed_at is not None, "two that have become one are one"
    assert Bank.objects.count() == 1
