// What follows the product of a linear layer, piece by piece in the first-level cache.
#pragma once

#include "wudao/backend/cpu/gemm/plain/panel.h"
#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/kernels/products.h"

namespace wudao::WUDAO_ISA {

// u = sums + bias, kept as preactivation where that is wanted; sums = activation(u). S: what u is stored as.
template <class S, kernels::Activation kActivation, class T>
void activate(const kernels::LinearForward& p, const gemm::Piece<T>& piece) {
  const T* bias = p.bias == nullptr ? nullptr : static_cast<const T*>(p.bias) + piece.col;
  for (std::int64_t r = 0; r < piece.rows; ++r) {
    T* sums = piece.sums + r * piece.line;
    S* u =
        p.preactivation == nullptr ? nullptr : static_cast<S*>(p.preactivation) + (piece.row + r) * p.out + piece.col;
    for_vectors<Vec<T>::kWidth>(0, piece.cols, [&](std::int64_t j, auto lanes) {
      Vec<T> x = Vec<T>::load(sums + j);
      if (bias != nullptr) x += Vec<T>::load(bias + j, lanes);
      if (u != nullptr) x.store(u + j, lanes);
      if constexpr (kActivation == kernels::Activation::kGeluTanh) x = gelu_tanh<T>(x);
      if constexpr (kActivation == kernels::Activation::kGeluErf) x = gelu_erf<T>(x);
      x.store(sums + j);
    });
  }
}

template <class T>
void drop(const kernels::LinearForward& p, const gemm::Piece<T>& piece) {
  for (std::int64_t r = 0; r < piece.rows; ++r) {
    dropout_in_place(piece.sums + r * piece.line, p.key, p.dropout,
                     static_cast<std::uint64_t>((p.first_row + piece.row + r) * p.out + piece.col), piece.cols);
  }
}

// y = residual + sums. S: what both are stored as.
template <class S, class T>
void store(const kernels::LinearForward& p, const gemm::Piece<T>& piece) {
  for (std::int64_t r = 0; r < piece.rows; ++r) {
    const std::int64_t row = piece.row + r, place = p.pixels == nullptr ? row : p.pixels->place(row);
    const std::int64_t first = place * p.out + piece.col;
    const T* sums = piece.sums + r * piece.line;
    const S* residual = p.residual == nullptr ? nullptr : static_cast<const S*>(p.residual) + first;
    S* y = static_cast<S*>(p.y) + first;
    for_vectors<Vec<T>::kWidth>(0, piece.cols, [&](std::int64_t j, auto lanes) {
      Vec<T> x = Vec<T>::load(sums + j);
      if (residual != nullptr) x += Vec<T>::load(residual + j, lanes);
      x.store(y + j, lanes);
    });
  }
}

// What follows the product, for a piece of it. S: what is computed in is stored as.
template <class S, class T>
void finish_linear(const kernels::LinearForward& p, const gemm::Piece<T>& piece) {
  using kernels::Activation;
  if (p.activation == Activation::kGeluTanh) {
    activate<S, Activation::kGeluTanh>(p, piece);
  } else if (p.activation == Activation::kGeluErf) {
    activate<S, Activation::kGeluErf>(p, piece);
  } else if (p.bias != nullptr || p.preactivation != nullptr) {
    activate<S, Activation::kNone>(p, piece);
  }
  if (p.dropout > 0) drop(p, piece);
  with_type_like<T>(p.y_type, [&](auto y) { store<typename decltype(y)::type>(p, piece); });
}

}  // namespace wudao::WUDAO_ISA
