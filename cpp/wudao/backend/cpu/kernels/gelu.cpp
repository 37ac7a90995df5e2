// GELU and its gradient.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/math.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/kernels/elementwise.h"
#include "wudao/kernels/formulas.h"

namespace wudao::WUDAO_ISA {
namespace {

// y[i] = f(i, lanes), a Vec<T> each.
template <class T, class Y, class F>
void map(const kernels::Gelu& p, Y* y, F f) {
  parallel_chunks(p.pool, p.size, kTaskValues, [=](std::int64_t begin, std::int64_t end) {
    for_vectors<Vec<T>::kWidth>(begin, end, [=](std::int64_t i, auto lanes) { f(i, lanes).store(y + i, lanes); });
  });
}

template <class S>
void forward(const kernels::Gelu& p) {
  using T = Accumulator<S>;
  const auto* x = static_cast<const S*>(p.x);
  auto* y = static_cast<S*>(p.y);
  if (p.tanh_form) {
    map<T>(p, y, [=](std::int64_t i, auto lanes) { return gelu_tanh<T>(Vec<T>::load(x + i, lanes)); });
  } else {
    map<T>(p, y, [=](std::int64_t i, auto lanes) { return gelu_erf<T>(Vec<T>::load(x + i, lanes)); });
  }
}

template <class S>
void backward(const kernels::Gelu& p) {
  using T = Accumulator<S>;
  const auto* x = static_cast<const S*>(p.x);
  const auto* dy = static_cast<const S*>(p.dy);
  auto* dx = static_cast<S*>(p.y);
  const auto at = [](const S* from, std::int64_t i, auto lanes) { return Vec<T>::load(from + i, lanes); };
  if (p.tanh_form) {
    map<T>(p, dx, [=](std::int64_t i, auto lanes) { return at(dy, i, lanes) * gelu_tanh_slope<T>(at(x, i, lanes)); });
  } else {
    map<T>(p, dx, [=](std::int64_t i, auto lanes) { return at(dy, i, lanes) * gelu_erf_slope<T>(at(x, i, lanes)); });
  }
}

}  // namespace

void gelu_forward(const kernels::Gelu& p) {
  with_type(p.dtype, [&]<class S>(Type<S>) { forward<S>(p); });
}

void gelu_backward(const kernels::Gelu& p) {
  with_type(p.dtype, [&]<class S>(Type<S>) { backward<S>(p); });
}

}  // namespace wudao::WUDAO_ISA
