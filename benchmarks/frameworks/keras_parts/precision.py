"""float64 that stays float64: Keras's rules of promotion make it float32 on JAX and PyTorch."""

from keras.src.backend.common import dtypes


def promote_to(precision: str) -> None:
    """What an operation in float64 gives: float64 only where the training is in that precision.

    Keras halves 64 bits "to be aligned with JAX's default behavior", whatever `floatx` and the dtype policy
    say: every norm on JAX, and nearly every operation on PyTorch, computes in float32. There is no public
    setting; this is the table that its `result_type` ends with.
    """
    dtypes.BIT64_TO_BIT32_DTYPE["float64"] = precision
