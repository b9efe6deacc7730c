"""What is stored is what is served; what was touched is refused; nothing is unpickled."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ml import artifacts
from ml.errors import ArtifactMissing, ArtifactTampered, ArtifactUnsupported
from ml.model import Model
from ml.train import fit
from tests.ml.conftest import POLICIES, MakeExamples


def rewrite(folder: Path, **changes: object) -> None:
    """Change the manifest and give it a right hash again."""
    manifest = json.loads((folder / artifacts.MANIFEST).read_text()) | changes
    manifest.pop("sha256")
    manifest["sha256"] = artifacts._manifest_hash(manifest)
    (folder / artifacts.MANIFEST).write_text(json.dumps(manifest))


def test_a_fitted_model_scores_the_same_after_saving_and_loading(make_examples: MakeExamples, tmp_path: Path) -> None:
    fitted = fit(make_examples(300, seed=4), policies=POLICIES)
    texts = [example.text for example in make_examples(50, seed=5)]

    loaded = artifacts.load(tmp_path / "m", sha256=artifacts.save(fitted, tmp_path / "m"))

    assert np.array_equal(loaded.decision_function(texts), fitted.decision_function(texts))
    assert np.array_equal(loaded.precision, fitted.precision)
    assert loaded.explain(texts) == fitted.explain(texts)


def test_saving_again_gives_the_same_hash_and_replaces(small_model: Model, small_folder: Path) -> None:
    assert artifacts.save(small_model, small_folder) == small_model.sha256
    assert sorted(path.name for path in small_folder.parent.iterdir()) == ["model"]
    assert artifacts.load(small_folder).sha256 == small_model.sha256


@pytest.mark.parametrize("name", [artifacts.MANIFEST, artifacts.WEIGHTS])
def test_a_changed_byte_is_refused(small_folder: Path, name: str) -> None:
    content = bytearray((small_folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (small_folder / name).write_bytes(content)

    with pytest.raises(ArtifactTampered):
        artifacts.load(small_folder)


def test_an_intact_model_that_is_not_the_one_asked_for_is_refused(small_folder: Path) -> None:
    with pytest.raises(ArtifactTampered, match="not the one asked for"):
        artifacts.load(small_folder, sha256="0" * 64)


@pytest.mark.parametrize("name", [artifacts.MANIFEST, artifacts.WEIGHTS])
def test_a_missing_file_is_named(small_folder: Path, name: str) -> None:
    (small_folder / name).unlink()

    with pytest.raises(ArtifactMissing, match=name):
        artifacts.load(small_folder)


@pytest.mark.parametrize("change", [{"format": 99}, {"normaliser": "other"}, {"features": "other"}])
def test_another_version_is_refused_by_name(small_folder: Path, change: dict[str, object]) -> None:
    rewrite(small_folder, **change)

    with pytest.raises(ArtifactUnsupported, match=next(iter(change))):
        artifacts.load(small_folder)


def test_a_pickled_array_is_never_read(small_folder: Path) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, words=np.array([{"an": "object"}], dtype=object))
    (small_folder / artifacts.WEIGHTS).write_bytes(buffer.getvalue())
    rewrite(small_folder, weights_sha256=artifacts.hashlib.sha256(buffer.getvalue()).hexdigest())

    with pytest.raises(ArtifactUnsupported, match="allow_pickle=False"):
        artifacts.load(small_folder)


def test_serving_imports_numpy_and_nothing_heavier() -> None:
    code = (
        "import sys; from ml import artifacts, model, explain, sampling, evaluate, gates; "
        "m = artifacts.load(artifacts.starter_path()); m.explain(['hello']); "
        "heavy = {'sklearn', 'scipy', 'shap', 'numba', 'django', 'pandas'}; "
        "print(sorted({name.split('.')[0] for name in sys.modules} & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
