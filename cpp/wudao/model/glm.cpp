#include "wudao/model/glm.h"

#include "wudao/ops/add.h"
#include "wudao/ops/dropout.h"
#include "wudao/ops/embedding.h"
#include "wudao/ops/output_loss.h"

namespace wudao::model {
namespace {

constexpr std::uint32_t kEmbeddingStream = 1;
constexpr std::uint32_t kFirstBlockStream = 16;

void check_positive(const char* key, std::int64_t value) {
  if (value < 1) fail<ConfigError>("GLMConfig", key, "a whole number of at least 1", text(value));
}

}  // namespace

void GLMConfig::check() const {
  check_positive("vocab_size", vocab_size);
  check_positive("hidden_size", hidden_size);
  check_positive("num_layers", num_layers);
  check_positive("num_heads", num_heads);
  check_positive("max_positions", max_positions);
  if (hidden_size % num_heads != 0) {
    fail<ConfigError>("GLMConfig", "num_heads", text("a divisor of hidden_size = ", hidden_size), text(num_heads));
  }
  if (!(dropout >= 0.0 && dropout < 1.0)) {
    fail<ConfigError>("GLMConfig", "dropout", "a probability of at least 0 and below 1", text(dropout));
  }
  if (unpadded_vocab_size < 0 || unpadded_vocab_size > vocab_size) {
    fail<ConfigError>("GLMConfig", "unpadded_vocab_size", text("0 to vocab_size = ", vocab_size),
                      text(unpadded_vocab_size));
  }
  if (!(init_std > 0)) fail<ConfigError>("GLMConfig", "init_std", "a positive number", text(init_std));
  if (!(embedding_gradient > 0 && embedding_gradient <= 1)) {
    fail<ConfigError>("GLMConfig", "embedding_gradient", "above 0, at most 1", text(embedding_gradient));
  }
  if (experts && static_cast<std::int64_t>(moe_layers.size()) != num_layers) {
    fail<ConfigError>("GLMConfig", "moe", text("yes or no for each of ", num_layers, " layers"),
                      text(moe_layers.size()));
  }
}

GLM::GLM(Context& ctx, const GLMConfig& config, DType compute, std::uint64_t seed, bool dry_run,
         std::shared_ptr<comm::Communicator> comm)
    : config_(config), compute_(compute), comm_(std::move(comm)), list_(ctx, accumulator_of(compute), seed, dry_run) {
  config_.check();
  const std::int64_t width = config_.hidden_size;
  const std::int64_t rows = config_.max_positions + (config_.block_positions ? 1 : 0);
  const double std = config_.init_std;
  word_ = list_.normal("word_embeddings.weight", {config_.vocab_size, width}, std);
  word_->set_uses(2);  // as the table and as the output projection
  position_ = list_.normal("transformer.position_embeddings.weight", {rows, width}, std);
  if (config_.block_positions) {
    block_position_ = list_.normal("transformer.block_position_embeddings.weight", {rows, width}, std);
  }
  for (std::int64_t i = 0; i < config_.num_layers; ++i) {
    const auto stream = kFirstBlockStream + static_cast<std::uint32_t>(i) * Block::stride(config_);
    blocks_.emplace_back(ctx, list_, "transformer.layers." + std::to_string(i), config_, config_.has_experts(i), comm_,
                         stream);
  }
  final_norm_.emplace_back(list_, "transformer.final_layernorm", width, config_.norm_scaling);
}

std::vector<moe::Layer*> GLM::expert_layers() const {
  std::vector<moe::Layer*> layers;
  for (const Block& block : blocks_) {
    if (block.experts() != nullptr) layers.push_back(block.experts());
  }
  return layers;
}

Tensor GLM::pictures_of(Context& ctx, const Tensor& ids) const {
  if (!config_.experts || config_.experts->picture_experts == 0) return {};
  Tensor pictures = ctx.empty({ids.size()}, DType::kUInt8);
  for (std::int64_t i = 0; i < ids.size(); ++i) {
    pictures.data<std::uint8_t>()[i] = ids.data<std::int32_t>()[i] < config_.picture_ids ? 1 : 0;
  }
  return pictures;
}

void GLM::require_values(std::string_view op) const {
  if (position_->value().raw() != nullptr) return;  // always floats
  fail<ConfigError>(op, "model", "a model with values", "a dry run, which has names and shapes only",
                    "Build it without dry_run.");
}

void GLM::require_float_weights(std::string_view op) const {
  for (const nn::ParameterPtr& parameter : list_.all()) {
    if (const ops::Quantized* weight = parameter->quantized()) {
      fail<ConfigError>(op, "model", "float weights", text(parameter->name(), " of ", weight->bits, " bits"),
                        "Use the model that it was quantised from.");
    }
  }
}

Var GLM::embed(const nn::Pass& pass, const Inputs& inputs) const {
  Tape& tape = pass.tape;
  const auto look_up = [&](const nn::ParameterPtr& table, const Tensor& ids, double gradient = 1.0) {
    return tape.apply<ops::Embedding>({ids, table->quantized(), gradient}, tape.leaf(table->value(), table.get(), 0));
  };
  tape.set_scope("embeddings");
  Var x = tape.apply<ops::Add>({}, look_up(word_, inputs.ids, config_.embedding_gradient),
                          look_up(position_, inputs.positions));
  if (block_position_ != nullptr) x = tape.apply<ops::Add>({}, x, look_up(block_position_, inputs.block_positions));
  if (pass.dropout == 0.0) return x;
  return tape.apply<ops::Dropout>({pass.dropout, kEmbeddingStream}, x);
}

// x <- layer(block, pass, x) for every block, with or without keeping what backward needs.
template <class Layer>
Var GLM::through_blocks(Tape& tape, Var x, const Tensor& pictures, const Options& options, Layer&& layer) const {
  const double dropout = options.dropout ? config_.dropout : 0.0;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const auto segment = [this, i, dropout, options, pictures, layer](Tape& inner, const Var& input) {
      inner.set_scope("layers." + std::to_string(i));
      return layer(blocks_[i], nn::Pass{inner, compute_, dropout, options.int8, options.training, pictures}, input);
    };
    x = options.recompute ? tape.recompute(segment, x) : segment(tape, x);
  }
  return x;
}

Var GLM::hidden(Tape& tape, const Inputs& inputs, const Options& options) const {
  const double dropout = options.dropout ? config_.dropout : 0.0;
  const Tensor pictures = pictures_of(tape.context(), inputs.ids);
  const Var x = through_blocks(tape, embed({tape, compute_, dropout}, inputs), pictures, options,
                               [visible = inputs.visible](const Block& block, const nn::Pass& pass, const Var& input) {
                                 return block(pass, input, visible);
                               });
  tape.set_scope("final_layernorm");
  return final_norm_[0]({tape, compute_, 0.0}, x);
}

Var GLM::idle(Tape& tape, const Options& options) const {
  Context& ctx = tape.context();
  const Tensor none = ctx.empty({0, config_.hidden_size}, accumulator_of(compute_));
  const Var x = tape.leaf(none, position_.get());  // of anything that takes part, and takes nothing from an idle rank
  const Tensor pictures = pictures_of(ctx, ctx.empty({0}, DType::kInt32));
  return through_blocks(tape, x, pictures, options, [this](const Block& block, const nn::Pass& pass, const Var& input) {
    return block.experts() == nullptr ? input : block.idle(pass, input);
  });
}

Tensor GLM::logits(Context& ctx, const Tensor& hidden) const {
  ops::Linear::Params params = {accumulator_of(compute_)};
  params.quantized = word_->quantized();
  return ops::Linear::forward(ctx, params, {hidden, word_->value(), Tensor(), Tensor()}, nullptr);
}

Var GLM::loss(Tape& tape, const Var& hidden, const Tensor& targets, const Tensor& weights,
              const Tensor& row_loss) const {
  tape.set_scope("output");
  return tape.apply<ops::OutputLoss>({targets, weights, config_.unpadded_vocab_size, row_loss, word_->quantized()},
                                     hidden, tape.leaf(word_->value(), word_.get(), 1));
}

}  // namespace wudao::model
