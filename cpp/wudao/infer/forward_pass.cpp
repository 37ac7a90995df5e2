#include "wudao/infer/forward_pass.h"

#include <algorithm>
#include <cstring>

#include "wudao/kernels/attention.h"
#include "wudao/kernels/elementwise.h"
#include "wudao/kernels/rows.h"
#include "wudao/kernels/table.h"
#include "wudao/ops/op.h"

namespace wudao::infer {
namespace {

std::byte* row_of(const Tensor& tensor, std::int64_t row) {
  return static_cast<std::byte*>(tensor.raw()) +
         static_cast<std::size_t>(row * tensor.dim(1)) * size_of(tensor.dtype());
}

Tensor numbers(const Context& ctx, std::span<const Feed> feeds, std::int64_t rows, std::int32_t Token::* number) {
  Tensor out = ctx.empty({rows}, DType::kInt32);
  std::int32_t* to = out.data<std::int32_t>();
  for (const Feed& feed : feeds) {
    for (const Token& token : feed.tokens) *to++ = token.*number;
  }
  return out;
}

}  // namespace

ForwardPass::ForwardPass(const Context& ctx, const model::GLM& glm, const Head& head, std::span<const Feed> feeds,
                         Rows wanted, std::int64_t chunk_rows)
    : ctx_(ctx), glm_(glm), head_(head), feeds_(feeds), wanted_(wanted), width_(glm.config().hidden_size) {
  place_feeds();
  chunk_rows_ = std::min(chunk_rows, rows_);
  take_numbers();
  make_room();
}

void ForwardPass::place_feeds() {
  for (std::size_t f = 0; f < feeds_.size(); ++f) {
    const std::int64_t count = feeds_[f].size(), past = feeds_[f].cache->length();
    sep_.push_back(feeds_[f].bidirectional ? static_cast<std::int32_t>(past + count) : 0);
    segments_.push_back({f, rows_, 0, count});
    rows_ += count;
    if (wanted_ == Rows::kLast) last_.push_back({f, rows_ - 1, count - 1, 1});
    feeds_[f].cache->reserve(ctx_, past + count);
  }
  wanted_rows_ = wanted_ == Rows::kLast ? static_cast<std::int64_t>(last_.size()) : rows_;
}

void ForwardPass::take_numbers() {
  ids_ = numbers(ctx_, feeds_, rows_, &Token::id);
  positions_ = numbers(ctx_, feeds_, rows_, &Token::position);
  block_positions_ = numbers(ctx_, feeds_, rows_, &Token::block_position);
  const model::Tables tables = glm_.tables();
  ops::check_ids("decode", "ids", ids_, tables.word.value().dim(0));
  ops::check_ids("decode", "positions", positions_, tables.position.value().dim(0));
  if (tables.block_position != nullptr)
    ops::check_ids("decode", "block_positions", block_positions_, tables.block_position->value().dim(0));
}

void ForwardPass::make_room() {
  const DType compute = glm_.compute(), stream = accumulator_of(compute);
  x_ = ctx_.empty({rows_, width_}, stream);
  added_ = ctx_.empty({rows_, width_}, stream);
  normal_ = ctx_.empty({chunk_rows_, width_}, compute);
  qkv_ = ctx_.empty({rows_, 3 * width_}, compute);
  attended_ = ctx_.empty({rows_, width_}, compute);
  if (glm_.config().sandwich) branch_ = ctx_.empty({chunk_rows_, width_}, stream);
  wide_ = ctx_.empty({chunk_rows_, 4 * width_}, compute);
  if (!glm_.expert_layers().empty()) routed_ = ctx_.empty({rows_, width_}, compute);
  const std::int64_t digits = kernels::digit_bytes(chunk_rows_, 4 * width_);
  const auto few_bits = [](const nn::ParameterPtr& parameter) { return parameter->quantized() != nullptr; };
  const auto& all = glm_.parameters();
  if (std::any_of(all.begin(), all.end(), few_bits)) work_ = ctx_.empty({digits}, DType::kUInt8);
  if (wanted_ == Rows::kNone) return;
  logits_ = ctx_.empty({wanted_rows_, head_.ids().count()}, stream);
  last_x_ = all_wanted() ? x_ : ctx_.empty({wanted_rows_, width_}, stream);
}

void ForwardPass::pack_weights() const {
  const auto pack = [&](const nn::Linear& linear) {
    with_layer(linear.weight(), &linear.bias(), [&](const auto& p) { ctx_.kernels->linear_pack(p); });
  };
  for (const model::Block& block : glm_.blocks()) {
    for (const nn::Linear* linear : {&block.qkv(), &block.dense()}) pack(*linear);
    if (block.experts() != nullptr) continue;
    for (const nn::Linear* linear : {&block.up(), &block.down()}) pack(*linear);
  }
  with_head([&](const auto& p) { ctx_.kernels->linear_pack(p); });
}

// A layer of experts begins with the choices of all rows, so the workers' program ends before it and begins behind it.
Tensor ForwardPass::run() const {
  pack_weights();
  for (std::int64_t first = 0; first <= layers();) {
    std::int64_t end = first;
    while (end < layers() && glm_.blocks()[static_cast<std::size_t>(end)].experts() == nullptr) ++end;
    const bool mixes = end < layers();
    end += 1;
    ctx_.pool->together([&](int) { program(first, end); });
    if (mixes && (end < layers() || wanted_ != Rows::kNone)) {
      run_experts(glm_.blocks()[static_cast<std::size_t>(end - 1)], few(end - 1) ? last_x_ : x_, few(end - 1));
    }
    first = end;
  }
  return logits_;
}

void ForwardPass::program(std::int64_t first, std::int64_t end) const {
  if (first == 0) embed();
  for (std::int64_t i = first; i < std::min(end, layers()); ++i) {
    if (!run_block(i)) return;
  }
  if (end > layers() && wanted_ != Rows::kNone) make_logits();
}

bool ForwardPass::run_block(std::int64_t layer) const {
  const model::Block& block = glm_.blocks()[static_cast<std::size_t>(layer)];
  make_qkv(block);
  store(layer);
  if (layer + 1 == layers() && wanted_ == Rows::kNone) return false;
  attend(layer, few(layer) ? last_ : segments_, few(layer));
  if (few(layer)) gather();
  if (block.experts() == nullptr) {
    finish(block, few(layer) ? last_x_ : x_);
  } else {
    prepare_experts(block, few(layer) ? last_x_ : x_);
  }
  return true;
}

// x = word + position + block position
void ForwardPass::embed() const {
  const model::Tables tables = glm_.tables();
  look_up(tables.word, ids_, x_);
  look_up(tables.position, positions_, added_);
  add_to_stream();
  if (tables.block_position == nullptr) return;
  look_up(*tables.block_position, block_positions_, added_);
  add_to_stream();
}

// What this worker does, for the trace that people look at.
Profile::Span ForwardPass::span(std::string_view op, const nn::Parameter& of) const {
  Profile* const profile = ctx_.profile.get();
  return {profile, op, of.name(), "forward", profile == nullptr ? 0 : ctx_.pool->worker()};
}

void ForwardPass::look_up(const nn::Parameter& table, const Tensor& ids, const Tensor& y) const {
  const Profile::Span here = span("embedding", table);
  kernels::QuantizedWeight quantized = {};
  if (table.quantized() != nullptr) quantized = table.quantized()->view();
  ctx_.kernels->embedding_forward({table.value().raw(), ids.data<std::int32_t>(), y.raw(), y.dtype(), rows_, width_,
                                   ctx_.pool.get(), table.quantized() != nullptr ? &quantized : nullptr});
}

void ForwardPass::add_to_stream() const {
  ctx_.kernels->add({x_.raw(), added_.raw(), x_.raw(), x_.dtype(), x_.dtype(), x_.dtype(), x_.size(), ctx_.pool.get()});
}

void ForwardPass::normalise(const nn::LayerNorm& norm, const std::byte* x, std::int64_t rows, std::byte* y,
                            DType y_type) const {
  const Profile::Span here = span("layer_norm", norm.gamma());
  ctx_.kernels->layer_norm_forward({x, norm.gamma().value().raw(), norm.beta().value().raw(), y, nullptr, nullptr,
                                    x_.dtype(), y_type, rows, width_, nn::LayerNorm::kEps, ctx_.pool.get(), norm.scaling()});
}

// Calls f(arguments of y = x W^T + bias) without x, residual and y.
template <class F>
void ForwardPass::with_layer(const nn::Parameter& weight, const nn::Parameter* bias, F&& f) const {
  const Profile::Span here = span("linear", weight);
  kernels::QuantizedWeight quantized = {};
  if (weight.quantized() != nullptr) quantized = weight.quantized()->view();
  kernels::LinearForward p = {};
  p.weight = weight.value().raw();
  p.packed = &weight.value().storage().packed();
  p.bias = bias == nullptr ? nullptr : bias->value().raw();
  p.compute = glm_.compute();
  p.out = weight.value().dim(0);
  p.in = weight.value().dim(1);
  p.pool = ctx_.pool.get();
  p.work = work_.defined() ? work_.raw() : nullptr;
  p.quantized = weight.quantized() == nullptr ? nullptr : &quantized;
  f(p);
}

// The same for the rows of the word table that make logits.
template <class F>
void ForwardPass::with_head(F&& f) const {
  with_layer(glm_.tables().word, nullptr, [&](kernels::LinearForward& p) {
    kernels::QuantizedWeight some = {};
    head_.narrow(p, some);
    f(p);
  });
}

void ForwardPass::multiply(const nn::Linear& linear, const std::byte* x, std::byte* y, std::int64_t rows,
                           ops::Activation activation) const {
  with_layer(linear.weight(), &linear.bias(), [&](kernels::LinearForward& p) {
    p.x = x;
    p.y = y;
    p.rows = rows;
    p.y_type = p.compute;
    p.activation = activation;
    ctx_.kernels->linear_forward(p);
  });
}

// x += layer(y)
void ForwardPass::multiply_into(const nn::Linear& linear, const std::byte* y, std::byte* x, std::int64_t rows) const {
  with_layer(linear.weight(), &linear.bias(), [&](kernels::LinearForward& p) {
    p.x = y;
    p.residual = x;
    p.y = x;
    p.rows = rows;
    p.y_type = x_.dtype();
    ctx_.kernels->linear_forward(p);
  });
}

// x += layer(y), or x += LN(layer(y))
void ForwardPass::add_branch(const nn::Linear& linear, const nn::LayerNorm* norm, const std::byte* y, std::byte* x,
                             std::int64_t rows) const {
  if (norm == nullptr) return multiply_into(linear, y, x, rows);
  with_layer(linear.weight(), &linear.bias(), [&](kernels::LinearForward& p) {
    p.x = y;
    p.y = branch_.raw();
    p.rows = rows;
    p.y_type = x_.dtype();
    ctx_.kernels->linear_forward(p);
  });
  add_normal(*norm, row_of(branch_, 0), x, rows);
}

// x += LN(branch)
void ForwardPass::add_normal(const nn::LayerNorm& norm, const std::byte* branch, std::byte* x,
                             std::int64_t rows) const {
  const DType stream = x_.dtype();
  normalise(norm, branch, rows, row_of(added_, 0), stream);
  ctx_.kernels->add({x, added_.raw(), x, stream, stream, stream, rows * width_, ctx_.pool.get()});
}

// Calls f(first row, rows) for chunks of `rows` rows.
template <class F>
void ForwardPass::for_chunks(std::int64_t rows, F&& f) const {
  for (std::int64_t row = 0; row < rows; row += chunk_rows_) f(row, std::min(chunk_rows_, rows - row));
}

void ForwardPass::make_qkv(const model::Block& block) const {
  for_chunks(rows_, [&](std::int64_t row, std::int64_t rows) {
    normalise(block.input_norm(), row_of(x_, row), rows, row_of(normal_, 0), normal_.dtype());
    multiply(block.qkv(), row_of(normal_, 0), row_of(qkv_, row), rows, ops::Activation::kNone);
  });
}

// Many texts: one task each. Few: each call shares its heads.
template <class F>
void ForwardPass::for_segments(const std::vector<Segment>& segments, F&& f) const {
  const auto count = static_cast<std::int64_t>(segments.size());
  if (count < ctx_.pool->size()) {
    for (std::int64_t i = 0; i < count; ++i) f(i);
  } else {
    ctx_.pool->for_each(count, [&](std::int64_t i, int) { f(i); });
  }
}

void ForwardPass::store(std::int64_t layer) const {
  const Profile::Span here = span("cache_store", glm_.blocks()[static_cast<std::size_t>(layer)].qkv().weight());
  for_segments(segments_, [&](std::int64_t i) {
    const Segment& s = segments_[static_cast<std::size_t>(i)];
    const KvCache& cache = *feeds_[s.feed].cache;
    cache.store(ctx_, layer, cache.length(), s.count, qkv_, s.row);
  });
}

// The rows of each segment of `attended_`, or one row for each segment, the first first.
void ForwardPass::attend(std::int64_t layer, const std::vector<Segment>& segments, bool dense) const {
  const Profile::Span here = span("attention", glm_.blocks()[static_cast<std::size_t>(layer)].qkv().weight());
  for_segments(segments, [&](std::int64_t i) {
    const Segment& s = segments[static_cast<std::size_t>(i)];
    const KvCache& cache = *feeds_[s.feed].cache;
    const std::int64_t heads = glm_.config().num_heads, head = width_ / heads, past = cache.length();
    const kernels::AttentionShape shape = {
        1,   heads, head, s.count, past + feeds_[s.feed].size(), past + s.first, &sep_[s.feed], nullptr, glm_.compute(),
        0.0, {},    0};
    ctx_.kernels->attention_forward({shape,
                                     {row_of(qkv_, s.row), 0, 3 * width_, head},
                                     {},
                                     {},
                                     {row_of(attended_, dense ? i : s.row), 0, width_, head},
                                     nullptr,
                                     ctx_.pool.get(),
                                     cache.layer(layer)});
  });
}

// The wanted rows of x as one matrix.
void ForwardPass::gather() const {
  const std::size_t bytes = static_cast<std::size_t>(width_) * size_of(x_.dtype());
  ctx_.pool->for_each(static_cast<std::int64_t>(last_.size()), [&](std::int64_t i, int) {
    std::memcpy(row_of(last_x_, i), row_of(x_, last_[static_cast<std::size_t>(i)].row), bytes);
  });
}

// x += dense(attended);  x += down(gelu(up(LN(x))))
void ForwardPass::finish(const model::Block& block, const Tensor& x) const {
  for_chunks(x.dim(0), [&](std::int64_t row, std::int64_t rows) {
    add_branch(block.dense(), block.attention_norm(), row_of(attended_, row), row_of(x, row), rows);
    normalise(block.post_norm(), row_of(x, row), rows, row_of(normal_, 0), normal_.dtype());
    multiply(block.up(), row_of(normal_, 0), row_of(wide_, 0), rows, block.activation());
    add_branch(block.down(), block.output_norm(), row_of(wide_, 0), row_of(x, row), rows);
  });
}

// x += dense(attended);  routed = LN(x)
void ForwardPass::prepare_experts(const model::Block& block, const Tensor& x) const {
  for_chunks(x.dim(0), [&](std::int64_t row, std::int64_t rows) {
    add_branch(block.dense(), block.attention_norm(), row_of(attended_, row), row_of(x, row), rows);
    normalise(block.post_norm(), row_of(x, row), rows, row_of(routed_, row), routed_.dtype());
  });
}

// The ids of the wanted rows.
Tensor ForwardPass::ids_of_last() const {
  Tensor ids = ctx_.empty({static_cast<std::int64_t>(last_.size())}, DType::kInt32);
  for (std::size_t i = 0; i < last_.size(); ++i) {
    ids.data<std::int32_t>()[i] = ids_.data<std::int32_t>()[last_[i].row];
  }
  return ids;
}

// x <- x + experts(routed), the branch through a norm where there is one
void ForwardPass::run_experts(const model::Block& block, const Tensor& x, bool few) const {
  Context ctx = ctx_;
  Tape tape(ctx, false);
  tape.set_scope(block.experts()->name());
  const nn::LayerNorm* norm = block.output_norm();
  const Tensor beside = norm == nullptr ? x : ctx_.empty(x.shape(), x.dtype());
  if (norm != nullptr) std::memset(beside.raw(), 0, beside.bytes());
  nn::Pass pass = {tape, glm_.compute()};
  pass.pictures = glm_.pictures_of(ctx, few ? ids_of_last() : ids_);
  const Tensor y = (*block.experts())(pass, {routed_.rows(0, x.dim(0)), nullptr}, {beside, nullptr}).value;
  if (norm == nullptr) {
    std::memcpy(x.raw(), y.raw(), x.bytes());
  } else {
    add_normal(*norm, row_of(y, 0), row_of(x, 0), x.dim(0));
  }
}

void ForwardPass::make_logits() const {
  for_chunks(wanted_rows_, [&](std::int64_t row, std::int64_t rows) {
    normalise(glm_.final_norm(), row_of(last_x_, row), rows, row_of(normal_, 0), normal_.dtype());
    with_head([&](kernels::LinearForward& p) {
      p.x = normal_.raw();
      p.y = row_of(logits_, row);
      p.rows = rows;
      p.y_type = logits_.dtype();
      ctx_.kernels->linear_forward(p);
    });
  });
}

}  // namespace wudao::infer
