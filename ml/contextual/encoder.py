"""The int8 encoder as onnxruntime runs it: word pieces in, one vector a text out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

PIECES = 112
"""Word pieces read of one text, the two marks around them included; the rest of a longer text is not read."""

BATCH_PIECES = 512
"""Word pieces read at once, padding included: what bounds the memory."""


class Encoder:
    """A session on one thread. `model` is the bytes of the ONNX file, `tokenizer` those of its `tokenizer.json`.

    Raises whatever onnxruntime and tokenizers raise on files that are not theirs.
    """

    def __init__(self, model: bytes, tokenizer: bytes) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # An arena keeps the memory of the longest batch for good.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._tokenizer: Any = Tokenizer.from_buffer(tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(PIECES)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return (n_texts, width); texts of like length are read together, so that little is padded."""
        pieces = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(pieces)), key=lambda place: len(pieces[place]))
        rows = np.empty((len(pieces), self.width), dtype=np.float32)
        begin = 0
        while begin < len(order):
            end = begin + 1
            while end < len(order) and (end + 1 - begin) * len(pieces[order[end]]) <= BATCH_PIECES:
                end += 1
            batch = order[begin:end]
            rows[batch] = self._run([pieces[place] for place in batch])
            begin = end
        return rows

    @property
    def width(self) -> int:
        """Numbers in the vector of a text."""
        return int(self._session.get_outputs()[0].shape[1])

    def _run(self, pieces: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        longest = max(map(len, pieces))
        ids = np.zeros((len(pieces), longest), dtype=np.int64)
        mask = np.zeros((len(pieces), longest), dtype=np.float32)
        for row, own in enumerate(pieces):
            ids[row, : len(own)], mask[row, : len(own)] = own, 1.0
        [vectors] = self._session.run(None, {"ids": ids, "mask": mask})
        return np.asarray(vectors, dtype=np.float32)
