// The tiles of a product with a packed weight: some rows by one panel of columns.
#pragma once

#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/weight.h"

namespace wudao::WUDAO_ISA {

inline std::int64_t smaller(std::int64_t a, std::int64_t b) { return a < b ? a : b; }
inline std::int64_t larger(std::int64_t a, std::int64_t b) { return a > b ? a : b; }

// Runs body(panel, first row, rows) for all tiles. Neighbouring tasks share a panel: it is the larger of the two
// inputs.
template <class Body>
void for_each_tile(ThreadPool* pool, std::int64_t rows, int panels, Body&& body) {
  const std::int64_t height = cpu::product_tile_rows(rows), down = (rows + height - 1) / height;
  parallel_for(pool, down * panels, [&](std::int64_t task) {
    const std::int64_t row = task % down * height;
    body(static_cast<int>(task / down), row, smaller(height, rows - row));
  });
}

}  // namespace wudao::WUDAO_ISA
