// What a GLM is; with a norm behind every branch and one table of positions, a CogView.
#pragma once

#include <optional>
#include <vector>

#include "wudao/kernels/rows.h"
#include "wudao/moe/config.h"

namespace wudao::model {

struct GLMConfig {
  std::int64_t vocab_size = 0;  // rows of the word embedding, padding included
  std::int64_t hidden_size = 0, num_layers = 0, num_heads = 0;
  std::int64_t max_positions = 0;
  bool block_positions = true;  // two tables of max_positions + 1 rows; else one of max_positions
  kernels::Activation activation = kernels::Activation::kGeluTanh;
  double dropout = 0.0;
  std::int64_t unpadded_vocab_size = 0;  // ids from here on are padding and never predicted; 0: none
  double init_std = 0.02;
  bool sandwich = false;  // a norm behind every branch too (Ding et al. 2021, "Sandwich-LN")
  kernels::NormScaling norm_scaling = kernels::NormScaling::kNone;
  std::int64_t picture_ids = 0;  // ids below are codes of pictures
  double embedding_gradient = 1.0;  // factor of the gradient that word embeddings have of being looked up
  std::optional<moe::LayerConfig> experts;  // width, activation and deviations are the model's
  std::vector<bool> moe_layers;             // which layers have experts; empty: none

  void check() const;  // ConfigError naming the key
  bool has_experts(std::int64_t layer) const { return experts && moe_layers.at(static_cast<std::size_t>(layer)); }
};

}  // namespace wudao::model
