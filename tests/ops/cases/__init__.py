"""The case tables, one file per op."""

from cases import (
    attention,
    codes,
    dropout,
    elementwise,
    embedding,
    layer_norm,
    linear,
    log_softmax,
    maps,
    matmul,
    output_loss,
    update,
)

_MODULES = (attention, codes, dropout, elementwise, embedding, layer_norm, linear, log_softmax, maps, matmul, output_loss,
            update)
CASES = [case for module in _MODULES for case in module.CASES]
