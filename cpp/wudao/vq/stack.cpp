#include "wudao/vq/stack.h"

#include <memory>

#include "wudao/base/error.h"
#include "wudao/ops/add.h"

namespace wudao::vq {
namespace {

constexpr std::int64_t kColours = 3;
constexpr nn::Window kHalving{4, 2, 1}, kSame{3, 1, 1}, kPixel{1, 1, 0};

}  // namespace

void TokenizerConfig::check() const {
  const auto at_least = [](const char* key, std::int64_t value, std::int64_t least) {
    if (value < least) fail<ConfigError>("image tokenizer", key, text("at least ", least), text(value));
  };
  at_least("channels", channels, simple ? 1 : std::int64_t{1} << (halvings > 0 ? halvings - 1 : 0));
  at_least("halvings", halvings, 1);
  at_least("residual_blocks", residual_blocks, 0);
  at_least("residual_channels", residual_channels, residual_blocks > 0 ? 1 : 0);
  at_least("codes", codes, 2);
  at_least("code_width", code_width, 1);
  std::int64_t product = 1;
  for (const std::int64_t l : levels) product *= l;
  if (quantizer == Quantizer::kFsq && (codes != product || code_width != static_cast<std::int64_t>(levels.size()))) {
    fail<ConfigError>("image tokenizer", "levels", text("a product of ", codes, " and ", code_width, " of them"),
                      text(product, " and ", levels.size()));
  }
  if (halvings > 6) fail<ConfigError>("image tokenizer", "halvings", "at most 6", text(halvings));
  if (!(decay >= 0.0 && decay < 1.0)) {
    fail<ConfigError>("image tokenizer", "decay", "at least 0 and below 1", text(decay));
  }
  if (!(epsilon > 0.0)) fail<ConfigError>("image tokenizer", "epsilon", "a positive number", text(epsilon));
}

std::string Stack::place(const char* inner) const { return name_ + std::to_string(places_) + inner; }

void Stack::add(Layer layer) {
  layers_.push_back(std::move(layer));
  ++places_;
  rectify_ = false;
}

Stack& Stack::conv(std::int64_t in, std::int64_t out, nn::Window window) {
  const auto layer = std::make_shared<nn::Conv2d>(*list_, place(), in, out, window);
  add([layer, rectify = rectify_](const nn::Pass& pass, const Var& x, DType type) {
    return (*layer)(pass, x, type, rectify);
  });
  return *this;
}

Stack& Stack::conv_transpose(std::int64_t in, std::int64_t out, nn::Window window) {
  const auto layer = std::make_shared<nn::ConvTranspose2d>(*list_, place(), in, out, window);
  add([layer, rectify = rectify_](const nn::Pass& pass, const Var& x, DType type) {
    return (*layer)(pass, x, type, rectify);
  });
  return *this;
}

Stack& Stack::relu() {
  rectify_ = true;
  ++places_;
  return *this;
}

Stack& Stack::residual(std::int64_t channels, std::int64_t inner) {
  const auto wide = std::make_shared<nn::Conv2d>(*list_, place(".conv.1"), channels, inner, kSame);
  const auto back = std::make_shared<nn::Conv2d>(*list_, place(".conv.3"), inner, channels, kPixel);
  add([wide, back](const nn::Pass& pass, const Var& x, DType type) {
    return pass.tape.apply<ops::Add>({}, x, (*back)(pass, (*wide)(pass, x, type, true), type, true));
  });
  return *this;
}

Var Stack::operator()(const nn::Pass& pass, Var x, DType out) const {
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    x = layers_[i](pass, x, i + 1 == layers_.size() ? out : pass.compute);
  }
  return x;
}

Stack encoder_of(nn::ParameterList& list, const std::string& name, const TokenizerConfig& config) {
  Stack stack(list, name);
  std::int64_t in = kColours;
  for (std::int64_t h = 0; h < config.halvings; ++h) {
    if (h > 0) stack.relu();
    stack.conv(in, config.channels_after(h), kHalving);
    in = config.channels_after(h);
  }
  if (!config.simple) stack.relu().conv(in, in, kSame);
  for (std::int64_t b = 0; b < config.residual_blocks; ++b) stack.residual(in, config.residual_channels);
  stack.relu().conv(in, config.code_width, kPixel);
  return stack;
}

// The residual blocks follow the first doubling, as in CogView's code.
Stack decoder_of(nn::ParameterList& list, const std::string& name, const TokenizerConfig& config) {
  Stack stack(list, name);
  std::int64_t in = config.code_width;
  for (std::int64_t h = config.halvings - 1; h >= 0; --h) {
    stack.conv_transpose(in, config.channels_after(h), kHalving);
    in = config.channels_after(h);
    for (std::int64_t b = 0; h == config.halvings - 1 && b < config.residual_blocks; ++b) {
      stack.residual(in, config.residual_channels);
    }
    stack.relu();
  }
  stack.conv(in, kColours, kPixel);
  return stack;
}

}  // namespace wudao::vq
