"""The second reader as it is served: texts in, calibrated logits, embeddings and Owen values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml.contextual import artifact
from ml.contextual.cascade import Band, Bands
from ml.contextual.encoder import Encoder
from ml.contextual.explaining import Explanation, explain
from ml.contextual.heads import Heads
from ml.contextual.reading import read
from ml.contextual.stack import Stack, stacks_of
from ml.errors import ArtifactUnsupported, InputError
from ml.features import Floats
from ml.lexicon import Lexicon


class Reader:
    """A loaded second reader; `load` makes one. `manifest` says everything about it."""

    def __init__(self, encoder: Encoder, heads: Heads, lexicon: Lexicon, manifest: Mapping[str, Any]) -> None:
        self.encoder = encoder
        self.heads = heads
        self.lexicon = lexicon
        self.manifest = manifest

    @classmethod
    def load(cls, folder: Path, sha256: str | None = None) -> Reader:
        """Read a second reader, checking every hash first; raises the errors of `artifact.load`."""
        parts = artifact.load(folder, sha256)
        try:
            encoder = Encoder(parts.encoder, parts.tokenizer)
        except Exception as error:
            # onnxruntime and tokenizers raise types of their own, the latter bare Exception.
            raise ArtifactUnsupported(f"the second reader's encoder cannot be run: {type(error).__name__}") from error
        return cls(encoder, parts.heads, parts.lexicon, parts.manifest)

    @property
    def version(self) -> str:
        """The hash that stands for all files."""
        return str(self.manifest["sha256"])

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies it has an opinion on, in the order of the columns of `score`."""
        return self.heads.policies

    @property
    def stacks(self) -> dict[str, Stack]:
        """How both readers' logits become one, a policy."""
        return stacks_of(self.manifest["stacks"])

    @property
    def bands(self) -> Bands:
        """Which texts it is to be asked about."""
        return Bands({policy: Band(float(low), float(high)) for policy, (low, high) in self.manifest["bands"].items()})

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, width) of texts as people wrote them; raises `InputError` for what is no string."""
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise InputError("texts must be a sequence of strings")
        return self.encoder.embed([read(text, self.lexicon).text for text in texts])

    def score(self, texts: Sequence[str]) -> Floats:
        """Return calibrated logits (n_texts, n_policies); errors as `embed`."""
        return self.heads.logits(self.embed(texts))

    def explain(self, text: str, policy: str) -> Explanation:
        """Return the Owen values of `text` for `policy`; raises `InputError` for a policy it has no opinion on."""
        if policy not in self.policies:
            raise InputError(f"the second reader knows no policy {policy!r}")
        column = self.policies.index(policy)
        return explain(read(text, self.lexicon), lambda words: self.heads.logits(self.encoder.embed(words))[:, column])
