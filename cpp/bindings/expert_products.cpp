// For benches: the products of experts alone, part by part, on operands that stay here.
#include <pybind11/pybind11.h>

#include <chrono>
#include <string>

#include "arrays.h"
#include "noise.h"
#include "runtime.h"
#include "wudao/base/error.h"
#include "wudao/kernels/experts.h"

namespace wudao::python {
namespace {

using Clock = std::chrono::steady_clock;

enum class Part { kForward, kInput, kWeight };

Part parse_part(const std::string& name) {
  if (name == "forward") return Part::kForward;
  if (name == "input") return Part::kInput;
  if (name == "weight") return Part::kWeight;
  fail<ConfigError>("expert_products", "part", "forward, input or weight", '"' + name + '"');
}

// One linear layer of every expert, all of them with as many rows.
class ExpertProducts {
 public:
  ExpertProducts(const std::string& part, const std::string& dtype, std::int64_t experts, std::int64_t rows, std::int64_t in,
                 std::int64_t out)
      : ctx_(runtime().context()), part_(parse_part(part)), type_(parse_dtype(dtype)), experts_(experts), in_(in), out_(out) {
    for (const std::int64_t size : {experts, rows, in, out}) {
      if (size < 1) fail<ShapeError>("expert_products", "size", "at least 1", std::to_string(size));
    }
    const py::gil_scoped_release release;
    given_ = noise(ctx_, {experts * rows, part_ == Part::kForward ? in : out}, type_);
    if (part_ == Part::kWeight) {
      x_ = noise(ctx_, {experts * rows, in}, type_);
      made_ = ctx_.empty({experts, out, in}, accumulator_of(type_));
    } else {
      weights_ = noise(ctx_, {experts, out, in}, accumulator_of(type_));
      made_ = ctx_.empty({experts * rows, part_ == Part::kForward ? out : in}, type_);
    }
    cut(rows);
  }

  // Of one product. `packing`: the weights have changed, as after an optimizer's step, and are packed within the time.
  double seconds(bool packing) {
    const py::gil_scoped_release release;
    packed_ = packing || !weights_.defined() ? nullptr : &weights_.storage().packed();
    const auto begin = Clock::now();
    part_ == Part::kForward ? forward() : backward();
    return std::chrono::duration<double>(Clock::now() - begin).count();
  }

 private:
  void cut(std::int64_t rows) {
    begin_ = ctx_.empty({experts_ + 1}, DType::kInt64);
    shard_begin_ = ctx_.empty({experts_, 2}, DType::kInt64);
    tasks_ = ctx_.empty({experts_ + 1}, DType::kInt64);
    for (std::int64_t e = 0; e <= experts_; ++e) begin_.data<std::int64_t>()[e] = e * rows;
    for (std::int64_t i = 0; i < 2 * experts_; ++i) shard_begin_.data<std::int64_t>()[i] = (i + 1) / 2 * rows;
  }

  void forward() {
    ctx_.kernels->experts_forward({given_.raw(), weights_.raw(), packed_, nullptr, made_.raw(), nullptr,
                                   begin_.data<std::int64_t>(), tasks_.data<std::int64_t>(), type_, type_,
                                   kernels::Activation::kNone, experts_, in_, out_, ctx_.pool.get()});
  }

  void backward() {
    kernels::ExpertsBackward p = {};
    p.dy = p.du = given_.raw();
    if (part_ == Part::kWeight) {
      p.x = x_.raw();
      p.dweights = made_.raw();
    } else {
      p.weights = weights_.raw();
      p.packed = packed_;
      p.dx = made_.raw();
    }
    p.begin = begin_.data<std::int64_t>();
    p.shard_begin = shard_begin_.data<std::int64_t>();
    p.tasks = tasks_.data<std::int64_t>();
    p.compute = p.y_type = type_;
    p.experts = experts_;
    p.in = in_;
    p.out = out_;
    p.all_shards = p.shards = 1;
    p.pool = ctx_.pool.get();
    ctx_.kernels->experts_backward(p);
  }

  Context ctx_;
  Part part_;
  DType type_;
  std::int64_t experts_, in_, out_;
  PackedForms* packed_ = nullptr;
  Tensor given_, x_, weights_, made_;  // x or dy; x beside dy; W; y, dx or dW
  Tensor begin_, shard_begin_, tasks_;
};

}  // namespace
}  // namespace wudao::python

void bind_expert_products(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  py::class_<ExpertProducts>(m, "ExpertProducts",
                             "The products of experts alone: \"forward\", \"input\" or \"weight\" gradients.")
      .def(py::init<const std::string&, const std::string&, std::int64_t, std::int64_t, std::int64_t, std::int64_t>(),
           py::arg("part"), py::arg("dtype"), py::arg("experts"), py::arg("rows"), py::arg("in_"), py::arg("out"))
      .def("seconds", &ExpertProducts::seconds, py::arg("packing"), "Return the seconds of one product of every expert.");
}
