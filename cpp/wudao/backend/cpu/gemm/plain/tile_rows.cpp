#include "wudao/backend/cpu/gemm/plain/tile_rows.h"

namespace wudao::WUDAO_ISA::gemm {

namespace {

template <class Kind, int V, bool kFetches, int R = 1>
void choose(int rows, std::int64_t steps, const UnitsOfA& a, const typename Second<Kind>::Unit* b, const char* next,
            typename Kind::Sum* c, std::int64_t stride, std::int64_t cols, bool add) {
  if constexpr (R < rows_of_pass<Kind>(V * kWidth<Kind>)) {
    if (rows > R) return choose<Kind, V, kFetches, R + 1>(rows, steps, a, b, next, c, stride, cols, add);
  }
  tile<Kind, R, V, kFetches>(steps, a, b, next, c, stride, cols, add);
}

// Of a sliver with few columns only the vectors that hold them.
template <class Kind, int V = kColVectors>
void choose_vectors(int rows, std::int64_t steps, const UnitsOfA& a, const typename Second<Kind>::Unit* b,
                    typename Kind::Sum* c, std::int64_t stride, std::int64_t cols, bool add) {
  if constexpr (V > 1) {
    if (cols <= (V - 1) * kWidth<Kind>) return choose_vectors<Kind, V - 1>(rows, steps, a, b, c, stride, cols, add);
  }
  choose<Kind, V, false>(rows, steps, a, b, nullptr, c, stride, cols, add);
}

}  // namespace

template <class Kind>
void tile_of_rows(int rows, std::int64_t steps, const UnitsOfA& a, const typename Second<Kind>::Unit* b,
                  typename Kind::Sum* c, std::int64_t stride, std::int64_t cols, bool add, const char* next) {
  if (next != nullptr) return choose<Kind, kColVectors, true>(rows, steps, a, b, next, c, stride, cols, add);
  choose_vectors<Kind>(rows, steps, a, b, c, stride, cols, add);
}

template void tile_of_rows<F32>(int, std::int64_t, const UnitsOfA&, const F32::Unit*, float*, std::int64_t,
                                std::int64_t, bool, const char*);
template void tile_of_rows<F64>(int, std::int64_t, const UnitsOfA&, const F64::Unit*, double*, std::int64_t,
                                std::int64_t, bool, const char*);
template void tile_of_rows<Codes>(int, std::int64_t, const UnitsOfA&, const Codes::Unit*, std::int32_t*, std::int64_t,
                                  std::int64_t, bool, const char*);
#if defined(__AVX512BF16__)
template void tile_of_rows<Dot>(int, std::int64_t, const UnitsOfA&, const Dot::Unit*, float*, std::int64_t,
                                std::int64_t, bool, const char*);
#else
template void tile_of_rows<KeptBf16>(int, std::int64_t, const UnitsOfA&, const std::uint16_t*, float*, std::int64_t,
                                     std::int64_t, bool, const char*);
#endif

}  // namespace wudao::WUDAO_ISA::gemm
