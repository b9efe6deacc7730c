"""Whether a model takes the naming of a group for abuse: AUC over subgroups (Borkan et al. 2019).

Three figures a group, all threshold-free. `subgroup`: positives against negatives that both name the group. `bpsn`
(background positive, subgroup negative): low where harmless texts that name the group score like abuse elsewhere.
`bnsp` (background negative, subgroup positive): low where abuse of the group is missed. Terms are those of Dixon et
al. (2018), in groups, with the plural and noun forms that chat uses. Slurs are no identity terms and are not here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ml.evaluate import labelled, logits_of
from ml.metrics import Bools, Estimate, Floats, bootstrap, roc_auc
from ml.model import Model
from ml.schemas import Example

IDENTITY_TERMS: Mapping[str, tuple[str, ...]] = {
    "women": ("woman", "women", "female", "females", "girl", "girls"),
    "men": ("man", "men", "male", "males", "boy", "boys"),
    "gay or lesbian": ("gay", "gays", "lesbian", "lesbians", "homosexual", "homosexuals", "lgbt", "lgbtq", "queer"),
    "straight": ("straight", "heterosexual", "heterosexuals"),
    "trans": ("trans", "transgender", "nonbinary", "bisexual"),
    "black": ("black", "blacks", "african", "africans", "african american"),
    "white": ("white", "whites", "european", "europeans", "caucasian"),
    "asian": ("asian", "asians", "chinese", "japanese", "indian", "indians"),
    "latino": ("hispanic", "hispanics", "latino", "latinos", "latina", "latinx", "mexican", "mexicans"),
    "arab": ("arab", "arabs", "arabic", "middle eastern"),
    "muslim": ("muslim", "muslims", "islam", "islamic"),
    "jewish": ("jew", "jews", "jewish", "judaism"),
    "christian": ("christian", "christians", "catholic", "catholics", "protestant"),
    "migrants": ("immigrant", "immigrants", "migrant", "migrants", "refugee", "refugees", "foreigner", "foreigners"),
    "disabled": ("disabled", "blind", "deaf", "paralyzed", "autistic"),
    "old or young": ("old", "older", "young", "younger", "elderly", "teenage", "millennial"),
}
MIN_CLASS = 10
"""Texts of a class in a group below which its figures are not given."""
POWER = -5.0
"""Exponent of the mean over groups: low values weigh most (Borkan et al. 2019; the Jigsaw bias metric)."""
_RESAMPLES = 200  # intervals here serve as a caution, and there are a hundred of them


@dataclass(frozen=True, slots=True)
class Subgroup:
    """One group's figures for one policy, and how many texts that name it violate the policy or do not."""

    policy: str
    group: str
    positives: int
    negatives: int
    subgroup: Estimate
    bpsn: Estimate
    bnsp: Estimate


def members(texts: Sequence[str], terms: Sequence[str]) -> Bools:
    """Return which texts (n,) have one of the terms as whole words, whatever the case."""
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, terms))})\b", re.IGNORECASE)
    return np.array([pattern.search(text) is not None for text in texts], dtype=np.bool_)


def subgroup_figures(model: Model, policy: str, examples: Sequence[Example], *, seed: int = 0) -> list[Subgroup]:
    """Return the figures of every group with at least ten texts of either class among the examples of `policy`."""
    rows, labels = labelled(examples, policy)
    chosen = [examples[row] for row in rows]
    scores = logits_of(model, chosen)[:, model.column(policy)]
    found = []
    for group, terms in IDENTITY_TERMS.items():
        inside = members([example.text for example in chosen], terms)
        positives, negatives = int((inside & labels).sum()), int((inside & ~labels).sum())
        if min(positives, negatives) >= MIN_CLASS:
            auc = [_auc(labels, scores, part, seed) for part in parts(labels, inside)]
            found.append(Subgroup(policy, group, positives, negatives, *auc))
    return found


def parts(labels: Bools, inside: Bools) -> tuple[Bools, Bools, Bools]:
    """Return the rows (n,) that the subgroup, BPSN and BNSP figures are taken over."""
    return inside, inside & ~labels | ~inside & labels, inside & labels | ~inside & ~labels


def power_mean(values: Sequence[float]) -> float | None:
    """Return the generalised mean with exponent -5 of positive values, `None` without values or with a zero."""
    if not values or min(values) <= 0.0:
        return None
    return float(np.mean(np.array(values) ** POWER) ** (1.0 / POWER))


def _auc(labels: Bools, scores: Floats, part: Bools, seed: int) -> Estimate:
    return bootstrap(roc_auc, labels[part], scores[part], seed=seed, resamples=_RESAMPLES)
