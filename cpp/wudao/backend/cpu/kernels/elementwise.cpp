// add, accumulate and convert: element by element, memory-bound.
#include "wudao/kernels/elementwise.h"

#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/vec.h"

namespace wudao::WUDAO_ISA {
namespace {

template <class T, class A, class B, class Y>
void add_values(const A* a, const B* b, Y* y, std::int64_t size, ThreadPool* pool) {
  parallel_chunks(pool, size, kTaskValues, [=](std::int64_t begin, std::int64_t end) {
    for_vectors<Vec<T>::kWidth>(begin, end, [=](std::int64_t i, auto lanes) {
      (Vec<T>::load(a + i, lanes) + Vec<T>::load(b + i, lanes)).store(y + i, lanes);
    });
  });
}

template <class X, class Y>
void convert_values(const X* x, Y* y, std::int64_t size, ThreadPool* pool) {
  using T = CommonAccumulator<X, Y>;
  parallel_chunks(pool, size, kTaskValues, [=](std::int64_t begin, std::int64_t end) {
    for_vectors<Vec<T>::kWidth>(begin, end,
                                [=](std::int64_t i, auto lanes) { Vec<T>::load(x + i, lanes).store(y + i, lanes); });
  });
}

}  // namespace

void add(const kernels::Add& p) {
  with_type(p.a_type, [&]<class A>(Type<A>) {
    with_type(p.b_type, [&]<class B>(Type<B>) {
      with_type(p.y_type, [&]<class Y>(Type<Y>) {
        add_values<CommonAccumulator<A, B, Y>>(static_cast<const A*>(p.a), static_cast<const B*>(p.b),
                                               static_cast<Y*>(p.y), p.size, p.pool);
      });
    });
  });
}

void accumulate(const kernels::Accumulate& p) {
  with_type(p.dtype, [&]<class S>(Type<S>) {
    auto* y = static_cast<S*>(p.y);
    add_values<Accumulator<S>>(y, static_cast<const S*>(p.x), y, p.size, p.pool);
  });
}

void convert(const kernels::Convert& p) {
  with_type(p.x_type, [&]<class X>(Type<X>) {
    with_type(p.y_type, [&]<class Y>(Type<Y>) {
      convert_values(static_cast<const X*>(p.x), static_cast<Y*>(p.y), p.size, p.pool);
    });
  });
}

}  // namespace wudao::WUDAO_ISA
