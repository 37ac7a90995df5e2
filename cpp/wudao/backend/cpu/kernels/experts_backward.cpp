// The gradients of experts: du = activation'(u) dy, dx = du W_e, and dW_e, db_e summed shard by shard in the fixed
// tree.
#include "wudao/backend/cpu/expert_forms.h"
#include "wudao/backend/cpu/kernels/experts_panels.h"
#include "wudao/backend/cpu/kernels/linear_dx.h"
#include "wudao/backend/cpu/kernels/linear_shards.h"
#include "wudao/backend/cpu/kernels/shard_tree.h"
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/workspace.h"
#include "wudao/kernels/experts.h"

namespace wudao::WUDAO_ISA {
namespace {

constexpr std::int64_t kColumnBlock = 256;

template <class T>
void make_du(const kernels::ExpertsBackward& p) {
  if (!p.fresh || (p.du == p.dy && p.activation == kernels::Activation::kNone)) return;
  parallel_rows(p.pool, p.begin[p.experts], p.out, [&](std::int64_t row) {
    alignas(64) T du[kColumnBlock], u[kColumnBlock];
    for (std::int64_t col = 0; col < p.out; col += kColumnBlock) {
      const std::int64_t first = row * p.out + col, size = smaller(kColumnBlock, p.out - col);
      load_row(p.dy, p.y_type, first, du, size);
      if (p.activation != kernels::Activation::kNone) {
        load_row(p.preactivation, p.compute, first, u, size);
        activation_gradient_row(du, u, p.activation, size);
      }
      store_row(du, p.du, p.compute, first, size);
    }
  });
}

template <class T>
void make_dx_once(const kernels::ExpertsBackward& p) {
  const std::int64_t panels = (p.in + cpu::gemm::kPanelCols - 1) / cpu::gemm::kPanelCols;
  const DType sum = accumulator_of(p.compute);
  for_each_panel(p.pool, {p.experts, p.begin, p.tasks, panels},
                 [&](std::int64_t e, int panel, std::int64_t row, std::int64_t rows) {
                   const cpu::Weight weight = {element(p.weights, sum, e * p.out * p.in), p.out, p.in, p.compute};
                   const auto packed = panel_here(cpu::WeightUse::kBackward, weight, panel);
                   for_each_height(p.begin[e] + row, rows, [&](std::int64_t first, std::int64_t count) {
                     dx_tile<T>({p.du, p.dx, p.compute, p.in, p.out}, packed, panel, first, count);
                   });
                 });
}

template <class T>
void make_dx(const kernels::ExpertsBackward& p) {
  if (p.packed == nullptr) return make_dx_once<T>(p);
  PackedForms* const forms = cpu::expert_forms(*p.packed, p.experts);
  pack_experts(forms, cpu::WeightUse::kBackward, p.weights, p.experts, p.begin, p.in, p.out, p.compute, p.pool);
  const std::int64_t panels = (p.in + cpu::gemm::kPanelCols - 1) / cpu::gemm::kPanelCols;
  const auto down = [](std::int64_t rows) {
    const std::int64_t height = cpu::product_tile_rows(rows);
    return (rows + height - 1) / height;
  };
  const std::int64_t count =
      plan_tasks(p.experts, p.begin, p.tasks, [&](std::int64_t rows) { return down(rows) * panels; });
  const DType sum = accumulator_of(p.compute);
  parallel_for(p.pool, count, [&](std::int64_t task) {
    const std::int64_t e = expert_of(p.tasks, p.experts, task), own = task - p.tasks[e];
    const std::int64_t rows = p.begin[e + 1] - p.begin[e], height = cpu::product_tile_rows(rows);
    const std::int64_t row = own % down(rows) * height;
    const auto& weight =
        cpu::packed_weight(plain_gemm, forms[e], cpu::WeightUse::kBackward,
                           {element(p.weights, sum, e * p.out * p.in), p.out, p.in, p.compute}, *p.pool);
    dx_tile<T>({p.du, p.dx, p.compute, p.in, p.out}, weight, static_cast<int>(own / down(rows)), p.begin[e] + row,
               smaller(height, rows - row));
  });
}

const std::int64_t* shards_of(const kernels::ExpertsBackward& p, std::int64_t e) {
  return p.shard_begin + e * (p.all_shards + 1) + p.first_shard;
}

// Gradients of so many bytes have left the caches long before anybody reads them. Those of a small model would still be
// there for the optimizer: a step of it is slower when they are stored past the caches.
constexpr std::int64_t kStreamed = std::int64_t{64} << 20;

bool stream_gradients(const kernels::ExpertsBackward& p) {
  return p.experts * p.out * p.in * static_cast<std::int64_t>(size_of(accumulator_of(p.compute))) >= kStreamed;
}

void make_dweight(const kernels::ExpertsBackward& p, std::int64_t e) {
  const std::int64_t* const begin = shards_of(p, e);
  void* const node = const_cast<char*>(element(p.dweights, accumulator_of(p.compute), e * p.out * p.in));
  if (begin[0] == begin[p.shards]) {
    __builtin_memset(node, 0, static_cast<std::size_t>(p.out * p.in) * size_of(accumulator_of(p.compute)));
    return;
  }
  auto* const parts = static_cast<ShardRows*>(
      cpu::workspace(cpu::Workspace::kParts, p.shards * static_cast<std::int64_t>(sizeof(ShardRows))));
  for (int s = 0; s < p.shards; ++s) {
    parts[s] = {element(p.du, p.compute, begin[s] * p.out), element(p.x, p.compute, begin[s] * p.in),
                begin[s + 1] - begin[s], true, true};
  }
  void* const nodes[] = {node};
  shard_product({parts, p.shards, p.out, p.in, p.out, p.in, p.compute, 0, false, nodes, p.pool,
                 stream_gradients(p)});
}

// Many experts are the tasks themselves; of a few, each is cut into tiles. The bits are the same.
void make_dweights(const kernels::ExpertsBackward& p) {
  constexpr std::int64_t kManyForEach = 8;
  if (p.experts >= kManyForEach * p.pool->size()) {
    return parallel_for(p.pool, p.experts, [&](std::int64_t e) { make_dweight(p, e); });
  }
  for (std::int64_t e = 0; e < p.experts; ++e) make_dweight(p, e);
}

// The sums of one expert's columns [col, col + size): rows in order within a shard, shards in the tree.
template <class T>
void bias_columns(const kernels::ExpertsBackward& p, std::int64_t e, std::int64_t col, std::int64_t size) {
  constexpr int kSlots = 32;
  auto* const nodes = static_cast<T*>(
      cpu::workspace(cpu::Workspace::kTile, kSlots * kColumnBlock * static_cast<std::int64_t>(sizeof(T))));
  const std::int64_t* const begin = shards_of(p, e);
  for (std::int64_t s = 0; s < p.shards; ++s) {
    T* const sums = nodes + leaf_slot(s) * kColumnBlock;
    clear_row(sums, size);
    for (std::int64_t row = begin[s]; row < begin[s + 1]; ++row)
      add_row(sums, p.du, p.compute, row * p.out + col, size);
    close_leaf(s, [&](int into, int from) { add_row(nodes + into * kColumnBlock, nodes + from * kColumnBlock, size); });
  }
  __builtin_memcpy(static_cast<T*>(p.dbiases) + e * p.out + col, nodes, static_cast<std::size_t>(size) * sizeof(T));
}

template <class T>
void make_dbiases(const kernels::ExpertsBackward& p) {
  const std::int64_t across = (p.out + kColumnBlock - 1) / kColumnBlock;
  parallel_for(p.pool, p.experts * across, [&](std::int64_t task) {
    const std::int64_t col = task % across * kColumnBlock;
    bias_columns<T>(p, task / across, col, smaller(kColumnBlock, p.out - col));
  });
}

template <class T>
void backward(const kernels::ExpertsBackward& p) {
  make_du<T>(p);
  if (p.dx != nullptr) make_dx<T>(p);
  if (p.dweights != nullptr) make_dweights(p);
  if (p.dbiases != nullptr) make_dbiases<T>(p);
}

}  // namespace

void experts_backward(const kernels::ExpertsBackward& p) {
  if (p.compute == DType::kFloat64) return backward<double>(p);
  backward<float>(p);
}

}  // namespace wudao::WUDAO_ISA
