// _core.generate, and the cache and decoder under it. wudao_rt.generation documents them.
#include <pybind11/stl.h>

#include "glm.h"
#include "wudao/base/error.h"
#include "wudao/infer/generation.h"

namespace wudao::python {
namespace {

infer::Options read_options(const py::dict& dict) {
  infer::Options options;
  options.marks = {dict["sop"].cast<std::int32_t>(), dict["eop"].cast<std::int32_t>(),
                   dict["eos"].cast<std::int32_t>()};
  options.rules.max_new_tokens = dict["max_new_tokens"].cast<std::int64_t>();
  options.rules.min_new_tokens = dict["min_new_tokens"].cast<std::int64_t>();
  options.rules.repetition_penalty = dict["repetition_penalty"].cast<double>();
  options.rules.no_repeat_ngram = dict["no_repeat_ngram"].cast<std::int64_t>();
  options.rules.forbidden = dict["forbidden_ids"].cast<std::vector<std::int32_t>>();
  options.sampling.temperature = dict["temperature"].cast<double>();
  options.sampling.top_k = dict["top_k"].cast<std::int64_t>();
  options.sampling.top_p = dict["top_p"].cast<double>();
  options.num_samples = dict["num_samples"].cast<std::int64_t>();
  options.num_beams = dict["num_beams"].cast<std::int64_t>();
  options.length_penalty = dict["length_penalty"].cast<double>();
  options.seed = dict["seed"].cast<std::uint64_t>();
  options.max_streams = dict["max_streams"].cast<std::int64_t>();
  if (dict["cache"].cast<std::string>() == "int8") options.cache = infer::CacheForm::kInt8;
  return options;
}

using PromptPair = std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>>;

std::vector<infer::Prompt> read_prompts(std::vector<PromptPair> pairs) {
  std::vector<infer::Prompt> prompts;
  for (PromptPair& pair : pairs) prompts.push_back({std::move(pair.first), std::move(pair.second)});
  return prompts;
}

py::dict to_dict(const infer::Blank& blank) {
  return py::dict(py::arg("token_ids") = blank.tokens, py::arg("token_log_probs") = blank.token_log_probs,
                  py::arg("end_log_prob") = blank.end_log_prob,
                  py::arg("finish_reason") = infer::name_of(blank.finish));
}

py::dict to_dict(const infer::Result& result) {
  py::list blanks;
  for (const infer::Blank& blank : result.blanks) blanks.append(to_dict(blank));
  return py::dict(py::arg("prompt") = result.prompt, py::arg("sample") = result.sample, py::arg("blanks") = blanks,
                  py::arg("score") = result.score);
}

// Hands new tokens to Python; false when it asks to stop. Also where Ctrl-C is noticed.
bool report(const std::vector<infer::Event>& events, const py::object& listener) {
  if (PyErr_CheckSignals() != 0) throw py::error_already_set();
  if (listener.is_none()) return true;
  for (const infer::Event& event : events) {
    if (listener(event.prompt, event.sample, event.blank, event.token).is(py::bool_(false))) return false;
  }
  return true;
}

py::list generate(GlmObject& self, std::vector<PromptPair> prompts, const py::dict& options,
                  const py::object& listener) {
  self.glm.require_values("generate");
  const auto generation = infer::generate(self.ctx, self.glm, read_prompts(std::move(prompts)), read_options(options));
  for (bool more = true; more;) {
    {
      const py::gil_scoped_release release;
      const std::lock_guard lock(self.busy);  // not held while Python looks at the tokens
      more = generation->step();
    }
    if (report(generation->take_events(), listener)) continue;
    generation->cancel();
    break;
  }
  py::list results;
  for (const infer::Result& result : generation->take_results()) results.append(to_dict(result));
  return results;
}

}  // namespace
}  // namespace wudao::python

void bind_infer(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  m.def("generate", &generate, py::arg("model"), py::arg("prompts"), py::arg("options"),
        py::arg("listener") = py::none(),
        "Fill the blanks of prompts [(ids, mask indices)]; the listener gets (prompt, sample, blank, token).");
}
