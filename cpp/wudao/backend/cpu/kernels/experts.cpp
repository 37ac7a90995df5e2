// The forward products of experts: each with its own rows, all in one list of tasks.
#include "wudao/kernels/experts.h"

#include "wudao/backend/cpu/expert_forms.h"
#include "wudao/backend/cpu/kernels/experts_panels.h"
#include "wudao/backend/cpu/kernels/linear_forward.h"

namespace wudao::WUDAO_ISA {
namespace {

// One expert's product as that of a linear layer.
kernels::LinearForward layer_of(const kernels::ExpertsForward& p, std::int64_t e) {
  const std::int64_t row = p.begin[e];
  const DType sum = accumulator_of(p.compute);
  const auto at = [](void* data, DType dtype, std::int64_t index) {
    return data == nullptr ? nullptr : const_cast<char*>(element(data, dtype, index));
  };
  kernels::LinearForward layer = {};
  layer.x = element(p.x, p.compute, row * p.in);
  layer.weight = element(p.weights, sum, e * p.out * p.in);
  layer.bias = p.biases == nullptr ? nullptr : element(p.biases, sum, e * p.out);
  layer.y = at(p.y, p.y_type, row * p.out);
  layer.preactivation = at(p.preactivation, p.compute, row * p.out);
  layer.compute = p.compute;
  layer.y_type = p.y_type;
  layer.activation = p.activation;
  layer.rows = p.begin[e + 1] - row;
  layer.in = p.in;
  layer.out = p.out;
  layer.pool = p.pool;
  return layer;
}

std::int64_t tasks_of(std::int64_t rows, std::int64_t out) {
  if (rows <= gemm::kFewRows) return (out + gemm::kFewCols - 1) / gemm::kFewCols;
  const std::int64_t height = cpu::product_tile_rows(rows);
  return (rows + height - 1) / height * ((out + cpu::gemm::kPanelCols - 1) / cpu::gemm::kPanelCols);
}

template <class T>
void run_task(const kernels::LinearForward& layer, const cpu::gemm::PackedB& weight, std::int64_t task) {
  if (layer.rows <= gemm::kFewRows) {
    const std::int64_t begin = task * gemm::kFewCols;
    return forward_columns<T>(layer, weight, begin, smaller(gemm::kFewCols, layer.out - begin));
  }
  const std::int64_t height = cpu::product_tile_rows(layer.rows), down = (layer.rows + height - 1) / height;
  const std::int64_t row = task % down * height;
  forward_tile<T>(layer, weight, static_cast<int>(task / down), row, smaller(height, layer.rows - row));
}

// Packed forms that nobody will use again.
template <class T>
void forward_once(const kernels::ExpertsForward& p) {
  const std::int64_t panels = (p.out + cpu::gemm::kPanelCols - 1) / cpu::gemm::kPanelCols;
  for_each_panel(p.pool, {p.experts, p.begin, p.tasks, panels},
                 [&](std::int64_t e, int panel, std::int64_t row, std::int64_t rows) {
                   const kernels::LinearForward layer = layer_of(p, e);
                   const auto weight =
                       panel_here(cpu::WeightUse::kForward, {layer.weight, p.out, p.in, p.compute}, panel);
                   for_each_height(row, rows, [&](std::int64_t first, std::int64_t count) {
                     forward_tile<T>(layer, weight, panel, first, count);
                   });
                 });
}

template <class T>
void forward(const kernels::ExpertsForward& p) {
  if (p.packed == nullptr) return forward_once<T>(p);
  PackedForms* const forms = cpu::expert_forms(*p.packed, p.experts);
  pack_experts(forms, cpu::WeightUse::kForward, p.weights, p.experts, p.begin, p.in, p.out, p.compute, p.pool);
  const std::int64_t count =
      plan_tasks(p.experts, p.begin, p.tasks, [&](std::int64_t rows) { return tasks_of(rows, p.out); });
  parallel_for(p.pool, count, [&](std::int64_t task) {
    const std::int64_t e = expert_of(p.tasks, p.experts, task);
    const kernels::LinearForward layer = layer_of(p, e);
    const auto& weight = cpu::packed_weight(plain_gemm, forms[e], cpu::WeightUse::kForward,
                                            {layer.weight, p.out, p.in, p.compute}, *p.pool);
    run_task<T>(layer, weight, task - p.tasks[e]);
  });
}

}  // namespace

void experts_forward(const kernels::ExpertsForward& p) {
  if (p.compute == DType::kFloat64) return forward<double>(p);
  forward<float>(p);
}

}  // namespace wudao::WUDAO_ISA
