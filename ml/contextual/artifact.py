"""The second reader as files: `encoder.onnx`, `tokenizer.json`, `heads.npz` and a manifest with the hash of each.

As with the first reader's (`ml.artifacts`) the manifest carries its own hash, which stands for all of it.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.contextual.heads import Heads
from ml.errors import ArtifactMissing, ArtifactTampered, ArtifactUnsupported
from ml.lexicon import Lexicon
from ml.text import NORMALISER

FORMAT = 1
MANIFEST, ENCODER, TOKENIZER, HEADS = "manifest.json", "encoder.onnx", "tokenizer.json", "heads.npz"
_FILES = (ENCODER, TOKENIZER, HEADS)


@dataclass(frozen=True, slots=True)
class Parts:
    """What the files of a second reader hold."""

    encoder: bytes
    tokenizer: bytes
    heads: Heads
    lexicon: Lexicon
    manifest: Mapping[str, Any]


def starter_path() -> Path:
    """Return the folder of the second reader that comes with this package."""
    return Path(__file__).parents[1] / "starter_context"


def save(folder: Path, parts: Parts) -> str:
    """Write `parts` into the new or existing `folder`; return the sha256 that stands for all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {ENCODER: parts.encoder, TOKENIZER: parts.tokenizer, HEADS: _heads_bytes(parts)}
    manifest: dict[str, Any] = {
        **{key: value for key, value in parts.manifest.items() if key != "sha256"},
        "format": FORMAT,
        "normaliser": NORMALISER,
        "policies": list(parts.heads.policies),
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()},
    }
    manifest["sha256"] = _hash(manifest)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    (folder / MANIFEST).write_text(json.dumps(manifest, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return str(manifest["sha256"])


def load(folder: Path, sha256: str | None = None) -> Parts:
    """Read all files, checking every hash before any of them is used.

    Raises `ArtifactMissing`, `ArtifactTampered` (also where `sha256` is given and is not this one's) or
    `ArtifactUnsupported`.
    """
    manifest = _manifest(folder, sha256)
    contents = {name: _read(folder / name) for name in _FILES}
    for name, content in contents.items():
        if hashlib.sha256(content).hexdigest() != manifest.get("files", {}).get(name):
            raise ArtifactTampered(f"{name} is not the file its manifest names")
    try:
        with np.load(io.BytesIO(contents[HEADS]), allow_pickle=False) as stored:
            words = stored["words"].tobytes().decode("utf-8", "surrogatepass").split("\n")
            lexicon = Lexicon(words, stored["targets"], stored["common"])
            heads = Heads(tuple(manifest["policies"]), stored["weights"], stored["intercept"])
    except (KeyError, ValueError, TypeError, zipfile.BadZipFile) as error:
        raise ArtifactUnsupported(f"the files of the second reader are not of the expected shape: {error}") from error
    return Parts(contents[ENCODER], contents[TOKENIZER], heads, lexicon, manifest)


def _manifest(folder: Path, sha256: str | None) -> dict[str, Any]:
    try:
        manifest = json.loads(_read(folder / MANIFEST))
    except ValueError as error:
        raise ArtifactTampered(f"{MANIFEST} is not JSON: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("sha256") != _hash(manifest):
        raise ArtifactTampered(f"{MANIFEST} does not have the hash it states")
    if sha256 is not None and manifest["sha256"] != sha256:
        raise ArtifactTampered(f"the second reader in {folder.name} is not the one asked for (its hash differs)")
    for key, value in {"format": FORMAT, "normaliser": NORMALISER}.items():
        if manifest.get(key) != value:
            raise ArtifactUnsupported(
                f"the second reader has {key} {manifest.get(key)!r}; this version reads {value!r}"
            )
    return manifest


def _hash(manifest: Mapping[str, Any]) -> str:
    stated = {key: value for key, value in manifest.items() if key != "sha256"}
    return hashlib.sha256(json.dumps(stated, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArtifactMissing(f"no {path.name} in the second reader's folder {path.parent.name}") from error


def _heads_bytes(parts: Parts) -> bytes:
    buffer = io.BytesIO()
    words = "\n".join(parts.lexicon.words).encode("utf-8", "surrogatepass")
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        weights=parts.heads.weights,
        intercept=parts.heads.intercept,
        words=np.frombuffer(words, dtype=np.uint8),
        targets=parts.lexicon.targets,
        common=parts.lexicon.common,
    )
    return buffer.getvalue()
