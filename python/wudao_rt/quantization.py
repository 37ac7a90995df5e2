"""Weights of few bits: int8 with a scale for each row, int4 with a scale for each 64 weights of a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from wudao_rt.config.settings import refuse_unknown
from wudao_rt.errors import ConfigError, ShapeError, shown

if TYPE_CHECKING:
    from wudao_rt.ops.types import Array

Format = Literal["int8", "int4"]
BITS = {"int8": 8, "int4": 4}
GROUP = 64  # weights of a row that share a scale in int4
LINEARS = ("attention.query_key_value", "attention.dense", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h")


def quantize_int8(weight: Array) -> tuple[Array, Array]:
    """Round a matrix to int8.

    scale = max |w| / 127 of the row;  code = round(w / scale), ties to even

    Args:
        weight: (out, in) float.

    Returns:
        Codes (out, in) int8 and scales (out, 1) float32. |w - scale code| is at most half a scale.

    Source: Zeng et al. 2022, "GLM-130B: An open bilingual pre-trained model", section 4.

    Example:
        >>> codes, scales = quantize_int8(np.array([[1.0, -2.0, 0.5, 0.0]]))
        >>> codes.tolist()
        [[64, -127, 32, 0]]
    """
    weight = np.asarray(weight, np.float32)
    scales = np.abs(weight).max(axis=1, keepdims=True) / np.float32(127)
    codes = np.rint(weight / np.where(scales == 0, 1, scales))
    return codes.astype(np.int8), scales.astype(np.float32)


def quantize_int4(weight: Array) -> tuple[Array, Array]:
    """Round a matrix to int4 by groups of 64 weights.

    code = round(w / scale), from -8 to 7; of the scales max |w| / 7 and -w / 8 for the w with the largest |w|, rounded
    to bfloat16, the one with the smaller squared error counts. No weight is cut off: smaller scales that cut the
    largest ones lower the squared error further, but models lose more by them.

    Args:
        weight: (out, in) float, `in` a multiple of 64.

    Returns:
        Codes (out, in) int8 and scales (out, in / 64) float32 that are bfloat16 values.
    """
    groups = np.asarray(weight, np.float32).reshape(len(weight), -1, GROUP)
    widest = np.take_along_axis(groups, np.abs(groups).argmax(axis=2)[:, :, None], axis=2)
    symmetric, shifted = (_round_int4(groups, scales) for scales in (np.abs(widest) / 7, widest / -8))
    better = shifted.error < symmetric.error
    codes = np.where(better, shifted.codes, symmetric.codes)
    return codes.reshape(weight.shape), np.where(better, shifted.scales, symmetric.scales)[:, :, 0]


class _Int4(NamedTuple):
    codes: Array  # (out, groups, 64) int8
    scales: Array  # (out, groups, 1)
    error: Array  # squared, of a group


def _round_int4(groups: Array, scales: Array) -> _Int4:
    scales = _as_bfloat16(scales)
    codes = np.clip(np.rint(groups / np.where(scales == 0, 1, scales)), -8, 7).astype(np.int8)
    return _Int4(codes, scales, np.square(groups - codes * scales).sum(axis=2, keepdims=True))


def pack_int4(codes: Array) -> Array:
    """Pack codes from -7 to 7 as the engine reads them: eight, with 8 added to each, in four bytes.

    Byte b of the four holds code b in its lower half and code b + 4 in its upper half.

    Args:
        codes: (out, in) int8 from -8 to 7, `in` a multiple of 8.

    Returns:
        (out, in / 2) uint8.

    Example:
        >>> [hex(byte) for byte in pack_int4(np.array([[-7, 0, 1, 2, 3, 4, 5, 7]], np.int8))[0]]
        ['0xb1', '0xc8', '0xd9', '0xfa']
    """
    eights = (codes + 8).astype(np.uint8).reshape(len(codes), -1, 2, 4)
    return (eights[:, :, 0] | eights[:, :, 1] << 4).reshape(len(codes), -1)


def unpack_int4(packed: Array) -> Array:
    """Undo `pack_int4`."""
    fours = packed.reshape(len(packed), -1, 1, 4)
    halves = np.concatenate([fours & 15, fours >> 4], axis=2)
    return (halves.astype(np.int8) - 8).reshape(len(packed), -1)


def dequantize(codes: Array, scales: Array) -> Array:
    """Return scale * code: (out, in) float32 from codes of that shape and scales (out, groups)."""
    groups = codes.reshape(len(codes), scales.shape[1], -1)
    return (groups * scales[:, :, None]).reshape(codes.shape).astype(np.float32)


@dataclass(frozen=True, eq=False)
class QuantizedWeight:
    """Hold a weight of few bits.

    Args:
        codes: uint8, (out, in) for 8 bits (an int8 in each), (out, in / 2) for 4 bits (see `pack_int4`).
        scales: float32, (out, 1) or (out, in / 64).
        bits: 8 or 4.
        activation_bits: 16 or 8, to which the layer's inputs are rounded, row by row.
    """

    codes: Array
    scales: Array
    bits: int
    activation_bits: int = 16

    def dequantized(self) -> Array:
        """Return the weight as float32."""
        return dequantize(self.codes.view(np.int8) if self.bits == 8 else unpack_int4(self.codes), self.scales)


def quantize(weight: Array, form: str, activation_bits: int = 16) -> QuantizedWeight:
    """Round a matrix to "int8" or "int4".

    Raises:
        ConfigError: another format or number of bits.
        ShapeError: rows that are not a multiple of 4 (int8) or 64 (int4).
    """
    check_form(form, activation_bits)
    multiple = 4 if form == "int8" else GROUP
    if weight.ndim != 2 or weight.shape[1] % multiple:
        raise ShapeError(f"quantize: weight: expected a matrix with rows of a multiple of {multiple} for {form}, got "
                         f"shape {weight.shape}. Choose another format.")
    codes, scales = quantize_int8(weight) if form == "int8" else quantize_int4(weight)
    return QuantizedWeight(codes.view(np.uint8) if form == "int8" else pack_int4(codes), scales, BITS[form],
                           activation_bits)


def check_form(form: Any, activation_bits: Any) -> None:
    """Refuse, with a ConfigError, what is no format."""
    refuse_unknown(form, tuple(BITS), "quantize: format")
    if activation_bits not in (8, 16):
        raise ConfigError(f"quantize: activation_bits: expected 8 or 16, got {shown(activation_bits)}. Choose one.")


def quantized_forms(num_layers: int, form: Format) -> dict[str, Format]:
    """Return what is quantised in a model, and how: the linear weights of each block in `form`, the vocabulary in int8.

    The table of the vocabulary is the output projection too.
    """
    linears = [f"transformer.layers.{layer}.{linear}.weight" for layer in range(num_layers) for linear in LINEARS]
    return {"word_embeddings.weight": "int8"} | dict.fromkeys(linears, form)


def _as_bfloat16(x: Array) -> Array:
    """Round float32 to bfloat16 values, to nearest."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)
