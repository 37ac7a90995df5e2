// The shape of an image tokenizer.
#pragma once

#include <cstdint>
#include <vector>

namespace wudao::vq {

enum class Quantizer : std::uint8_t {
  kBook,    // the nearest code of a book that follows by averages
  kGumbel,  // the same; in training a mixture of all codes
  kFsq,     // every channel rounded to one of its levels: finite scalar quantization
};

// An encoder that halves a picture `halvings` times, a book of codes, and a decoder that doubles again.
struct TokenizerConfig {
  std::int64_t channels = 64;  // of the hidden maps
  std::int64_t halvings = 2;   // a code stands for 2^halvings x 2^halvings pixels
  bool simple = false;         // all hidden maps have `channels` (CogView); otherwise each one before the last has half as
                               // many as the next, and a 3 x 3 convolution follows
  std::int64_t residual_blocks = 2, residual_channels = 32;
  Quantizer quantizer = Quantizer::kBook;
  std::vector<std::int64_t> levels;           // of each channel of a code; fsq only
  std::int64_t codes = 512, code_width = 32;  // with fsq the product and the number of levels
  double decay = 0.99, epsilon = 1e-5;    // of the averages that make the book
  double commitment = 0.25;               // weight of mean (stop(q) - z)^2; of the book
  double kl_weight = 0.0;                 // of the mean divergence of codes from uniform; of gumbel
  double absolute = 0.0, squared = 1.0;   // weights of the mean L1 and L2 of the pixels

  std::int64_t pixels() const { return std::int64_t{1} << halvings; }
  // The channels after halving number `place`, which counts from 0.
  std::int64_t channels_after(std::int64_t place) const {
    return simple ? channels : channels >> (halvings - 1 - place);
  }
  void check() const;
};

}  // namespace wudao::vq
