"""The permanent page of a case."""

from collections.abc import Callable

from django.test import Client
from django.urls import reverse

from moderation.models import Case, Decision, Label, Policy, User
from moderation.services import claims, decisions
from tests import factories


def test_it_tells_the_whole_story(
    browser_of_moderator: Client, moderator: User, colleague: User, integrator: User
) -> None:
    case = factories.case(sent_by=integrator)
    held = factories.claim(case, colleague)
    claims.skip(case_id=case.pk, token=held.review.lease_token or 0, reason="language", acting_user=colleague)
    decision = factories.decide(factories.claim(case, moderator), moderator, rationale="an insult")
    decisions.undo(decision_id=decision.pk, acting_user=moderator)
    page = browser_of_moderator.get(reverse("case", args=[case.pk])).content.decode()
    told = [
        "Undone by moderator",
        "Decided by moderator: violates harassment; remove",
        "Claimed by moderator",
        "Skipped by colleague: I do not read this language",
        "Claimed by colleague",
        "Case opened in",
        "Scored by model v1",
        "Reported: user",
        "The platform sent the content",
    ]
    story = page[page.index("Undone by moderator") :]
    places = [story.index(words) for words in told]
    assert places == sorted(places)
    assert "an insult" in page
    assert page.count("superseded") >= Label.objects.filter(superseded_by__isnull=False).count() > 0


def test_an_unknown_case_is_a_404(browser_of_moderator: Client) -> None:
    answer = browser_of_moderator.get(reverse("case", args=[12345]))
    assert answer.status_code == 404
    assert b"Nothing here" in answer.content


def test_an_open_case_can_be_taken_unless_someone_has_it(
    browser_of_moderator: Client, colleague: User, integrator: User
) -> None:
    case = factories.case(sent_by=integrator)
    assert b"Review this case" in browser_of_moderator.get(reverse("case", args=[case.pk])).content
    factories.claim(case, colleague)
    page = browser_of_moderator.get(reverse("case", args=[case.pk])).content
    assert b"Review this case" not in page
    assert b"colleague is reviewing it" in page


def test_a_decider_may_undo_and_a_colleague_may_not(
    sign_in: Callable[[User], Client], moderator: User, colleague: User, integrator: User
) -> None:
    case = factories.case(sent_by=integrator)
    factories.decide(factories.claim(case, moderator), moderator)
    path = reverse("case", args=[case.pk])
    assert b"Undo decision" in sign_in(moderator).get(path).content
    assert b"Undo decision" not in sign_in(colleague).get(path).content


def test_a_senior_overrides(sign_in: Callable[[User], Client], moderator: User, senior: User, integrator: User) -> None:
    case = factories.case(sent_by=integrator)
    decision = factories.decide(factories.claim(case, moderator), moderator)
    path = reverse("override", args=[case.pk, decision.pk])
    answer = sign_in(senior).post(path, {"verdict": "ok", "rationale": "banter among friends"}, follow=True)
    assert b"The decision is replaced" in answer.content
    binding = Decision.objects.get(supersedes=decision)
    assert (binding.verdict, binding.decided_by) == ("ok", senior)
    assert b"banter among friends" in answer.content


def test_an_override_that_makes_no_sense_keeps_what_was_typed(
    sign_in: Callable[[User], Client], moderator: User, senior: User, integrator: User
) -> None:
    case = factories.case(sent_by=integrator)
    decision = factories.decide(factories.claim(case, moderator), moderator)
    path = reverse("override", args=[case.pk, decision.pk])
    answer = sign_in(senior).post(path, {"verdict": "violates", "rationale": "careful words"})
    assert answer.status_code == 400
    assert b"Name at least one policy" in answer.content
    assert b"careful words" in answer.content


def test_an_override_of_what_was_replaced_is_a_409(
    sign_in: Callable[[User], Client], moderator: User, senior: User, integrator: User
) -> None:
    case = factories.case(sent_by=integrator)
    decision = factories.decide(factories.claim(case, moderator), moderator)
    decisions.undo(decision_id=decision.pk, acting_user=moderator)
    answer = sign_in(senior).post(reverse("override", args=[case.pk, decision.pk]), {"verdict": "ok"})
    assert answer.status_code == 409


def test_a_moderator_may_not_override(browser_of_moderator: Client, moderator: User, integrator: User) -> None:
    case = factories.case(sent_by=integrator)
    decision = factories.decide(factories.claim(case, moderator), moderator)
    assert b"Override" not in browser_of_moderator.get(reverse("case", args=[case.pk])).content
    path = reverse("override", args=[case.pk, decision.pk])
    assert browser_of_moderator.post(path, {"verdict": "ok"}).status_code == 403
    assert Case.objects.get(pk=case.pk).decisions.count() == 1


def test_graphic_text_nobody_has_opened_yet_is_hidden(browser_of_moderator: Client, integrator: User) -> None:
    Policy.objects.filter(slug="harassment").update(graphic=True, threshold=0.01)
    case = factories.case(sent_by=integrator)
    assert b"worthless" not in browser_of_moderator.get(reverse("case", args=[case.pk])).content


def test_graphic_text_is_hidden_here_too(browser_of_moderator: Client, moderator: User, integrator: User) -> None:
    Policy.objects.filter(slug="harassment").update(graphic=True)
    case = factories.case(sent_by=integrator)
    factories.decide(factories.claim(case, moderator), moderator)
    path = reverse("case", args=[case.pk])
    assert b"worthless" not in browser_of_moderator.get(path).content
    assert b"worthless" in browser_of_moderator.get(path, {"reveal": "1"}).content
