#include "wudao/autograd/tape.h"

#include <algorithm>

#include "wudao/base/error.h"

namespace wudao {
namespace {

constexpr const char* kRecompute = "recompute";  // no op, but several

}  // namespace

Var Tape::leaf(const Tensor& value, GradientSink* sink, int use) {
  if (!recording_ || sink == nullptr) return {value, nullptr};
  return {value, std::make_shared<Gradient>(sink, use)};
}

void Tape::push(const char* op, const std::shared_ptr<Gradient>& output, std::function<void(Tape&, const Tensor&)> run) {
  nodes_.push_back({scope_, op, output, std::move(run)});
}

void Tape::show(const std::string& scope, std::string_view op, const char* phase, const Tensor& tensor) const {
  if (ctx_.observer == nullptr || ctx_.idle) return;
  ctx_.observer->show(text(scope, ": ", op, " (", phase, ")"), ctx_.first_shard, {tensor});
}

Var Tape::recompute(Segment segment, const Var& x) {
  Tape forward(ctx_, false);
  forward.set_scope(scope_);
  Var y = segment(forward, Var{x.value, nullptr});
  if (!recording_) return y;
  y.gradient = std::make_shared<Gradient>();
  push(kRecompute, y.gradient, [segment = std::move(segment), x](Tape& tape, const Tensor& dy) {
    Tape again(tape.context(), true);
    again.recomputing_ = true;
    const Var input{x.value, std::make_shared<Gradient>()};
    const auto observer = std::exchange(tape.context().observer, nullptr);  // it was shown all of this before
    const Var end = segment(again, input);
    tape.context().observer = observer;
    again.backward(end, dy);
    if (x.gradient != nullptr) x.gradient->add(tape.context(), input.gradient->take());
  });
  return y;
}

void Tape::backward(const Var& y) {
  Tensor dy = ctx_.empty(y.value.shape(), y.value.dtype());
  if (dy.dtype() != DType::kFloat64) {
    fail<InternalError>("backward", "y", "a float64 loss", name_of(dy.dtype()));
  }
  std::fill_n(dy.data<double>(), dy.size(), 1.0);
  backward(y, std::move(dy));
}

void Tape::backward(const Var& y, Tensor dy) {
  if (y.gradient == nullptr) fail<InternalError>("backward", "y", "a result of this tape", "a constant");
  y.gradient->add(ctx_, std::move(dy));
  while (!nodes_.empty()) {
    Node node = std::move(nodes_.back());
    nodes_.pop_back();
    const Tensor gradient = node.output->take();
    if (!gradient.defined()) continue;
    if (node.op != kRecompute) show(node.scope, node.op, "backward", gradient);
    const Profile::Span span(ctx_.profile.get(), node.op, node.scope, "backward");
    node.run(*this, gradient);
  }
}

}  // namespace wudao
