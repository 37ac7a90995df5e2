#include "optimizer.h"

#include <string>

#include "arrays.h"
#include "wudao/base/error.h"

namespace wudao::python {

optim::OptimizerConfig read_optimizer(const py::dict& dict) {
  optim::OptimizerConfig config;
  for (const auto& [key, value] : dict) {
    const std::string name = py::str(key);
    if (name == "name") {
      const std::string kind = py::str(value);
      if (kind != "adamw" && kind != "muon") fail<ConfigError>("optimizer", "name", "adamw or muon", '"' + kind + '"');
      config.muon = kind == "muon";
    } else if (name == "newton_schulz")
      config.newton_schulz = parse_dtype(py::str(value));
    else if (name == "beta1")
      config.beta1 = value.cast<double>();
    else if (name == "beta2")
      config.beta2 = value.cast<double>();
    else if (name == "eps")
      config.eps = value.cast<double>();
    else if (name == "weight_decay")
      config.weight_decay = value.cast<double>();
    else if (name == "momentum")
      config.momentum = value.cast<double>();
    else
      fail<ConfigError>("optimizer", "key", "name, newton_schulz, beta1, beta2, eps, weight_decay or momentum", name);
  }
  return config;
}

}  // namespace wudao::python
