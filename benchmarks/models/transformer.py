"""A small causal transformer, norms first (Radford et al. 2019, GPT-2, section 2.3): the next character."""

from benchmarks.models.layer import Spec
from benchmarks.models.layers import GELU, Attention, Dense, Embedding, LayerNorm, PositionEmbedding, Residual

BLOCKS, WIDTH, HEADS = 2, 64, 4


def layers(n_classes: int) -> Spec:
    """Two blocks, 64 wide, four heads; the vocabulary is that of the classes."""
    attention = Residual((LayerNorm(), Attention(HEADS)))
    feed_forward = Residual((LayerNorm(), Dense(4 * WIDTH), GELU(), Dense(WIDTH)))
    blocks = [layer for _ in range(BLOCKS) for layer in (attention, feed_forward)]
    return [Embedding(n_classes, WIDTH), PositionEmbedding(), *blocks, LayerNorm(), Dense(n_classes)]
