// Gates and losses from Python's dicts.
#pragma once

#include "arrays.h"
#include "wudao/moe/config.h"

namespace wudao::python {

moe::Gate read_gate(const py::dict& dict);
moe::LayerConfig read_layer(const py::dict& dict);
moe::LossWeights read_weights(const py::dict& dict);

}  // namespace wudao::python
