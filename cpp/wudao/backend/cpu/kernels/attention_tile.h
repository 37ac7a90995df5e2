// Small products on tiles in cache, blocked in registers.
//
// c[i, j] = start + sum over k of a[i, k] * b[k, j]: every element adds its products one by one in the order of k, in
// whatever block it is computed, so neither the blocking nor the number of rows shows in the bits.
#pragma once

#include "wudao/backend/cpu/simd/vec.h"

namespace wudao::WUDAO_ISA {

// a[i, k] lies at data[i * row + k * col].
template <class T>
struct TileA {
  const T* data;
  std::int64_t row, col;
};

// What a tile of c starts from: zero, c itself, or c with row i multiplied by factor[i].
enum class Start { kZero, kAdd, kScale };

template <class T>
struct TileC {
  T* data;
  std::int64_t row;
  const T* factor;  // for kScale
};

// Rows and vectors of a register block; with the operands it fills the registers of the instruction set.
#if defined(__AVX512F__)
constexpr int kBlockRows = 8, kBlockVectors = 2;
#else
constexpr int kBlockRows = 4, kBlockVectors = 2;
#endif

template <class T, int rows, int vectors, Start start, class S>
WUDAO_INLINE void product_block(TileA<T> a, const S* b, std::int64_t b_row, std::int64_t depth, TileC<T> c) {
  using V = Vec<T>;
  V sum[rows][vectors];
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) {
      sum[i][j] = start == Start::kZero ? V::splat(0) : V::load(c.data + i * c.row + j * V::kWidth);
      if (start == Start::kScale) sum[i][j].v *= V::splat(c.factor[i]).v;
    }
  }
  for (std::int64_t k = 0; k < depth; ++k) {
    V right[vectors];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) right[j] = V::load(b + k * b_row + j * V::kWidth);
#pragma GCC unroll 8
    for (int i = 0; i < rows; ++i) {
      const V left = V::splat(a.data[i * a.row + k * a.col]);
#pragma GCC unroll 8
      for (int j = 0; j < vectors; ++j) sum[i][j].v += left.v * right[j].v;
    }
  }
#pragma GCC unroll 8
  for (int i = 0; i < rows; ++i) {
#pragma GCC unroll 8
    for (int j = 0; j < vectors; ++j) sum[i][j].store(c.data + i * c.row + j * V::kWidth);
  }
}

// All columns (whole vectors) of `rows` rows. A single row takes more vectors, to have enough sums under way.
template <class T, int rows, Start start, class S>
WUDAO_INLINE void product_rows(TileA<T> a, const S* b, std::int64_t b_row, std::int64_t depth, TileC<T> c,
                               std::int64_t cols) {
  constexpr int kVectors = rows == 1 ? 4 : kBlockVectors;
  constexpr std::int64_t kWidth = Vec<T>::kWidth, kStep = kVectors * kWidth;
  std::int64_t j = 0;
  for (; j + kStep <= cols; j += kStep) {
    product_block<T, rows, kVectors, start>(a, b + j, b_row, depth, {c.data + j, c.row, c.factor});
  }
  for (; j < cols; j += kWidth) {
    product_block<T, rows, 1, start>(a, b + j, b_row, depth, {c.data + j, c.row, c.factor});
  }
}

// GCC 12 unrolls the last loop as if `rows` could be 2^62 and then warns of the overflow that it has made up.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Waggressive-loop-optimizations"

// Any number of rows; `cols` is a multiple of the vector width. b may be stored as bfloat16.
template <class T, Start start, class S>
__attribute__((noinline)) void tile_product(TileA<T> a, const S* b, std::int64_t b_row, std::int64_t depth, TileC<T> c,
                                            std::int64_t rows, std::int64_t cols) {
  while (rows > 0) {
    const std::int64_t taken = rows >= kBlockRows ? kBlockRows : 1;
    if (taken == kBlockRows) {
      product_rows<T, kBlockRows, start>(a, b, b_row, depth, c, cols);
    } else {
      product_rows<T, 1, start>(a, b, b_row, depth, c, cols);
    }
    a.data += taken * a.row;
    c.data += taken * c.row;
    if constexpr (start == Start::kScale) c.factor += taken;
    rows -= taken;
  }
}

#pragma GCC diagnostic pop

}  // namespace wudao::WUDAO_ISA
