// Dropout and the normal numbers of weights: functions of (key, index) alone.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/simd/random.h"
#include "wudao/base/normal.h"
#include "wudao/kernels/elementwise.h"

namespace wudao::WUDAO_ISA {
namespace {

template <class S>
void drop(const kernels::Dropout& p) {
  using T = Accumulator<S>;
  const auto* x = static_cast<const S*>(p.x);
  auto* y = static_cast<S*>(p.y);
  parallel_chunks(p.pool, p.size, kTaskValues, [=, &p](std::int64_t begin, std::int64_t end) {
    const Keep<T> keep(p.key, p.p);
    keep.for_each(static_cast<std::uint64_t>(p.first_index + begin), end - begin,
                  [&, x = x + begin, y = y + begin](std::int64_t i, auto lanes, auto mask) {
                    keep.apply(mask, Vec<T>::load(x + i, lanes)).store(y + i, lanes);
                  });
  });
}

}  // namespace

void dropout(const kernels::Dropout& p) {
  with_type(p.dtype, [&]<class S>(Type<S>) { drop<S>(p); });
}

void fill_normal(const kernels::FillNormal& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) {
    parallel_chunks(p.pool, p.size, kTaskValues, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        static_cast<T*>(p.y)[i] =
            static_cast<T>(p.std * philox::normal_at(p.key, static_cast<std::uint64_t>(p.first + i)));
    });
  });
}

}  // namespace wudao::WUDAO_ISA
