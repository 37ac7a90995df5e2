// An image tokenizer: encoder, quantizer, decoder.
#pragma once

#include <optional>

#include "wudao/vq/codebook.h"
#include "wudao/vq/stack.h"

namespace wudao::vq {

// The parts of the loss, shard by shard: sums over the shard's own values.
struct Losses {
  std::vector<double> pixels, commitment;
};

class Tokenizer {
 public:
  Tokenizer(Context& ctx, const TokenizerConfig& config, DType compute, std::uint64_t seed);

  const TokenizerConfig& config() const { return config_; }
  DType compute() const { return compute_; }
  Codebook* book() { return book_ ? &*book_ : nullptr; }  // null where the quantizer needs none
  Codebook& require_book(std::string_view op);            // ConfigError where there is none
  Assigned& assigned() { return assigned_; }              // what the last batch was
  const std::vector<nn::ParameterPtr>& parameters() const { return list_.all(); }

  // pictures (B, H, W, 3) of the accumulator type, H and W multiples of config.pixels().
  void check(std::string_view op, const Tensor& pictures) const;
  Tensor features(Context& ctx, const Tensor& pictures) const;  // (B, h, w, C) before they are quantized
  Tensor encode(Context& ctx, const Tensor& pictures) const;    // (B, h, w) int32
  Tensor decode(Context& ctx, const Tensor& codes) const;       // (B, h, w) -> (B, H, W, 3)

  // Forward and backward of a micro-batch of `of` pictures in all, the context's shards of it: fills the gradients of the
  // parameters and takes down what was assigned.
  //   loss = mean (a |y - x| + b (y - x)^2) + commitment mean (q - z)^2, means over the values of all `of` pictures
  // Without a book there is no second part.
  Losses learn(Context& ctx, const Tensor& pictures, std::int64_t of);

 private:
  Tensor codes_of(Context& ctx, const Tensor& z) const;        // (N, C) -> (N,)
  Tensor vectors_of(Context& ctx, const Tensor& codes) const;  // and back
  Var quantized(Tape& tape, const Var& z, double commitment, std::vector<double>& distance);
  TokenizerConfig config_;
  DType compute_;
  nn::ParameterList list_;
  Stack encoder_, decoder_;
  std::optional<Codebook> book_;
  Assigned assigned_;
};

}  // namespace wudao::vq
