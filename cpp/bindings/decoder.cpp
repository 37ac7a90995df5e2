// _core.KvCache and _core.Decoder: cached decoding step by step, for those who write their own search.
#include "wudao/infer/decoder.h"

#include <pybind11/stl.h>

#include "glm.h"
#include "wudao/base/error.h"
#include "wudao/infer/request.h"
#include "wudao/ops/op.h"

namespace wudao::python {
namespace {

struct DecoderObject {
  DecoderObject(py::object model, std::int64_t chunk_rows)
      : owner(std::move(model)), glm(owner.cast<GlmObject&>()), decoder(glm.ctx, glm.glm, chunk_rows) {
    glm.glm.require_values("decode");
  }
  py::object owner;  // keeps the model alive
  GlmObject& glm;
  infer::Decoder decoder;
};

// (cache, ids, positions, block_positions, bidirectional)
using FeedTuple = std::tuple<infer::KvCache*, py::object, py::object, py::object, bool>;

std::vector<infer::Token> read_tokens(const model::GLMConfig& config, const FeedTuple& feed) {
  constexpr const char* op = "decode";
  const Tensor ids = int32_tensor(op, "ids", std::get<1>(feed));
  ops::check_shape(op, "ids", ids, {ids.size()});
  ops::check_ids(op, "ids", ids, config.vocab_size);
  const Tensor positions = int32_tensor(op, "positions", std::get<2>(feed));
  const Tensor blocks = int32_tensor(op, "block_positions", std::get<3>(feed));
  for (const Tensor* tensor : {&positions, &blocks}) {
    const char* argument = tensor == &positions ? "positions" : "block_positions";
    ops::check_shape(op, argument, *tensor, ids.shape());
    ops::check_ids(op, argument, *tensor, infer::position_rows(config));
  }
  std::vector<infer::Token> tokens;
  for (std::int64_t i = 0; i < ids.size(); ++i) {
    tokens.push_back({ids.data<std::int32_t>()[i], positions.data<std::int32_t>()[i], blocks.data<std::int32_t>()[i]});
  }
  return tokens;
}

infer::Rows read_rows(const std::string& rows) {
  if (rows == "none") return infer::Rows::kNone;
  if (rows == "last") return infer::Rows::kLast;
  if (rows == "all") return infer::Rows::kAll;
  fail<ConfigError>("decode", "rows", "none, last or all", '"' + rows + '"');
}

py::object run(DecoderObject& self, const std::vector<FeedTuple>& tuples, const std::string& rows) {
  const infer::Rows wanted = read_rows(rows);
  std::vector<std::vector<infer::Token>> tokens;
  for (const FeedTuple& tuple : tuples) tokens.push_back(read_tokens(self.glm.glm.config(), tuple));
  std::vector<infer::Feed> feeds;
  for (std::size_t i = 0; i < tuples.size(); ++i) {
    feeds.push_back({std::get<0>(tuples[i]), tokens[i], std::get<4>(tuples[i])});
  }
  Tensor logits;
  {
    const py::gil_scoped_release release;
    const std::lock_guard lock(self.glm.busy);
    logits = self.decoder.run(feeds, wanted);
  }
  return logits.defined() ? py::object(to_numpy(logits)) : py::object(py::none());
}

}  // namespace
}  // namespace wudao::python

void bind_decoder(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  using wudao::infer::KvCache;
  py::class_<KvCache>(m, "KvCache")
      .def(py::init([](const GlmObject& model, bool int8) {
             return KvCache(model.glm, int8 ? wudao::infer::CacheForm::kInt8 : wudao::infer::CacheForm::kFloat);
           }),
           py::arg("model"), py::arg("int8") = false)
      .def_property_readonly("length", &KvCache::length);
  py::class_<DecoderObject>(m, "Decoder")
      .def(py::init<py::object, std::int64_t>(), py::arg("model"), py::arg("chunk_rows") = 1024)
      .def(
          "fork", [](DecoderObject& self, const KvCache& cache) { return cache.fork(self.glm.ctx); }, py::arg("cache"))
      .def("run", &run, py::arg("feeds"), py::arg("rows") = "last",
           "Append tokens [(cache, ids, positions, block_positions, bidirectional)]; return the logits wanted.");
}
