#include "wudao/model/block.h"

#include <cmath>
#include <cstring>

#include "wudao/ops/add.h"
#include "wudao/ops/attention.h"

namespace wudao::model {
namespace {

constexpr std::uint32_t kDenseStreams = 4;  // attention, its output, the second linear layer, and one that is free
constexpr std::uint32_t kAttentionStreams = 2;

double output_std(const GLMConfig& config) {
  return config.init_std / std::sqrt(2.0 * static_cast<double>(config.num_layers));
}

std::unique_ptr<moe::Layer> make_experts(Context& ctx, nn::ParameterList& list, const std::string& name,
                                         const GLMConfig& config, std::shared_ptr<comm::Communicator> comm,
                                         std::uint32_t stream) {
  moe::LayerConfig layer = *config.experts;
  layer.hidden = config.hidden_size;
  layer.activation = config.activation;
  layer.std = layer.gate_std = config.init_std;
  layer.output_std = output_std(config);
  return std::make_unique<moe::Layer>(ctx, list, name + ".mlp.", layer, std::move(comm), stream);
}

// Experts add to what they are given.
Var zeros_like(const nn::Pass& pass, const Var& x) {
  const Tensor zeros = pass.tape.context().empty(x.value.shape(), x.value.dtype());
  std::memset(zeros.raw(), 0, zeros.bytes());
  return {zeros, nullptr};
}

}  // namespace

std::uint32_t Block::stride(const GLMConfig& config) {
  return config.experts ? kAttentionStreams + moe::Layer::kStreams : kDenseStreams;
}

Block::Block(Context& ctx, nn::ParameterList& list, const std::string& name, const GLMConfig& config, bool has_experts,
             std::shared_ptr<comm::Communicator> comm, std::uint32_t stream)
    : heads_(config.num_heads),
      activation_(config.activation),
      stream_(stream),
      input_norm_(list, name + ".input_layernorm", config.hidden_size, config.norm_scaling),
      qkv_(list, name + ".attention.query_key_value", config.hidden_size, 3 * config.hidden_size, config.init_std),
      dense_(list, name + ".attention.dense", config.hidden_size, config.hidden_size, output_std(config)),
      post_norm_(list, name + ".post_attention_layernorm", config.hidden_size, config.norm_scaling) {
  const std::int64_t width = config.hidden_size;
  if (config.sandwich) {
    third_norm_ = std::make_unique<nn::LayerNorm>(list, name + ".third_layernorm", width, config.norm_scaling);
    fourth_norm_ = std::make_unique<nn::LayerNorm>(list, name + ".fourth_layernorm", width, config.norm_scaling);
  }
  if (has_experts) {
    experts_ = make_experts(ctx, list, name, config, std::move(comm), stream + kAttentionStreams);
    return;
  }
  up_ = std::make_unique<nn::Linear>(list, name + ".mlp.dense_h_to_4h", width, 4 * width, config.init_std);
  down_ = std::make_unique<nn::Linear>(list, name + ".mlp.dense_4h_to_h", 4 * width, width, output_std(config));
}

// x + attention(LN(x)), the branch through a norm where there is one.
Var Block::attended(const nn::Pass& pass, const Var& x, const Visibility& visible) const {
  const Var qkv = qkv_(pass, input_norm_(pass, x));
  const Var values =
      pass.tape.apply<ops::Attention>({visible.batch, heads_, visible.sep, visible.mask, pass.dropout, stream_}, qkv);
  if (third_norm_ == nullptr) return dense_.add_to(pass, x, values, stream_ + 1);
  const Var branch = dense_.add_to(pass, Var{}, values, stream_ + 1);
  return pass.tape.apply<ops::Add>({}, x, third_norm_->keep_stream(pass, branch));
}

// residual + F(normal)
Var Block::fed_forward(const nn::Pass& pass, const Var& normal, const Var& residual) const {
  if (experts_ != nullptr) return (*experts_)(pass, normal, residual);
  return down_->add_to(pass, residual, (*up_)(pass, normal, activation_), stream_ + kAttentionStreams);
}

Var Block::operator()(const nn::Pass& pass, const Var& x, const Visibility& visible) const {
  return finished(pass, attended(pass, x, visible));
}

Var Block::idle(const nn::Pass& pass, const Var& none) const { return finished(pass, none); }

Var Block::finished(const nn::Pass& pass, const Var& y) const {
  const Var normal = post_norm_(pass, y);
  if (fourth_norm_ == nullptr) return fed_forward(pass, normal, y);
  const Var branch = fed_forward(pass, normal, experts_ == nullptr ? Var{} : zeros_like(pass, y));
  return pass.tape.apply<ops::Add>({}, y, fourth_norm_->keep_stream(pass, branch));
}

}  // namespace wudao::model
