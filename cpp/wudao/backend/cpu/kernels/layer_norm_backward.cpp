// Gradient of layer norm. With h = (x - mean) rstd and g = dy gamma, per row:
//   dx = rstd (g - mean(g) - h mean(g h));  dgamma = sum of dy h and dbeta = sum of dy over rows
#include "wudao/backend/cpu/kernels/column_sums.h"
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/reduce.h"
#include "wudao/kernels/rows.h"

namespace wudao::WUDAO_ISA {
namespace {

// One row of the operands; dgamma and dbeta are the sums of its chunk.
template <class T, class X, class Y>
struct Row {
  const X* x;
  const Y* dy;
  X* dx;
  const T* gamma;
  T *dgamma, *dbeta;
  T mean, rstd;

  template <class L>
  WUDAO_INLINE Vec<T> normal(std::int64_t i, L lanes) const {
    return (Vec<T>::load(x + i, lanes) - mean) * rstd;
  }

  // Rounded, so that it is the same number in its mean and beside it: where they cancel, nothing is left over.
  template <class L>
  WUDAO_INLINE Vec<T> weighted(std::int64_t i, L lanes) const {
    return rounded(Vec<T>::load(dy + i, lanes) * Vec<T>::load(gamma + i, lanes));
  }

  // The sums over the row that dx needs; adds the row to the sums of its chunk on the way.
  template <bool parameters>
  WUDAO_INLINE void sums(std::int64_t cols, T* sum_g, T* sum_gh) const {
    Vec<T> g_part = Vec<T>::splat(0), gh_part = Vec<T>::splat(0);
    for_vectors<Vec<T>::kWidth>(0, cols, [&](std::int64_t i, auto lanes) {
      const Vec<T> d = Vec<T>::load(dy + i, lanes), h = normal(i, lanes), g = weighted(i, lanes);
      g_part += g;
      gh_part += g * h;
      if constexpr (parameters) {
        (Vec<T>::load(dgamma + i, lanes) + d * h).store(dgamma + i, lanes);
        (Vec<T>::load(dbeta + i, lanes) + d).store(dbeta + i, lanes);
      }
    });
    *sum_g = sum(g_part), *sum_gh = sum(gh_part);
  }

  template <bool parameters>
  WUDAO_INLINE void backward(std::int64_t cols) const {
    T sum_g, sum_gh;
    sums<parameters>(cols, &sum_g, &sum_gh);
    const T scale = T(1) / static_cast<T>(cols), mean_g = sum_g * scale, mean_gh = sum_gh * scale;
    for_vectors<Vec<T>::kWidth>(0, cols, [&](std::int64_t i, auto lanes) {
      ((weighted(i, lanes) - mean_g - normal(i, lanes) * mean_gh) * rstd).store(dx + i, lanes);
    });
  }
};

// The row sums of dgamma are the first half of the work space, those of dbeta the second.
template <class T, class X, class Y, bool parameters>
void backward_chunk(const kernels::LayerNormBackward& p, const RowChunks& chunks, std::int64_t chunk) {
  T* dgamma = static_cast<T*>(p.work) + chunk * p.cols;
  T* dbeta = dgamma + chunks.count() * p.cols;
  if constexpr (parameters) {
    for (std::int64_t j = 0; j < p.cols; ++j) dgamma[j] = dbeta[j] = 0;
  }
  const RowRange rows = chunks.range(chunk);
  for (std::int64_t n = rows.begin; n < rows.end; ++n) {
    const std::int64_t at = n * p.cols;
    const Row<T, X, Y> row = {static_cast<const X*>(p.x) + at,
                              static_cast<const Y*>(p.dy) + at,
                              static_cast<X*>(p.dx) + at,
                              static_cast<const T*>(p.gamma),
                              dgamma,
                              dbeta,
                              static_cast<const T*>(p.mean)[n],
                              static_cast<const T*>(p.rstd)[n]};
    row.template backward<parameters>(p.cols);
  }
}

template <class T, class X, class Y>
void run(const kernels::LayerNormBackward& p) {
  const RowChunks chunks(p.rows, p.shards);
  const bool parameters = p.dgamma != nullptr;
  parallel_for(p.pool, chunks.count(), [&](std::int64_t chunk) {
    if (parameters) return backward_chunk<T, X, Y, true>(p, chunks, chunk);
    backward_chunk<T, X, Y, false>(p, chunks, chunk);
  });
  if (!parameters) return;
  T* work = static_cast<T*>(p.work);
  sum_chunks(p.pool, chunks, work, p.cols, static_cast<T*>(p.dgamma));
  sum_chunks(p.pool, chunks, work + chunks.count() * p.cols, p.cols, static_cast<T*>(p.dbeta));
}

}  // namespace

void layer_norm_backward(const kernels::LayerNormBackward& p) {
  with_type(p.x_type, [&]<class X>(Type<X>) {
    with_type_like<X>(p.y_type, [&]<class Y>(Type<Y>) { run<Accumulator<X>, X, Y>(p); });
  });
}

}  // namespace wudao::WUDAO_ISA
