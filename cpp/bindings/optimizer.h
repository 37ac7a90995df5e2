// How an optimizer is described in Python.
#pragma once

#include <pybind11/pybind11.h>

#include "wudao/optim/optimizer.h"

namespace wudao::python {

// {"name": "adamw" | "muon", "beta1": ...}; ConfigError for what it does not know.
optim::OptimizerConfig read_optimizer(const pybind11::dict& dict);

}  // namespace wudao::python
