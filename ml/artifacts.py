"""Models as files: arrays in `weights.npz`, everything else in `manifest.json`, no pickle, hashes checked.

The manifest names the hash of the weights file and carries its own (`sha256`, over its canonical JSON without
that key), so one hash stands for all of it. Weights are stored as float16, prior precisions as a byte on
a logarithmic scale; `compact` gives the very numbers a stored model has, so what is fitted is what is served.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.errors import ArtifactMissing, ArtifactTampered, ArtifactUnsupported
from ml.features import FEATURES, FeatureSpace, Floats, Vocabulary
from ml.lexicon import Lexicon
from ml.model import ContextFeature, Model
from ml.text import NORMALISER

FORMAT = 2
MANIFEST = "manifest.json"
WEIGHTS = "weights.npz"
_PRECISION_STEPS = 8  # a doubling of the precision, in steps of the stored byte
_PRECISION_OFFSET = 96  # the byte of precision 1


def starter_path() -> Path:
    """Return the folder of the starter model that comes with this package."""
    return Path(__file__).parent / "starter"


def compact(weights: Floats) -> Floats:
    """Return `weights` rounded to what the artifact stores (float16), as float64."""
    largest = float(np.finfo(np.float16).max)
    return np.clip(weights, -largest, largest).astype(np.float16).astype(np.float64)


def compact_mean(mean: Floats) -> Floats:
    """Return `mean` rounded to what the artifact stores (float32), as float64."""
    return mean.astype(np.float32).astype(np.float64)


def compact_precision(precision: Floats) -> Floats:
    """Return positive `precision` rounded to what the artifact stores, as float64."""
    return _precision_from_bytes(_precision_to_bytes(precision))


def save(model: Model, folder: Path) -> str:
    """Write `model` to `folder`, replacing what is there only once all is written; return its sha256."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    weights = _weights_bytes(model)
    manifest = {
        **model.manifest,
        "format": FORMAT,
        "normaliser": NORMALISER,
        "features": FEATURES,
        "n_features": len(model.space.vocabulary),
        "n_word_features": model.space.vocabulary.n_words,
        "policies": list(model.policies),
        "thresholds": dict(model.thresholds),
        "intercept": [float(value) for value in model.intercept],
        "context": [{"name": item.name, "edges": list(item.edges)} for item in model.context],
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
    }
    manifest.pop("sha256", None)
    manifest["sha256"] = _manifest_hash(manifest)
    draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        draft.chmod(0o755)
        (draft / WEIGHTS).write_bytes(weights)
        (draft / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")
        _put_in_place(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    model.sha256 = str(manifest["sha256"])
    return model.sha256


def load(folder: Path, *, sha256: str | None = None) -> Model:
    """Read a model, checking every hash before any of it is used.

    Raises `ArtifactMissing`, `ArtifactTampered` (also where `sha256` is given and is not this model's) or
    `ArtifactUnsupported`.
    """
    manifest = _read_manifest(folder, sha256)
    weights_bytes = _read(folder / WEIGHTS)
    if hashlib.sha256(weights_bytes).hexdigest() != manifest.get("weights_sha256"):
        raise ArtifactTampered(f"{WEIGHTS} is not the file its manifest names")
    try:
        arrays = _read_arrays(weights_bytes)
        policies = tuple(str(policy) for policy in manifest["policies"])
        lexicon = Lexicon(_names(arrays["words"]), arrays["targets"], arrays["common"])
        vocabulary = Vocabulary(lexicon, arrays["keys"], int(manifest["n_word_features"]))
        space = FeatureSpace(vocabulary, arrays["idf"].astype(np.float64), arrays["mean"].astype(np.float64))
        return Model(
            policies=policies,
            space=space,
            weights=arrays["weights"].astype(np.float64),
            intercept=np.array(manifest["intercept"], dtype=np.float64),
            precision=_precision_from_bytes(arrays["precision"]),
            thresholds={policy: float(manifest["thresholds"][policy]) for policy in policies},
            context=_context(manifest["context"], arrays),
            manifest=manifest,
            sha256=str(manifest["sha256"]),
        )
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise ArtifactUnsupported(f"the model files are not of the expected shape: {error}") from error


def _put_in_place(draft: Path, folder: Path) -> None:
    if not folder.exists():
        draft.rename(folder)
        return
    # Weights first: a crash in between leaves a pair that load refuses, never one that it misreads.
    os.replace(draft / WEIGHTS, folder / WEIGHTS)
    os.replace(draft / MANIFEST, folder / MANIFEST)
    draft.rmdir()


def _read_manifest(folder: Path, sha256: str | None) -> dict[str, Any]:
    try:
        manifest = json.loads(_read(folder / MANIFEST))
    except ValueError as error:
        raise ArtifactTampered(f"{MANIFEST} is not JSON: {error}") from error
    if not isinstance(manifest, dict):
        raise ArtifactTampered(f"{MANIFEST} is not a JSON object")
    stated = manifest.get("sha256")
    if stated != _manifest_hash({key: value for key, value in manifest.items() if key != "sha256"}):
        raise ArtifactTampered(f"{MANIFEST} does not have the hash it states")
    if sha256 is not None and stated != sha256:
        raise ArtifactTampered(f"the model in {folder.name} is not the one asked for (its hash differs)")
    expected = {"format": FORMAT, "normaliser": NORMALISER, "features": FEATURES}
    for key, value in expected.items():
        if manifest.get(key) != value:
            raise ArtifactUnsupported(f"the model has {key} {manifest.get(key)!r}; this version reads {value!r}")
    return manifest


def _manifest_hash(manifest: Mapping[str, object]) -> str:
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArtifactMissing(f"no {path.name} in model folder {path.parent.name}") from error


def _weights_bytes(model: Model) -> bytes:
    lexicon = model.space.vocabulary.lexicon
    arrays: dict[str, NDArray[Any]] = {
        "words": _name_bytes(lexicon.words),
        "targets": lexicon.targets,
        "common": lexicon.common,
        "keys": model.space.vocabulary.keys,
        "idf": model.space.idf.astype(np.float32),
        "mean": model.space.mean.astype(np.float32),
        "weights": model.weights.astype(np.float16),
        "precision": _precision_to_bytes(model.precision),
    }
    for number, item in enumerate(model.context):
        arrays[f"context_{number}_weights"] = item.weights
        arrays[f"context_{number}_mean"] = item.mean
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def _read_arrays(weights: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(weights), allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _context(entries: list[dict[str, Any]], arrays: Mapping[str, NDArray[Any]]) -> tuple[ContextFeature, ...]:
    return tuple(
        ContextFeature(
            str(entry["name"]),
            tuple(float(edge) for edge in entry["edges"]),
            arrays[f"context_{number}_weights"],
            arrays[f"context_{number}_mean"],
        )
        for number, entry in enumerate(entries)
    )


def _name_bytes(names: tuple[str, ...]) -> NDArray[np.uint8]:
    # A word never holds a line break.
    return np.frombuffer("\n".join(names).encode("utf-8", "surrogatepass"), dtype=np.uint8)


def _names(stored: NDArray[np.uint8]) -> list[str]:
    joined = stored.tobytes().decode("utf-8", "surrogatepass")
    return joined.split("\n") if joined else []


def _precision_to_bytes(precision: Floats) -> NDArray[np.uint8]:
    steps = np.rint(np.log2(precision) * _PRECISION_STEPS) + _PRECISION_OFFSET
    return np.asarray(np.clip(steps, 0, 255), dtype=np.uint8)


def _precision_from_bytes(stored: NDArray[np.uint8]) -> Floats:
    return np.exp2((stored.astype(np.float64) - _PRECISION_OFFSET) / _PRECISION_STEPS)
