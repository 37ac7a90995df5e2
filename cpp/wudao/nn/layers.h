// The layers of a transformer block. A layer owns its parameters and writes its forward pass on the tape.
#pragma once

#include <memory>
#include <vector>

#include "wudao/autograd/tape.h"
#include "wudao/nn/parameter.h"
#include "wudao/ops/layer_norm.h"
#include "wudao/ops/linear.h"

namespace wudao::nn {

using ParameterPtr = std::shared_ptr<Parameter>;

// Makes the parameters of a model in their order, draws their first values and remembers them by name.
class ParameterList {
 public:
  ParameterList(Context& ctx, DType dtype, std::uint64_t seed, bool dry_run)
      : ctx_(ctx), dtype_(dtype), seed_(seed), dry_run_(dry_run) {}

  // N(0, std), decayed. The values are numbers `first`, `first` + 1, ... of the parameter's stream: a part of a parameter
  // that others have the rest of is drawn as it would be in the whole.
  ParameterPtr normal(const std::string& name, Shape shape, double std, std::int64_t first = 0);
  ParameterPtr uniform(const std::string& name, Shape shape, double bound, bool decay);  // in [-bound, bound)
  ParameterPtr constant(const std::string& name, Shape shape, double value);  // not decayed
  const std::vector<ParameterPtr>& all() const { return all_; }

 private:
  ParameterPtr keep(const std::string& name, const Shape& shape, bool decay);
  Context& ctx_;
  DType dtype_;
  std::uint64_t seed_;
  bool dry_run_;  // names and shapes only; no memory is taken
  std::vector<ParameterPtr> all_;
};

// Numbers that a forward pass needs besides its input.
struct Pass {
  Tape& tape;
  DType compute;         // type of matrix products; the residual stream is in its accumulator type
  double dropout = 0.0;  // 0 outside of training
  bool int8 = false;     // products of linear layers with factors rounded to 8 bits
  bool training = false;  // whether routers may draw random numbers and experts be full
  Tensor pictures = {};   // (rows,) uint8: whether a row is of a picture; undefined: they are not told apart

  DType stream() const { return accumulator_of(compute); }
};

class LayerNorm {
 public:
  LayerNorm(ParameterList& list, const std::string& name, std::int64_t width,
            kernels::NormScaling scaling = kernels::NormScaling::kNone);
  Var operator()(const Pass& pass, const Var& x) const;        // stream -> compute
  Var keep_stream(const Pass& pass, const Var& x) const;  // stream -> stream

  static constexpr double kEps = 1e-5;
  const Parameter& gamma() const { return *gamma_; }
  const Parameter& beta() const { return *beta_; }
  kernels::NormScaling scaling() const { return scaling_; }

 private:
  Var run(const Pass& pass, const Var& x, DType out) const;
  kernels::NormScaling scaling_;
  ParameterPtr gamma_, beta_;
};

class Linear {
 public:
  Linear(ParameterList& list, const std::string& name, std::int64_t in, std::int64_t out, double std);
  // compute -> compute
  Var operator()(const Pass& pass, const Var& x, ops::Activation activation = ops::Activation::kNone) const;
  // residual + dropout(linear(x)): compute -> stream; no residual: a Var without a value
  Var add_to(const Pass& pass, const Var& residual, const Var& x, std::uint32_t stream) const;

  const Parameter& weight() const { return *weight_; }
  const Parameter& bias() const { return *bias_; }

 private:
  Var run(const Pass& pass, const Var& x, const Var& residual, const ops::Linear::Params& params) const;
  std::uint32_t rounding_;  // stream of the numbers that round the weight to 8 bits
  ParameterPtr weight_, bias_;
};

}  // namespace wudao::nn
