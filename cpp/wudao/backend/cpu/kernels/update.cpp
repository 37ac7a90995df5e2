// What changes parameters: AdamW, sums of squares, scaling.
#include "wudao/kernels/update.h"

#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/math.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/reduce.h"
#include "wudao/kernels/formulas.h"

namespace wudao::WUDAO_ISA {
namespace {

template <class T>
AdamWStep<T> adamw_step(const kernels::AdamW& p) {
  const auto number = [](double x) { return static_cast<T>(x); };
  return {number(p.beta1),
          number(1.0 - p.beta1),
          number(p.beta2),
          number(1.0 - p.beta2),
          number(p.eps),
          number(p.grad_scale),
          number(p.lr / p.correction1),
          number(1.0 / p.correction2),
          number(p.lr * p.decay)};
}

template <class T>
void adamw_values(const kernels::AdamW& a) {
  const AdamWStep<T> step = adamw_step<T>(a);
  auto *p = static_cast<T*>(a.p), *m = static_cast<T*>(a.m), *v = static_cast<T*>(a.v);
  const auto* grad = static_cast<const T*>(a.grad);
  parallel_chunks(a.pool, a.size, kTaskValues, [=](std::int64_t begin, std::int64_t end) {
    for_vectors<Vec<T>::kWidth>(begin, end, [=](std::int64_t i, auto lanes) {
      auto at = [=](const T* x) { return Vec<T>::load(x + i, lanes); };
      Vec<T> pi = at(p), mi = at(m), vi = at(v);
      step(pi, at(grad), mi, vi);
      pi.store(p + i, lanes), mi.store(m + i, lanes), vi.store(v + i, lanes);
    });
  });
}

template <class S>
double chunk_squares(const S* x, std::int64_t size) {
  return sum_over<double>(size, [=](std::int64_t i, auto lanes) {
    const auto value = Vec<double>::load(x + i, lanes);
    return value * value;
  });
}

template <class S>
void make_squares(const kernels::SumSquares& p) {
  const auto* x = static_cast<const S*>(p.x);
  parallel_chunks(p.pool, p.size, 4 * kernels::kSumChunk, [=, &p](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; at += kernels::kSumChunk) {
      const std::int64_t size = end - at < kernels::kSumChunk ? end - at : kernels::kSumChunk;
      p.work[at / kernels::kSumChunk] = chunk_squares(x + at, size);
    }
  });
}

template <class T>
void scale_values(const kernels::Scale& p) {
  const auto* x = static_cast<const T*>(p.x);
  auto* y = static_cast<T*>(p.y);
  const T a = static_cast<T>(p.a), b = static_cast<T>(p.b);
  parallel_chunks(p.pool, p.size, kTaskValues, [=](std::int64_t begin, std::int64_t end) {
    for_vectors<Vec<T>::kWidth>(begin, end, [=](std::int64_t i, auto lanes) {
      const Vec<T> scaled = Vec<T>::load(x + i, lanes) * a;
      const Vec<T> result = b == 0 ? scaled : scaled + Vec<T>::load(y + i, lanes) * b;
      result.store(y + i, lanes);
    });
  });
}

}  // namespace

void adamw(const kernels::AdamW& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) { adamw_values<T>(p); });
}

void sum_squares(const kernels::SumSquares& p) {
  with_type(p.dtype, [&]<class S>(Type<S>) { make_squares<S>(p); });
  const std::int64_t chunks = (p.size + kernels::kSumChunk - 1) / kernels::kSumChunk;
  for (std::int64_t step = 1; step < chunks; step *= 2) {
    for (std::int64_t i = 0; i + step < chunks; i += 2 * step) p.work[i] += p.work[i + step];
  }
  *p.total = chunks == 0 ? 0.0 : p.work[0];
}

void scale(const kernels::Scale& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) { scale_values<T>(p); });
}

}  // namespace wudao::WUDAO_ISA
