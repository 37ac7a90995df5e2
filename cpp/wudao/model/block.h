// One layer of the transformer.
#pragma once

#include <memory>
#include <string>

#include "wudao/model/config.h"
#include "wudao/moe/layer.h"

namespace wudao::model {

// The mask of a batch: exactly one of `sep` (B,) and `mask` (B, T, T).
struct Visibility {
  std::int64_t batch;
  Tensor sep, mask;
};

// Pre-LN block: x += attention(LN(x)); x += F(LN(x)); with sandwich x += LN(attention(LN(x))), x += LN(F(LN(x))). F is two linear layers with an activation between them, or a
// layer of experts. Keys of random numbers start at `stream`; a block takes stride() of them.
class Block {
 public:
  Block(Context& ctx, nn::ParameterList& list, const std::string& name, const GLMConfig& config, bool has_experts,
        std::shared_ptr<comm::Communicator> comm, std::uint32_t stream);
  Var operator()(const nn::Pass& pass, const Var& x, const Visibility& visible) const;
  // The layer of experts alone, of no rows: (0, C) stream -> stream.
  Var idle(const nn::Pass& pass, const Var& none) const;
  static std::uint32_t stride(const GLMConfig& config);

  // The layers, for decoding without a tape.
  const nn::LayerNorm& input_norm() const { return input_norm_; }
  const nn::Linear& qkv() const { return qkv_; }
  const nn::Linear& dense() const { return dense_; }
  const nn::LayerNorm& post_norm() const { return post_norm_; }
  moe::Layer* experts() const { return experts_.get(); }  // null: the two below are there instead
  const nn::Linear& up() const { return *up_; }
  const nn::Linear& down() const { return *down_; }
  ops::Activation activation() const { return activation_; }
  const nn::LayerNorm* attention_norm() const { return third_norm_.get(); }  // behind the branches; null: there is none
  const nn::LayerNorm* output_norm() const { return fourth_norm_.get(); }

 private:
  Var attended(const nn::Pass& pass, const Var& x, const Visibility& visible) const;
  Var fed_forward(const nn::Pass& pass, const Var& normal, const Var& residual) const;
  Var finished(const nn::Pass& pass, const Var& y) const;
  std::int64_t heads_;
  ops::Activation activation_;
  std::uint32_t stream_;
  nn::LayerNorm input_norm_;
  nn::Linear qkv_, dense_;
  nn::LayerNorm post_norm_;
  std::unique_ptr<nn::Linear> up_, down_;
  std::unique_ptr<moe::Layer> experts_;
  std::unique_ptr<nn::LayerNorm> third_norm_, fourth_norm_;
};

}  // namespace wudao::model
