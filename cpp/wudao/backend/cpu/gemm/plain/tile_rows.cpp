#include "wudao/backend/cpu/gemm/plain/tile_rows.h"

namespace wudao::WUDAO_ISA::gemm {

template <class Kind>
void tile_of_rows(int rows, std::int64_t steps, const UnitsOfA& a, const typename Kind::Unit* b, typename Kind::Sum* c,
                  std::int64_t stride, std::int64_t cols, bool add) {
  switch (rows) {
    case 1:
      return tile<Kind, 1>(steps, a, b, c, stride, cols, add);
    case 2:
      return tile<Kind, 2>(steps, a, b, c, stride, cols, add);
    case 3:
      return tile<Kind, 3>(steps, a, b, c, stride, cols, add);
    case 4:
      return tile<Kind, 4>(steps, a, b, c, stride, cols, add);
    case 5:
      return tile<Kind, 5>(steps, a, b, c, stride, cols, add);
    default:
      return tile<Kind, 6>(steps, a, b, c, stride, cols, add);
  }
}

template void tile_of_rows<F32>(int, std::int64_t, const UnitsOfA&, const F32::Unit*, float*, std::int64_t,
                                std::int64_t, bool);
template void tile_of_rows<F64>(int, std::int64_t, const UnitsOfA&, const F64::Unit*, double*, std::int64_t,
                                std::int64_t, bool);
template void tile_of_rows<Codes>(int, std::int64_t, const UnitsOfA&, const Codes::Unit*, std::int32_t*, std::int64_t,
                                  std::int64_t, bool);
#if WUDAO_ISA_LEVEL == 3
template void tile_of_rows<Dot>(int, std::int64_t, const UnitsOfA&, const Dot::Unit*, float*, std::int64_t,
                                std::int64_t, bool);
#endif

}  // namespace wudao::WUDAO_ISA::gemm
