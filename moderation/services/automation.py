"""What automation may rest on: thresholds whose precision audits guarantee. Nothing is automated here."""

from django.db import transaction

from moderation import audit
from moderation.errors import InvalidInput
from moderation.learning import guarantee
from moderation.models import AutomationThreshold, Policy, User
from moderation.permissions import Permission, require

LOWEST_PRECISION, HIGHEST_PRECISION = 0.5, 0.999


@transaction.atomic
def calibrate(*, policy: Policy, precision: float, acting_user: User) -> AutomationThreshold:
    """Look for the lowest score whose precision is guaranteed, and keep what was found.

    Every call spends a part of the policy's error budget, found or not. Raises ``NotPermitted``, ``InvalidInput``,
    ``Conflict``, ``ModelUnavailable``.
    """
    require(acting_user, Permission.MANAGE)
    if not LOWEST_PRECISION <= precision <= HIGHEST_PRECISION:
        raise InvalidInput(
            f"The precision must be between {LOWEST_PRECISION} and {HIGHEST_PRECISION}.", pointer="/precision"
        )
    # One calibration of a policy at a time: each has its own place in the budget.
    policy = Policy.objects.select_for_update(no_key=True).get(pk=policy.pk)
    number = policy.automation_thresholds.count() + 1
    found = guarantee.calibrate(policy, precision=precision, recalibration=number)
    result = found.guarantee
    calibration = AutomationThreshold.objects.create(
        policy=policy,
        model_version=found.version,
        recalibration=number,
        precision=precision,
        threshold=result.threshold,
        lower_bound=result.lower_bound,
        sample_count=found.samples,
        used_count=result.n,
        delta_spent=result.delta_spent,
        sentence=result.sentence,
        computed_by=acting_user,
    )
    audit.automation_calibrated(calibration, actor=acting_user)
    return calibration
