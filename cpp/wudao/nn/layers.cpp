#include "wudao/nn/layers.h"

#include <algorithm>

#include "wudao/kernels/elementwise.h"
#include "wudao/kernels/table.h"

namespace wudao::nn {
namespace {

// Streams of first values, and of rounding to 8 bits, lie apart from those of dropout.
constexpr std::uint32_t kFirstInitStream = 0x40000000, kFirstRoundingStream = 0x50000000;

Var leaf(const Pass& pass, const ParameterPtr& parameter, int use = 0) {
  return pass.tape.leaf(parameter->value(), parameter.get(), use);
}

}  // namespace

ParameterPtr ParameterList::keep(const std::string& name, const Shape& shape, bool decay) {
  Tensor value = dry_run_ ? Tensor::borrow(nullptr, shape, dtype_, nullptr) : ctx_.empty(shape, dtype_);
  return all_.emplace_back(std::make_shared<Parameter>(name, std::move(value), decay));
}

ParameterPtr ParameterList::normal(const std::string& name, Shape shape, double std, std::int64_t first) {
  const auto stream = kFirstInitStream + static_cast<std::uint32_t>(all_.size());
  const ParameterPtr parameter = keep(name, shape, true);
  const Tensor& value = parameter->value();
  if (!dry_run_) {
    ctx_.kernels->fill_normal({value.raw(), dtype_, value.size(), std, {seed_, 0, stream}, ctx_.pool.get(), first});
  }
  return parameter;
}

ParameterPtr ParameterList::uniform(const std::string& name, Shape shape, double bound, bool decay) {
  const philox::Key key{seed_, 0, kFirstInitStream + static_cast<std::uint32_t>(all_.size())};
  const ParameterPtr parameter = keep(name, shape, decay);
  const Tensor& value = parameter->value();
  for (std::int64_t i = 0; i < value.size() && !dry_run_; ++i) {
    const double number = bound * (2.0 * philox::uniform_at(key, static_cast<std::uint64_t>(i)) - 1.0);
    if (dtype_ == DType::kFloat64) {
      value.data<double>()[i] = number;
    } else {
      value.data<float>()[i] = static_cast<float>(number);
    }
  }
  return parameter;
}

ParameterPtr ParameterList::constant(const std::string& name, Shape shape, double value) {
  const ParameterPtr parameter = keep(name, shape, false);
  const Tensor& tensor = parameter->value();
  if (dry_run_) return parameter;
  if (dtype_ == DType::kFloat64) {
    std::fill_n(tensor.data<double>(), tensor.size(), value);
  } else {
    std::fill_n(tensor.data<float>(), tensor.size(), static_cast<float>(value));
  }
  return parameter;
}

LayerNorm::LayerNorm(ParameterList& list, const std::string& name, std::int64_t width, kernels::NormScaling scaling)
    : scaling_(scaling),
      gamma_(list.constant(name + ".weight", {width}, 1.0)),
      beta_(list.constant(name + ".bias", {width}, 0.0)) {}

Var LayerNorm::run(const Pass& pass, const Var& x, DType out) const {
  return pass.tape.apply<ops::LayerNorm>({kEps, out, scaling_}, x, leaf(pass, gamma_), leaf(pass, beta_));
}

Var LayerNorm::operator()(const Pass& pass, const Var& x) const { return run(pass, x, pass.compute); }

Var LayerNorm::keep_stream(const Pass& pass, const Var& x) const { return run(pass, x, pass.stream()); }

Linear::Linear(ParameterList& list, const std::string& name, std::int64_t in, std::int64_t out, double std)
    : rounding_(kFirstRoundingStream + static_cast<std::uint32_t>(list.all().size())),
      weight_(list.normal(name + ".weight", {out, in}, std)),
      bias_(list.constant(name + ".bias", {out}, 0.0)) {}

Var Linear::run(const Pass& pass, const Var& x, const Var& residual, const ops::Linear::Params& params) const {
  return pass.tape.apply<ops::Linear>(params, x, leaf(pass, weight_), leaf(pass, bias_), residual);
}

Var Linear::operator()(const Pass& pass, const Var& x, ops::Activation activation) const {
  return run(pass, x, Var{}, {pass.compute, activation, 0.0, 0, weight_->quantized(), pass.int8, rounding_});
}

Var Linear::add_to(const Pass& pass, const Var& residual, const Var& x, std::uint32_t stream) const {
  return run(pass, x, residual,
             {pass.stream(), ops::Activation::kNone, pass.dropout, stream, weight_->quantized(), pass.int8, rounding_});
}

}  // namespace wudao::nn
