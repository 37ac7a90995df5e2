"""The types that products are computed in."""

from typing import Literal, TypeAlias, get_args

DType: TypeAlias = Literal["float32", "float64", "bfloat16", "float16"]
COMPUTE_TYPES: tuple[DType, ...] = get_args(DType)
