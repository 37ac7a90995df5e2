#include "wudao/nn/convolution.h"

#include <cmath>

namespace wudao::nn {
namespace {

Var leaf(const Pass& pass, const ParameterPtr& parameter) {
  return pass.tape.leaf(parameter->value(), parameter.get(), 0);
}

// He et al. 2015 with slope sqrt(5), which is what PyTorch begins convolutions with.
double bound_of(std::int64_t fan_in) { return 1.0 / std::sqrt(static_cast<double>(fan_in)); }

}  // namespace

Conv2d::Conv2d(ParameterList& list, const std::string& name, std::int64_t in, std::int64_t out, Window window)
    : window_(window),
      weight_(list.uniform(name + ".weight", {out, window.kernel * window.kernel * in},
                           bound_of(window.kernel * window.kernel * in), true)),
      bias_(list.uniform(name + ".bias", {out}, bound_of(window.kernel * window.kernel * in), false)) {}

Var Conv2d::operator()(const Pass& pass, const Var& x, DType out, bool rectify) const {
  return pass.tape.apply<ops::Conv2d>({window_.kernel, window_.stride, window_.padding, out, rectify}, x, leaf(pass, weight_),
                                      leaf(pass, bias_));
}

// The fan in is that of the other direction, (k k out): so PyTorch counts it.
ConvTranspose2d::ConvTranspose2d(ParameterList& list, const std::string& name, std::int64_t in, std::int64_t out,
                                 Window window)
    : window_(window),
      weight_(list.uniform(name + ".weight", {window.kernel * window.kernel * out, in},
                           bound_of(window.kernel * window.kernel * out), true)),
      bias_(list.uniform(name + ".bias", {out}, bound_of(window.kernel * window.kernel * out), false)) {}

Var ConvTranspose2d::operator()(const Pass& pass, const Var& x, DType out, bool rectify) const {
  return pass.tape.apply<ops::ConvTranspose2d>({window_.kernel, window_.stride, window_.padding, out, rectify}, x,
                                               leaf(pass, weight_), leaf(pass, bias_));
}

}  // namespace wudao::nn
