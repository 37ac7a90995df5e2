// An image tokenizer: encoder, quantizer, decoder.
#pragma once

#include <optional>

#include "wudao/vq/codebook.h"
#include "wudao/vq/stack.h"

namespace wudao::vq {

// The parts of the loss, shard by shard: sums over the shard's own values.
struct Losses {
  std::vector<double> pixels, second;  // (q - z)^2, of gumbel the divergence from uniform, of fsq 0
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
  // The second part is kl_weight times the mean divergence of codes with gumbel, whose noise the context's seed and step
  // key and whose temperature is `tau`; there is none with fsq.
  Losses learn(Context& ctx, const Tensor& pictures, std::int64_t of, double tau);

 private:
  Tensor codes_of(Context& ctx, const Tensor& z) const;        // (N, C) -> (N,)
  Tensor vectors_of(Context& ctx, const Tensor& codes) const;  // and back
  // z -> what the decoder gets; `of` pictures in all. Fills the second part of the losses.
  Var quantized(Tape& tape, const Var& z, std::int64_t of, double tau, std::vector<double>& second);
  TokenizerConfig config_;
  DType compute_;
  nn::ParameterList list_;
  Stack encoder_, decoder_;
  std::optional<Codebook> book_;
  Assigned assigned_;
};

}  // namespace wudao::vq
