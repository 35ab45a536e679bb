"""A small causal transformer that predicts the next character; pre-norm, as GPT-2 (Radford et al. 2019)."""

from benchmarks.models.layer import Spec
from benchmarks.models.layers import GELU, Attention, Dense, Embedding, LayerNorm, PositionEmbedding, Residual

BLOCKS, WIDTH, HEADS = 2, 64, 4


def layers(n_classes: int) -> Spec:
    """Two blocks of width 64 with four heads; `n_classes` is the size of the vocabulary."""
    attention = Residual((LayerNorm(), Attention(HEADS)))
    feed_forward = Residual((LayerNorm(), Dense(4 * WIDTH), GELU(), Dense(WIDTH)))
    blocks = [layer for _ in range(BLOCKS) for layer in (attention, feed_forward)]
    return [Embedding(n_classes, WIDTH), PositionEmbedding(), *blocks, LayerNorm(), Dense(n_classes)]
