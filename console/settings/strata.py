"""Reading what an operator writes for the strata of random audits."""

from django.core.exceptions import ImproperlyConfigured

Strata = tuple[tuple[float, float], ...]


def sampling_strata(written: str) -> Strata:
    """Pairs of score and rate in the order of the scores, from “0:0.01,0.5:0.05”; none from an empty text.

    Raises ``ImproperlyConfigured`` for what is not numbers between 0 and 1, or leaves the lowest scores without a rate.
    """
    try:
        pairs = [tuple(map(float, pair.split(":"))) for pair in written.split(",") if pair.strip()]
        strata = tuple(sorted((start, rate) for start, rate in pairs))
    except ValueError as error:
        raise ImproperlyConfigured("AUDIT_STRATA is written as score:rate,score:rate, e.g. 0:0.01,0.5:0.05.") from error
    if any(not (0 <= start < 1 and 0 < rate <= 1) for start, rate in strata):
        raise ImproperlyConfigured("AUDIT_STRATA: scores lie in [0, 1), rates in (0, 1].")
    if strata and strata[0][0] != 0:
        raise ImproperlyConfigured("AUDIT_STRATA must begin with the score 0: what is never drawn is never known.")
    return strata
