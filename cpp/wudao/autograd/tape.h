// The tape: runs ops forward, remembers how to run them backward. It knows no op by name, only the shape of one
// (ops::Differentiable is checked where apply() is used).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wudao/autograd/gradient.h"
#include "wudao/tensor/context.h"

namespace wudao {

// A tensor on the tape. `gradient` is null for constants.
struct Var {
  Tensor value;
  std::shared_ptr<Gradient> gradient;
};

class Tape {
 public:
  // A tape that does not record keeps nothing alive and runs forward only.
  Tape(Context& ctx, bool recording) : ctx_(ctx), recording_(recording) {}

  Context& context() { return ctx_; }
  bool recording() const { return recording_; }
  bool recomputing() const { return recomputing_; }  // what runs forward has done so before
  void set_scope(std::string scope) { scope_ = std::move(scope); }  // names the ops that follow, for messages
  // Shows the context's observer what an op made (forward), or the gradient that came to it (backward).
  void show(std::string_view op, const char* phase, const Tensor& tensor) const { show(scope_, op, phase, tensor); }

  // A leaf whose gradient goes to `sink` (a parameter) as its use number `use`.
  Var leaf(const Tensor& value, GradientSink* sink, int use = 0);

  template <class Op, class... Vars>
  Var apply(typename Op::Params params, const Vars&... inputs);

  // Runs `segment` without keeping what its backward needs; backward runs it forward again.
  // Chen et al. 2016, "Training deep nets with sublinear memory cost".
  using Segment = std::function<Var(Tape&, const Var&)>;
  Var recompute(Segment segment, const Var& x);

  // Runs the tape backward from `y` with dy = ones. Every node runs once, last first; what it kept is freed behind it.
  void backward(const Var& y);
  void backward(const Var& y, Tensor dy);

 private:
  struct Node {
    std::string scope;
    const char* op;
    std::shared_ptr<Gradient> output;
    std::function<void(Tape&, const Tensor& dy)> run;
  };

  template <class Op>
  Tensor forward(const typename Op::Params& params, const std::array<Tensor, Op::arity>& inputs, typename Op::Saved* saved);
  void show(const std::string& scope, std::string_view op, const char* phase, const Tensor& tensor) const;
  void push(const char* op, const std::shared_ptr<Gradient>& output, std::function<void(Tape&, const Tensor&)> run);

  Context& ctx_;
  bool recording_, recomputing_ = false;
  std::string scope_;
  std::vector<Node> nodes_;
};

template <class Op>
Tensor Tape::forward(const typename Op::Params& params, const std::array<Tensor, Op::arity>& inputs,
                     typename Op::Saved* saved) {
  const Profile::Span span(ctx_.profile.get(), Op::name, scope_, "forward");
  Tensor y = Op::forward(ctx_, params, inputs, saved);
  show(Op::name, "forward", y);
  return y;
}

template <class Op, class... Vars>
Var Tape::apply(typename Op::Params params, const Vars&... inputs) {
  constexpr std::size_t n = Op::arity;
  static_assert(sizeof...(Vars) == n, "one Var per input; Var{} for an absent one");
  const std::array<Tensor, n> values = {inputs.value...};
  const std::array<std::shared_ptr<Gradient>, n> gradients = {inputs.gradient...};
  std::array<bool, n> needs{};
  bool any = false;
  for (std::size_t i = 0; i < n; ++i) any |= needs[i] = recording_ && gradients[i] != nullptr;
  if (!any) {
    return {forward<Op>(params, values, nullptr), nullptr};
  }
  auto saved = std::make_shared<typename Op::Saved>();
  Var y{forward<Op>(params, values, saved.get()), std::make_shared<Gradient>()};
  push(Op::name.data(), y.gradient, [params = std::move(params), saved, gradients, needs](Tape& tape, const Tensor& dy) {
    auto grads = Op::backward(tape.context(), params, *saved, dy, needs);
    for (std::size_t i = 0; i < n; ++i) {
      if (needs[i] && grads[i].defined()) gradients[i]->add(tape.context(), std::move(grads[i]));
    }
  });
  return y;
}

}  // namespace wudao
