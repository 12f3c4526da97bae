"""TensorFlow: tensors are `tf.Tensor` and `tf.Variable`, symbolic ones too.

TensorFlow's CPU kernels know channels last alone, so channels-first tensors are transposed around them. One
spatial axis is computed as two, the first of length 1, because only the 2-D kernels take explicit pads.
"""

from __future__ import annotations

from convpad.backends.base import Backend
from convpad.backends.tensorflow import convolutions, padding, plain, tensors


class TensorflowBackend(Backend):
    """The functions of the files of this folder, as methods."""

    name = "tensorflow"
    has_wide_slice_gradients = True


BACKEND = TensorflowBackend(convolutions, padding, tensors, plain=plain)
