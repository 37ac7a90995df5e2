#include "check.h"
#include "wudao/ops/layer_norm.h"
#include "wudao/ops/linear.h"
#include "wudao/runtime/runtime.h"

using wudao::DType;
using wudao::Tensor;
namespace ops = wudao::ops;

namespace {

std::string refused(DType compute, DType out, bool norm) {
  wudao::CpuRuntime runtime({1, false});
  wudao::Context ctx = runtime.context();
  const DType sum = wudao::accumulator_of(compute);
  const Tensor x = ctx.zeros({2, 3}, compute), row = ctx.zeros({3}, sum), weight = ctx.zeros({3, 3}, sum);
  return MESSAGE_OF(wudao::DTypeError, (norm ? ops::LayerNorm::forward(ctx, {1e-5, out}, {x, row, row}, nullptr)
                                             : ops::Linear::forward(ctx, {out}, {x, weight, {}, {}}, nullptr)));
}

}  // namespace

TEST(a_result_does_not_mix_float64_with_narrower_types) {
  CHECK_EQUAL(refused(DType::kFloat64, DType::kFloat32, true),
              "layer_norm: out: expected float64 for x of type float64, got float32. Convert x first.");
  CHECK_EQUAL(refused(DType::kBFloat16, DType::kFloat64, true),
              "layer_norm: out: expected float32, bfloat16 or float16 for x of type bfloat16, got float64. Convert x first.");
  CHECK_EQUAL(refused(DType::kFloat64, DType::kBFloat16, false),
              "linear: out: expected float64 for x of type float64, got bfloat16. Convert x first.");
  CHECK_EQUAL(refused(DType::kFloat32, DType::kInt32, false),
              "linear: out: expected float32, bfloat16 or float16 for x of type float32, got int32. Convert x first.");
}
