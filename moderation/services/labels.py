"""What a binding decision teaches (DESIGN rule 3)."""

from collections.abc import Mapping

from moderation.enums import Verdict
from moderation.models import Decision, Evidence, Label, Policy


def meaning(decision: Decision, evidence: Evidence) -> dict[str, bool]:
    """Policy slug to whether the text violates it; what the decision says nothing about is left out.

    "ok" is a negative for the policies shown; "violates" is a positive for the chosen ones and a negative for those
    shown and not chosen.
    """
    shown = {row["policy"] for row in evidence.policies if row["shown"]}
    chosen = set(decision.policies) if decision.verdict == Verdict.VIOLATES else set()
    return {slug: slug in chosen for slug in sorted(shown | chosen)}


def write_labels(decision: Decision, evidence: Evidence) -> list[Label]:
    """Append a label a policy, each superseding the one before on the same revision and policy."""
    return _append(decision, evidence, meaning(decision, evidence))


def withdraw_labels(decision: Decision, evidence: Evidence) -> list[Label]:
    """An undo: what its superseded decision had said is unsaid, by labels without a value."""
    undone = decision.supersedes
    said = undone.labels.values_list("policy__slug", flat=True) if undone else ()
    return _append(decision, evidence, dict.fromkeys(said))


def replace_labels(decision: Decision, evidence: Evidence, *, before: Evidence) -> list[Label]:
    """An overturn: the new meaning supersedes the old; what only the old one named is withdrawn.

    ``before`` is the evidence of the decision it overturns: if the text has been edited since, what was said of the
    old wording is withdrawn, and the new meaning stands for the new wording.
    """
    new = meaning(decision, evidence)
    old = decision.supersedes
    said = dict.fromkeys(old.labels.values_list("policy__slug", flat=True)) if old else {}
    if before.revision_id != evidence.revision_id:
        return _append(decision, before, said) + _append(decision, evidence, new)
    return _append(decision, evidence, {**said, **new})


def _append(decision: Decision, evidence: Evidence, values: Mapping[str, bool | None]) -> list[Label]:
    policies = {policy.slug: policy for policy in Policy.objects.filter(slug__in=values)}
    heads = {
        label.policy_id: label
        for label in Label.objects.current().filter(revision=evidence.revision, policy__slug__in=values)
    }
    return Label.objects.bulk_create(
        Label(
            revision=evidence.revision,
            policy=policies[slug],
            value=value,
            why_shown=evidence.why_shown,
            sampling_probability=evidence.sampling_probability,
            decision=decision,
            evidence=evidence,
            supersedes=heads.get(policies[slug].pk),
        )
        for slug, value in values.items()
        if slug in policies
    )
