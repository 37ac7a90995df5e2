// Panels of experts' weights that are used once: each is packed by the task that multiplies it, in memory of its thread,
// and read again while it is in cache. Packed forms of all experts would go to memory and come back from it.
#pragma once

#include "wudao/backend/cpu/kernels/experts_tasks.h"
#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::WUDAO_ISA {

// Rows that one packing serves: it costs as much as the product of about twenty of them.
constexpr std::int64_t kRowsOfPanel = 512;

inline cpu::gemm::PackedB panel_here(cpu::WeightUse use, const cpu::Weight& weight, int panel) {
  const cpu::gemm::Operand b = cpu::operand_of(use, weight);
  cpu::gemm::PackedB packed = {&plain_gemm, weight.compute, b.rows, b.cols, 1, 0, nullptr, panel};
  const cpu::gemm::Panel cols = panel_of(packed, panel);
  packed.panel_bytes = plain_gemm.panel_bytes(b.rows, cols.size, weight.compute);
  packed.data = static_cast<char*>(cpu::workspace(cpu::Workspace::kPanel, packed.panel_bytes));
  const char* const first = element(b.data, b.dtype, cols.begin * b.col_stride);
  plain_gemm.pack({first, b.dtype, b.rows, cols.size, b.row_stride, b.col_stride}, weight.compute, packed.data);
  return packed;
}

// What a list of tasks over (expert, panel, rows) needs to know of its experts.
struct PanelTasks {
  std::int64_t experts;
  const std::int64_t* begin;  // (experts + 1,) rows
  std::int64_t* ends;         // (experts + 1,) work
  std::int64_t panels;        // of a weight
};

// Calls body(expert, panel, first row within the expert, rows) for all of them, from the pool.
template <class Body>
void for_each_panel(ThreadPool* pool, const PanelTasks& t, Body&& body) {
  const auto parts = [](std::int64_t rows) { return (rows + kRowsOfPanel - 1) / kRowsOfPanel; };
  const std::int64_t count =
      plan_tasks(t.experts, t.begin, t.ends, [&](std::int64_t rows) { return parts(rows) * t.panels; });
  parallel_for(pool, count, [&](std::int64_t task) {
    const std::int64_t e = expert_of(t.ends, t.experts, task), own = task - t.ends[e];
    const std::int64_t rows = t.begin[e + 1] - t.begin[e], row = own % parts(rows) * kRowsOfPanel;
    body(e, static_cast<int>(own / parts(rows)), row, smaller(kRowsOfPanel, rows - row));
  });
}

// Calls body(first row, rows) for pieces of rows that stay in cache beside a panel.
template <class Body>
void for_each_height(std::int64_t row, std::int64_t rows, Body&& body) {
  const std::int64_t height = cpu::product_tile_rows(rows);
  for (std::int64_t done = 0; done < rows; done += height) body(row + done, smaller(height, rows - done));
}

}  // namespace wudao::WUDAO_ISA
