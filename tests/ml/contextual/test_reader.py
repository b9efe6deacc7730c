"""The second reader as it comes with the project: loading, scoring, explaining."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml import datasets
from ml.contextual import artifact
from ml.contextual.explaining import MOST_CALLS
from ml.contextual.reader import Reader
from ml.contextual.reading import read
from ml.errors import ArtifactMissing, ArtifactTampered, InputError


@pytest.fixture(scope="module")
def reader() -> Reader:
    """The starter."""
    return Reader.load(artifact.starter_path())


def test_the_starter_is_small_and_knows_every_policy(reader: Reader) -> None:
    assert sum(path.stat().st_size for path in artifact.starter_path().iterdir()) <= 25_000_000
    assert reader.policies == datasets.POLICIES
    assert set(reader.stacks) == set(reader.bands.bands) == set(datasets.POLICIES)


def test_texts_read_together_score_as_alone(reader: Reader) -> None:
    texts = ["hello", "you are all parasites and should be locked up " * 3, "", "good game everyone 🎉", "a" * 20_000]
    together = reader.score(texts)
    assert together.shape == (5, len(reader.policies))
    assert np.isfinite(together).all()
    alone = np.vstack([reader.score([text]) for text in texts])
    # Activations are quantised by the batch, so a neighbour may move a logit a little.
    assert np.abs(together - alone).max() < 1.0
    assert reader.score([]).shape == (0, len(reader.policies))


def test_negation_and_quotation_lower_hate(reader: Reader) -> None:
    column = reader.policies.index("hate")
    hateful, against, quoted = reader.score(
        [
            "plumbers and refugees are vermin, get rid of refugees",
            "refugees are welcome and nobody should call them vermin",
            "he wrote 'refugees are vermin' and was rightly banned for it",
        ]
    )[:, column]
    assert hateful > max(against, quoted) + 1.0


def test_evasion_is_undone_before_reading(reader: Reader) -> None:
    assert read("i h4te you 🐒", reader.lexicon).words == ("i", "hate", "you", "monkey")


@given(st.text(max_size=60))
@settings(max_examples=40, deadline=None)
def test_attributions_add_up_on_any_text_and_lie_inside_it(reader: Reader, text: str) -> None:
    found = reader.explain(text, "hate")
    total = found.base_value + sum(item.value for item in found.attributions)
    assert total == pytest.approx(found.logit, abs=1e-5)
    places = [place for item in found.attributions for place in (item.start, item.end)]
    assert places == sorted(places)
    assert all(0 <= place <= len(text) for place in places)


def test_an_explanation_is_of_the_score_and_its_cost_is_bounded(reader: Reader) -> None:
    text = "those people ruin everything and should be thrown out " * 40
    found = reader.explain(text, "hate")
    [score] = reader.score([text])
    assert found.logit == pytest.approx(score[reader.policies.index("hate")], abs=0.5)
    assert found.calls <= MOST_CALLS + 64


def test_an_unknown_policy_and_what_is_no_text_are_refused(reader: Reader) -> None:
    with pytest.raises(InputError):
        reader.explain("text", "gardening")
    with pytest.raises(InputError):
        reader.score("one string")
    with pytest.raises(InputError):
        reader.score([3])  # type: ignore[list-item]


@pytest.mark.parametrize("name", ["encoder.onnx", "tokenizer.json", "heads.npz", "manifest.json"])
def test_an_altered_or_missing_file_is_refused(tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(artifact.starter_path(), tmp_path / "reader")
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(ArtifactTampered):
        Reader.load(folder)
    (folder / name).unlink()
    with pytest.raises(ArtifactMissing):
        Reader.load(folder)


def test_another_reader_than_the_one_asked_for_is_refused() -> None:
    with pytest.raises(ArtifactTampered):
        Reader.load(artifact.starter_path(), "0" * 64)


def test_serving_imports_neither_torch_nor_transformers_and_stays_small() -> None:
    program = (
        "import sys\n"
        "from ml.contextual import artifact\n"
        "from ml.contextual.reader import Reader\n"
        "Reader.load(artifact.starter_path()).score(['a line of chat'] * 500 + ['word ' * 4000] * 64)\n"
        "assert not {'torch', 'transformers', 'sklearn', 'shap'} & set(sys.modules)\n"
        "[peak] = [line.split()[1] for line in open('/proc/self/status') if line.startswith('VmHWM')]\n"
        "print(int(peak) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert int(done.stdout) <= 250
