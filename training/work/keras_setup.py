"""Keras on TensorFlow: loaded silently, with initial weights that depend on a seed alone."""
from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["initializers", "load_keras"]


def load_keras() -> Any:
    """Keras, with TensorFlow loaded too; ImportError if it is not installed."""
    # before TensorFlow is loaded, which prints details of the processor
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "keras" not in sys.modules:
        with _silent_stderr():
            import keras
            import tensorflow as tf

            tf.zeros(1)  # it prints the rest at the first computation
        # it warns that a graph is compiled for each network
        tf.get_logger().setLevel("ERROR")
    import keras

    return keras


def initializers(seed: int) -> Iterator[Any]:
    """Keras's own initializers of weights, one for each layer in turn, the same for a seed in any process.

    Their seeds are not drawn from Python's common generator, from which threads of Dask draw as well.
    """
    keras = load_keras()
    seeds = random.Random(seed)
    while True:
        yield keras.initializers.GlorotUniform(seed=seeds.randint(1, 10**9))


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Silence the error output, that of C code too; print it after an exception."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as written:
        os.dup2(written.fileno(), 2)
        try:
            yield
        except BaseException:
            written.seek(0)
            os.write(kept, written.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)
