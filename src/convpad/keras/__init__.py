"""Keras layers with any padding: Keras's own, under their own names, and `Padding1D` to `Padding3D`.

They run on Keras's backend: JAX, TensorFlow or PyTorch. `data_format=None` is Keras's `image_data_format`.
"""

from __future__ import annotations

try:
    import keras as _keras  # noqa: F401
except ModuleNotFoundError as _error:
    from convpad.core.errors import without_keras

    raise without_keras("convpad.keras", _error) from _error

from convpad.keras.convolution import (
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Conv3D,
    Conv3DTranspose,
    DepthwiseConv1D,
    DepthwiseConv2D,
    SeparableConv1D,
    SeparableConv2D,
)
from convpad.keras.padding import (
    Padding1D,
    Padding2D,
    Padding3D,
    ZeroPadding1D,
    ZeroPadding2D,
    ZeroPadding3D,
    spatial_2d_padding,
    spatial_3d_padding,
    temporal_padding,
)
from convpad.keras.pooling import (
    AveragePooling1D,
    AveragePooling2D,
    AveragePooling3D,
    MaxPooling1D,
    MaxPooling2D,
    MaxPooling3D,
)
from convpad.keras.upsampling import UpSampling2D

# Keras's other names for them.
Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D

__all__ = [
    "AveragePooling1D",
    "AveragePooling2D",
    "AveragePooling3D",
    "AvgPool1D",
    "AvgPool2D",
    "AvgPool3D",
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
    "Convolution1D",
    "Convolution1DTranspose",
    "Convolution2D",
    "Convolution2DTranspose",
    "Convolution3D",
    "Convolution3DTranspose",
    "DepthwiseConv1D",
    "DepthwiseConv2D",
    "MaxPool1D",
    "MaxPool2D",
    "MaxPool3D",
    "MaxPooling1D",
    "MaxPooling2D",
    "MaxPooling3D",
    "Padding1D",
    "Padding2D",
    "Padding3D",
    "SeparableConv1D",
    "SeparableConv2D",
    "SeparableConvolution1D",
    "SeparableConvolution2D",
    "UpSampling2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
    "ZeroPadding3D",
    "spatial_2d_padding",
    "spatial_3d_padding",
    "temporal_padding",
]
