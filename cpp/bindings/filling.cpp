// _core.fill: sequences with some tokens given and the others drawn. wudao_rt.image documents it.
#include "wudao/infer/filling.h"

#include <pybind11/stl.h>

#include "glm.h"

namespace wudao::python {
namespace {

using Pairs = std::vector<std::pair<std::int32_t, std::int32_t>>;  // (id, position)
using SlotTuple = std::tuple<std::int32_t, std::int32_t, std::int32_t, std::int32_t, std::int32_t>;
using SequenceTuple = std::tuple<Pairs, bool, std::vector<SlotTuple>>;  // known, bidirectional, slots

infer::Sequence read_sequence(const SequenceTuple& tuple) {
  const auto& [known, bidirectional, slots] = tuple;
  infer::Sequence sequence;
  sequence.bidirectional = bidirectional;
  for (const auto& [id, position] : known) sequence.known.push_back({id, position, 0});
  for (const auto& [id, position, first, end, stop] : slots) sequence.slots.push_back({id, position, first, end, stop});
  return sequence;
}

std::vector<infer::Request> read_requests(const std::vector<SequenceTuple>& asked,
                                          const std::vector<SequenceTuple>& plain) {
  std::vector<infer::Request> requests;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    requests.push_back({read_sequence(asked[i]), i < plain.size() ? read_sequence(plain[i]) : infer::Sequence{}});
  }
  return requests;
}

infer::FillOptions read_options(const py::dict& dict) {
  infer::FillOptions options;
  options.sampling = {dict["temperature"].cast<double>(), dict["top_k"].cast<std::int64_t>(),
                      dict["top_p"].cast<double>(), true};
  options.guidance = dict["guidance"].cast<double>();
  options.num_samples = dict["n"].cast<std::int64_t>();
  options.seed = dict["seed"].cast<std::uint64_t>();
  options.max_streams = dict["max_streams"].cast<std::int64_t>();
  return options;
}

py::list fill(GlmObject& self, const std::vector<SequenceTuple>& sequences, const py::dict& options,
              const std::vector<SequenceTuple>& plain, const py::object& listener) {
  self.glm.require_values("draw");
  infer::Filling filling(self.ctx, self.glm, read_requests(sequences, plain), read_options(options));
  for (bool more = true; more;) {
    {
      const py::gil_scoped_release release;
      const std::lock_guard lock(self.busy);
      more = filling.step();
    }
    if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    if (!listener.is_none()) listener(filling.drawn());
  }
  py::list results;
  for (const infer::Filled& one : filling.take_results()) {
    results.append(py::make_tuple(one.sequence, one.sample, one.ids));
  }
  return results;
}

}  // namespace
}  // namespace wudao::python

void bind_filling(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  m.def("fill", &fill, py::arg("model"), py::arg("sequences"), py::arg("options"),
        py::arg("plain") = std::vector<SequenceTuple>{}, py::arg("listener") = py::none(),
        "Draw the slots (id or -1, position, first, end, stop) of sequences (known [(id, position)], bidirectional, "
        "slots), guided away from `plain`; the listener gets the number of tokens drawn. Return [(sequence, sample, ids)].");
}
