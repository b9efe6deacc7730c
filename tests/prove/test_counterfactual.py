"""On a thousand flagged real texts: every set of words offered, taken out, takes the score below the threshold."""

import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from ml import artifacts
from ml.counterfactual import counterfactuals, without
from ml.datasets import held_out

TEXTS = 1000

pytestmark = [pytest.mark.prove, pytest.mark.data, pytest.mark.timeout(900)]


def test_every_set_offered_on_flagged_real_texts_is_enough(base_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = artifacts.load(artifacts.starter_path())
    examples = held_out(base_data)
    random.Random(5).shuffle(examples)
    verdicts: Counter[str] = Counter()
    offered = texts = 0
    for example in examples:
        flags = [found for found in counterfactuals(model, example.text) if found.verdict != "not_flagged"]
        for flag in flags:
            verdicts[flag.verdict] += 1
            for part in flag.sets:
                rest = without(example.text, [(span.start, span.end) for span in part.spans])
                limits = {flag.policy: flag.threshold}
                [[again]] = model.explain([rest], policies=[flag.policy], thresholds=limits)
                assert again.score < flag.threshold
                assert not again.flagged
                offered += 1
        texts += bool(flags)
        if texts == TEXTS:
            break
    flagged = verdicts.total()
    share = 1 - verdicts["found"] / flagged
    told = f"{texts} flagged texts, {flagged} flags, {offered} sets verified; {share:.2%} without one: {dict(verdicts)}"
    with capsys.disabled():
        sys.stdout.write(f"\n{told}\n")
    assert texts == TEXTS
