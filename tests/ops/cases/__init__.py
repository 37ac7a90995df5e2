"""The case tables, one file per op."""

from cases import attention, dropout, elementwise, embedding, layer_norm, linear, matmul, output_loss, update

CASES = [
    case
    for module in (attention, dropout, elementwise, embedding, layer_norm, linear, matmul, output_loss, update)
    for case in module.CASES
]
