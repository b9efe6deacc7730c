"""The one path, in process: report, score, claim, decide, labels, undo, decide again."""

from moderation.enums import CaseStatus, Verdict
from moderation.models import Label, User
from moderation.services import decisions
from tests import factories


def test_it_goes_from_a_report_to_labels_and_back(integrator: User, moderator: User) -> None:
    case = factories.case(sent_by=integrator)
    claim = factories.claim(case, moderator)
    decision = factories.decide(claim, moderator, rationale="insult")
    first = {label.policy.slug: label for label in Label.objects.select_related("policy")}
    assert first["harassment"].value is True

    again = decisions.undo(decision_id=decision.pk, acting_user=moderator)
    case.refresh_from_db()
    assert case.status == CaseStatus.OPEN
    assert {label.value for label in Label.objects.current()} == {None}

    second = factories.decide(again, moderator, verdict=Verdict.OK)
    assert second.supersedes.supersedes == decision
    current = Label.objects.current().get(policy__slug="harassment")
    assert current.value is False
    assert current.supersedes is not None
    assert current.supersedes.supersedes == first["harassment"]
