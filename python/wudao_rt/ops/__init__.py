"""The engine's ops on NumPy arrays, each with its backward.

They are the very code that models run; use them to check a formula, to teach, or to test a kernel. Every function takes
`dtype`, the type of the computation: "float32", "float64", "bfloat16" or "float16" (default: float64 for float64
arrays, else float32). With the halves float32 arrays are rounded going in and the result is widened coming out, as a
model does; parameters (gamma, bias, ...) stay in float32.

Shape letters: B batch, T time, C channels, H heads, D head width, V vocabulary, N = B T rows.
"""

from wudao_rt.ops.attention import attention, attention_backward
from wudao_rt.ops.codes import (
    code_divergence,
    fsq,
    fsq_backward,
    fsq_codes,
    fsq_vectors,
    gumbel_quantize,
    gumbel_quantize_backward,
    vq_assign,
    vq_quantize,
    vq_quantize_backward,
)
from wudao_rt.ops.maps import (
    conv2d,
    conv2d_backward,
    conv_transpose2d,
    conv_transpose2d_backward,
    group_norm,
    group_norm_backward,
    relu,
    relu_backward,
    swish,
    swish_backward,
    upsample_nearest,
    upsample_nearest_backward,
)
from wudao_rt.ops.products import (
    linear,
    linear_backward,
    log_softmax,
    log_softmax_backward,
    matmul,
    matmul_backward,
    output_loss,
    output_loss_backward,
)
from wudao_rt.ops.rows import (
    add,
    add_backward,
    dropout,
    dropout_backward,
    embedding,
    embedding_backward,
    gelu,
    gelu_backward,
    layer_norm,
    layer_norm_backward,
)
from wudao_rt.ops.update import adamw, global_norm, newton_schulz

__all__ = [
    "adamw",
    "add",
    "add_backward",
    "attention",
    "attention_backward",
    "code_divergence",
    "conv2d",
    "conv2d_backward",
    "conv_transpose2d",
    "conv_transpose2d_backward",
    "dropout",
    "dropout_backward",
    "embedding",
    "embedding_backward",
    "fsq",
    "fsq_backward",
    "fsq_codes",
    "fsq_vectors",
    "gelu",
    "gelu_backward",
    "global_norm",
    "group_norm",
    "group_norm_backward",
    "gumbel_quantize",
    "gumbel_quantize_backward",
    "layer_norm",
    "layer_norm_backward",
    "linear",
    "linear_backward",
    "log_softmax",
    "log_softmax_backward",
    "matmul",
    "matmul_backward",
    "newton_schulz",
    "output_loss",
    "output_loss_backward",
    "relu",
    "relu_backward",
    "swish",
    "swish_backward",
    "upsample_nearest",
    "upsample_nearest_backward",
    "vq_assign",
    "vq_quantize",
    "vq_quantize_backward",
]
