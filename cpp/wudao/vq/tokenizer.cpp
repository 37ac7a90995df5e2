#include "wudao/vq/tokenizer.h"

#include "wudao/ops/add.h"
#include "wudao/ops/difference_loss.h"
#include "wudao/ops/fsq.h"
#include "wudao/ops/gumbel_quantize.h"
#include "wudao/ops/vq_assign.h"
#include "wudao/ops/vq_quantize.h"

namespace wudao::vq {

Tokenizer::Tokenizer(Context& ctx, const TokenizerConfig& config, DType compute, std::uint64_t seed)
    : config_((config.check(), config)),
      compute_(compute),
      list_(ctx, accumulator_of(compute), seed, false),
      encoder_(encoder_of(list_, "enc_b.blocks.", config)),
      decoder_(decoder_of(list_, "dec.blocks.", config)),
      assigned_(config.codes) {
  if (config.quantizer != Quantizer::kFsq) book_.emplace(ctx, config, accumulator_of(compute), seed);
}

Codebook& Tokenizer::require_book(std::string_view op) {
  if (!book_) fail<ConfigError>(op, "quantizer", "vq, which has a book of codes", "fsq", "Its codes are fixed.");
  return *book_;
}

Tensor Tokenizer::codes_of(Context& ctx, const Tensor& z) const {
  if (book_) return ops::vq_assign(ctx, z, book_->values());
  return ops::fsq_codes(ctx, ops::Fsq::forward(ctx, {config_.levels, z.dtype()}, {z}, nullptr), config_.levels);
}

Tensor Tokenizer::vectors_of(Context& ctx, const Tensor& codes) const {
  if (book_) return book_->look_up(ctx, codes);
  return ops::fsq_vectors(ctx, codes, config_.levels, accumulator_of(compute_));
}

Var Tokenizer::quantized(Tape& tape, const Var& z, std::int64_t of, double tau, std::vector<double>& second) {
  Context& ctx = tape.context();
  const Tensor rows = z.value.reshape({z.value.size() / config_.code_width, config_.code_width});
  const double all_rows = static_cast<double>(rows.dim(0) / z.value.dim(0) * of);
  if (config_.quantizer == Quantizer::kBook) {
    const auto found = std::make_shared<ops::Assignment>();
    const double each = config_.commitment / (all_rows * static_cast<double>(config_.code_width));
    Var q = tape.apply<ops::VqQuantize>({book_->values(), each, compute_, found}, z);
    assigned_.see(ctx, found->codes, rows);
    second = std::move(found->distance);
    return q;
  }
  if (config_.quantizer == Quantizer::kGumbel) {
    const auto found = std::make_shared<ops::Mixed>();
    Var q = tape.apply<ops::GumbelQuantize>(
        {book_->values(), tau, config_.kl_weight / all_rows, true, compute_, found}, z);
    assigned_.see(ctx, codes_of(ctx, rows), rows);
    second = std::move(found->kl);
    return q;
  }
  assigned_.see(ctx, codes_of(ctx, rows), {});
  second.assign(static_cast<std::size_t>(ctx.shards), 0.0);
  return tape.apply<ops::Fsq>({config_.levels, compute_}, z);
}

void Tokenizer::check(std::string_view op, const Tensor& pictures) const {
  ops::check_map(op, "images", pictures);
  const std::int64_t side = config_.pixels();
  if (pictures.dim(3) == 3 && pictures.dim(1) % side == 0 && pictures.dim(2) % side == 0) return;
  fail<ShapeError>(op, "images", text("(batch, height, width, 3), height and width multiples of ", side),
                   to_text(pictures.shape()));
}

Tensor Tokenizer::features(Context& ctx, const Tensor& pictures) const {
  check("encode", pictures);
  Tape tape(ctx, false);
  const nn::Pass pass{tape, compute_};
  return encoder_(pass, {ops::convert(ctx, pictures, compute_), nullptr}, pass.stream()).value;
}

Tensor Tokenizer::encode(Context& ctx, const Tensor& pictures) const {
  const Tensor z = features(ctx, pictures);
  const Tensor rows = z.reshape({z.size() / z.dim(3), z.dim(3)});
  return codes_of(ctx, rows).reshape({z.dim(0), z.dim(1), z.dim(2)});
}

Tensor Tokenizer::decode(Context& ctx, const Tensor& codes) const {
  if (codes.rank() != 3 || codes.dim(1) == 0 || codes.dim(2) == 0) {
    fail<ShapeError>("decode", "codes", "(batch, height, width)", to_text(codes.shape()));
  }
  ops::check_ids("decode", "codes", codes, config_.codes);
  const Tensor q = vectors_of(ctx, codes.reshape({codes.size()}));
  Tape tape(ctx, false);
  const nn::Pass pass{tape, compute_};
  const Tensor map = q.reshape({codes.dim(0), codes.dim(1), codes.dim(2), config_.code_width});
  return decoder_(pass, {ops::convert(ctx, map, compute_), nullptr}, pass.stream()).value;
}

Losses Tokenizer::learn(Context& ctx, const Tensor& pictures, std::int64_t of, double tau) {
  check("train", pictures);
  ops::check_shards("train", ctx, pictures.dim(0));
  Tape tape(ctx, true);
  const nn::Pass pass{tape, compute_};
  const Var z = encoder_(pass, {ops::convert(ctx, pictures, compute_), nullptr}, pass.stream());
  Losses losses;
  const Var q = quantized(tape, z, of, tau, losses.second);
  const Var y = decoder_(pass, q, pass.stream());
  const double values = static_cast<double>(pictures.size() / pictures.dim(0) * of);
  ops::Difference pixels =
      ops::difference_loss(ctx, y.value, pictures, {config_.absolute, config_.squared}, 1.0 / values);
  tape.backward(y, std::move(pixels.dy));
  losses.pixels = std::move(pixels.losses);
  return losses;
}

}  // namespace wudao::vq
