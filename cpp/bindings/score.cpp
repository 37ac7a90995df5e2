// _core.log_probs and _core.best_ids. wudao_rt.scoring documents them.
#include "wudao/infer/score.h"

#include "glm.h"

namespace wudao::python {
namespace {

template <class Function>
py::array run(GlmObject& self, const py::dict& dict, Function function) {
  self.glm.require_values("score");
  const train::Batch batch = read_batch("score", self.glm.config(), dict);
  const infer::Scored rows = {{batch.ids, batch.positions, batch.block_positions, {batch.batch, batch.sep, batch.mask}},
                              batch.targets, batch.loss_mask};
  Tensor out;
  {
    const py::gil_scoped_release release;
    const std::lock_guard lock(self.busy);
    out = function(self.ctx, self.glm, rows);
  }
  return to_numpy(out.reshape({batch.batch, batch.length}));
}

}  // namespace
}  // namespace wudao::python

void bind_score(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  m.def("log_probs", [](GlmObject& model, const py::dict& batch) { return run(model, batch, wudao::infer::log_probs); },
        py::arg("model"), py::arg("batch"), "Return log p of the target where loss_mask is not 0, else 0, (B, T).");
  m.def("best_ids", [](GlmObject& model, const py::dict& batch) { return run(model, batch, wudao::infer::best_ids); },
        py::arg("model"), py::arg("batch"), "Return the most probable id where loss_mask is not 0, else -1, (B, T).");
}
