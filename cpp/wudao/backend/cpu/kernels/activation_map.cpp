// ReLU and swish, and their gradients.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/math.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/kernels/maps.h"

namespace wudao::WUDAO_ISA {
namespace {

template <class T>
WUDAO_INLINE Vec<T> sigmoid(Vec<T> x) {
  const Vec<T> one = Vec<T>::splat(1);
  return one / (one + exp(Vec<T>::splat(0) - x));
}

template <class T>
struct Relu {
  static Vec<T> value(Vec<T> x) { return select(x < T(0), Vec<T>::splat(0), x); }  // what is not a number stays so
  static Vec<T> gradient(Vec<T> x, Vec<T> dy) { return select(x > T(0), dy, Vec<T>::splat(0)); }
};

template <class T>
struct Swish {
  static Vec<T> value(Vec<T> x) { return x * sigmoid(x); }
  static Vec<T> gradient(Vec<T> x, Vec<T> dy) {
    const Vec<T> s = sigmoid(x), one = Vec<T>::splat(1);
    return dy * (s * (one + x * (one - s)));
  }
};

template <class S, class F>
void map(const kernels::ActivationMap& p, F f) {
  using T = Accumulator<S>;
  auto* y = static_cast<S*>(p.y);
  parallel_chunks(p.pool, p.size, kTaskValues, [=](std::int64_t begin, std::int64_t end) {
    for_vectors<Vec<T>::kWidth>(begin, end, [=](std::int64_t i, auto lanes) { f(i, lanes).store(y + i, lanes); });
  });
}

template <class S, template <class> class Form>
void apply(const kernels::ActivationMap& p) {
  using T = Accumulator<S>;
  const auto* x = static_cast<const S*>(p.x);
  const auto* dy = static_cast<const S*>(p.dy);
  if (dy == nullptr) {
    map<S>(p, [=](std::int64_t i, auto lanes) { return Form<T>::value(Vec<T>::load(x + i, lanes)); });
  } else {
    map<S>(p, [=](std::int64_t i, auto lanes) {
      return Form<T>::gradient(Vec<T>::load(x + i, lanes), Vec<T>::load(dy + i, lanes));
    });
  }
}

void dispatch(const kernels::ActivationMap& p) {
  with_type(p.dtype, [&]<class S>(Type<S>) {
    if (p.form == kernels::ActivationForm::kRelu) return apply<S, Relu>(p);
    apply<S, Swish>(p);
  });
}

}  // namespace

void activation_map_forward(const kernels::ActivationMap& p) { dispatch(p); }

void activation_map_backward(const kernels::ActivationMap& p) { dispatch(p); }

}  // namespace wudao::WUDAO_ISA
