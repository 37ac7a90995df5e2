// From a run-time dtype to a compile-time storage type.
#pragma once

#include "wudao/base/dtype.h"
#include "wudao/base/philox.h"

namespace wudao::WUDAO_ISA {

template <class S>
struct Type {
  using type = S;
};

template <class S>
struct AccumulatorOf {
  using type = float;
};
template <>
struct AccumulatorOf<double> {
  using type = double;
};

// The type in which values of storage type S are computed.
template <class S>
using Accumulator = typename AccumulatorOf<S>::type;

// Double if any of the types is, else float.
template <class... S>
using CommonAccumulator = decltype((Accumulator<S>{} + ...));

// Calls f(Type<S>{}) for float32, float64, bfloat16 or float16. What else there is was refused before a kernel is called.
template <class F>
WUDAO_INLINE void with_type(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kFloat32:
      return f(Type<float>{});
    case DType::kFloat64:
      return f(Type<double>{});
    case DType::kBFloat16:
      return f(Type<BFloat16>{});
    case DType::kFloat16:
      return f(Type<Float16>{});
    default:
      return;
  }
}

// The same for a type that is computed in as X is: float64 does not mix with the others.
template <class X, class F>
WUDAO_INLINE void with_type_like(DType dtype, F&& f) {
  if constexpr (sizeof(X) == 8) {
    f(Type<double>{});
  } else if (dtype == DType::kBFloat16) {
    f(Type<BFloat16>{});
  } else if (dtype == DType::kFloat16) {
    f(Type<Float16>{});
  } else {
    f(Type<float>{});
  }
}

// The same for what parameters and sums are kept in: float32 or float64.
template <class F>
WUDAO_INLINE void with_accumulator(DType dtype, F&& f) {
  if (dtype == DType::kFloat64) return f(Type<double>{});
  f(Type<float>{});
}

}  // namespace wudao::WUDAO_ISA
