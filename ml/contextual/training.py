"""Fine-tuning of the encoder on two CPU cores (bfloat16 where the processor has it) or on a GPU. Needs torch."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ml.contextual.corpus import Row
from ml.contextual.encoder import PIECES
from ml.contextual.net import Net, pretrained

BATCH = 64
RATE, WORD_RATE, HEAD_RATE = 1e-4, 3e-5, 1e-3
LAYER_DECAY = 0.9
"""Factor of the learning rate from a block to the one below it (Howard & Ruder 2018)."""
_WARM_UP = 100
_SMOOTHED = 0.01  # labels of 0.01 and 0.99: people err
_MEGABATCH = 40
_MOST_POSITIVE_WEIGHT = 6.0
_AVERAGED_EVERY = 10


def train(rows: Sequence[Row], heads: Sequence[str], weights: Path, *, minutes: float, seed: int = 0) -> Net:
    """Return the average of the net's weights over the last steps of `minutes` of training on the rows of part train.

    The learning rate falls to nothing with the time, so any length ends well; three passes are enough. `weights` is the
    folder of the pretrained encoder.
    """
    torch.manual_seed(seed)
    shuffle = random.Random(seed)
    learnt = [row for row in rows if row.part == "train"]
    pieces = tokenised([row.text for row in learnt], weights)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    net: Net = pretrained(weights, len(heads)).to(device)
    labels, masks = _targets(learnt, heads)
    balance = _balance(labels, masks).to(device)
    dense, sparse = _optimisers(net)
    average = {name: value.detach().clone() for name, value in net.state_dict().items()}
    began, steps = time.monotonic(), 0
    net.train()
    while True:
        for batch in _batches(pieces, shuffle):
            share = (time.monotonic() - began) / (60.0 * minutes)
            if share >= 1.0:
                net.load_state_dict(average)
                net.eval().cpu()
                return net
            _pace(dense, sparse, min(1.0, (steps + 1) / _WARM_UP) * (1.0 - share))
            ids, kept = packed([pieces[place] for place in batch])
            with torch.autocast(device, torch.bfloat16):
                logits = net(ids.to(device), kept.to(device))
            _step(net, dense, sparse, _loss(logits.float(), labels[batch].to(device), masks[batch].to(device), balance))
            steps += 1
            if steps % _AVERAGED_EVERY == 0:
                _follow(average, net, min(0.98, steps / (steps + 100)))


def tokenised(texts: Sequence[str], weights: Path) -> list[list[int]]:
    """Return the word pieces of normalised texts, at most `PIECES` of each."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(weights / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(PIECES)
    return [list(encoding.ids) for encoding in tokenizer.encode_batch(list(texts))]


def packed(pieces: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Return ids and which of them are no padding, both (n, longest)."""
    longest = max(map(len, pieces))
    ids = torch.zeros(len(pieces), longest, dtype=torch.long)
    for row, own in enumerate(pieces):
        ids[row, : len(own)] = torch.tensor(own)
    lengths = torch.tensor([len(own) for own in pieces])
    return ids, torch.arange(longest)[None, :] < lengths[:, None]


def _batches(pieces: Sequence[Sequence[int]], shuffle: random.Random) -> Iterator[list[int]]:
    """Yield places of texts of like length, in random order."""
    order = list(range(len(pieces)))
    shuffle.shuffle(order)
    found: list[list[int]] = []
    for begin in range(0, len(order), BATCH * _MEGABATCH):
        near = sorted(order[begin : begin + BATCH * _MEGABATCH], key=lambda place: len(pieces[place]))
        found += [near[start : start + BATCH] for start in range(0, len(near), BATCH)]
    shuffle.shuffle(found)
    yield from found


def _targets(rows: Sequence[Row], heads: Sequence[str]) -> tuple[Tensor, Tensor]:
    """Return labels and the weight of each, zero where a head has none, both (n, n_heads)."""
    labels, masks = torch.zeros(len(rows), len(heads)), torch.zeros(len(rows), len(heads))
    place = {name: column for column, name in enumerate(heads)}
    for number, row in enumerate(rows):
        for name, value in row.labels.items():
            labels[number, place[name]], masks[number, place[name]] = float(value), row.weight
    return labels, masks


def _balance(labels: Tensor, masks: Tensor) -> Tensor:
    """Return the weight of a positive, a head: the root of negatives over positives, at most six."""
    positive = (labels * (masks > 0)).sum(0)
    return (((masks > 0).sum(0) - positive) / positive.clamp(min=1)).sqrt().clamp(1.0, _MOST_POSITIVE_WEIGHT)


def _loss(logits: Tensor, labels: Tensor, masks: Tensor, balance: Tensor) -> Tensor:
    aimed = labels * (1.0 - 2.0 * _SMOOTHED) + _SMOOTHED
    each = nn.functional.binary_cross_entropy_with_logits(logits, aimed, reduction="none", pos_weight=balance)
    return (each * masks).sum() / masks.sum().clamp(min=1.0)


def _optimisers(net: Net) -> tuple[Any, Any]:
    """Return the optimiser of all but the word pieces, and theirs, which moves only those of the batch."""
    groups = []
    layers = [[net.pos, net.n], *[[block] for block in net.blocks], [net.head]]
    for number, modules in enumerate(layers):
        rate = HEAD_RATE if number == len(layers) - 1 else RATE * LAYER_DECAY ** (len(layers) - 2 - number)
        own = [parameter for module in modules for parameter in module.parameters()]
        own += [net.kind] if number == 0 else []
        for decay, chosen in ((0.01, [p for p in own if p.ndim > 1]), (0.0, [p for p in own if p.ndim < 2])):
            groups.append({"params": chosen, "lr": rate, "full": rate, "weight_decay": decay})
    dense = torch.optim.AdamW(groups, betas=(0.9, 0.98), fused=True)
    return dense, torch.optim.SparseAdam([net.word.weight], lr=WORD_RATE, betas=(0.9, 0.98))


def _pace(dense: Any, sparse: Any, factor: float) -> None:
    for group in dense.param_groups:
        group["lr"] = group["full"] * factor
    sparse.param_groups[0]["lr"] = WORD_RATE * factor


def _step(net: Net, dense: Any, sparse: Any, loss: Tensor) -> None:
    dense.zero_grad()
    sparse.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_([p for p in net.parameters() if p is not net.word.weight], 1.0)
    dense.step()
    sparse.step()


def _follow(average: dict[str, Tensor], net: Net, kept: float) -> None:
    with torch.no_grad():
        for name, value in net.state_dict().items():
            average[name].lerp_(value, 1.0 - kept)


def arrays_of(net: Net) -> dict[str, np.ndarray[Any, Any]]:
    """Return the parameters by name, as `graph.encoder_graph` and `heads` take them."""
    return {name: value.detach().float().numpy() for name, value in net.state_dict().items()}
