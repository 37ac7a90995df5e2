#include "wudao/infer/decoder.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "wudao/kernels/table.h"

namespace wudao::infer {
namespace {

// Rows of one feed that lie in one chunk.
struct Segment {
  std::size_t feed, chunk;
  std::int64_t row;    // first row in the chunk
  std::int64_t token;  // first token in the feed
  std::int64_t count;
};

struct Plan {
  std::vector<Segment> segments;
  std::vector<std::int64_t> chunks;     // rows of each
  std::vector<std::int64_t> first_row;  // of each feed among all rows
  std::vector<std::int64_t> past;       // tokens that each cache held before
  std::vector<std::int32_t> sep;        // end of the keys that all tokens of a feed see
  std::int64_t rows = 0;
};

Plan make_plan(std::span<const Feed> feeds, std::int64_t chunk_rows) {
  Plan plan;
  for (std::size_t f = 0; f < feeds.size(); ++f) {
    const auto count = static_cast<std::int64_t>(feeds[f].tokens.size());
    plan.first_row.push_back(plan.rows);
    plan.past.push_back(feeds[f].cache->length());
    plan.sep.push_back(feeds[f].bidirectional ? static_cast<std::int32_t>(plan.past[f] + count) : 0);
    for (std::int64_t token = 0; token < count;) {
      const std::int64_t row = plan.rows % chunk_rows, step = std::min(count - token, chunk_rows - row);
      plan.segments.push_back({f, static_cast<std::size_t>(plan.rows / chunk_rows), row, token, step});
      plan.rows += step;
      token += step;
    }
  }
  for (std::int64_t row = 0; row < plan.rows; row += chunk_rows) {
    plan.chunks.push_back(std::min(chunk_rows, plan.rows - row));
  }
  return plan;
}

model::Inputs gather_inputs(const Context& ctx, std::span<const Feed> feeds, std::int64_t rows) {
  model::Inputs inputs;
  inputs.ids = ctx.empty({rows}, DType::kInt32);
  inputs.positions = ctx.empty({rows}, DType::kInt32);
  inputs.block_positions = ctx.empty({rows}, DType::kInt32);
  std::int64_t row = 0;
  for (const Feed& feed : feeds) {
    for (const Token& token : feed.tokens) {
      inputs.ids.data<std::int32_t>()[row] = token.id;
      inputs.positions.data<std::int32_t>()[row] = token.position;
      inputs.block_positions.data<std::int32_t>()[row++] = token.block_position;
    }
  }
  return inputs;
}

std::byte* at(const Tensor& tensor, std::int64_t row, std::int64_t width) {
  return static_cast<std::byte*>(tensor.raw()) + static_cast<std::size_t>(row * width) * size_of(tensor.dtype());
}

// One forward pass over a plan.
class Pass {
 public:
  Pass(Context& ctx, const model::GLM& glm, std::span<const Feed> feeds, const Plan& plan)
      : ctx_(ctx), glm_(glm), feeds_(feeds), plan_(plan), tape_(ctx, false), pass_{tape_, glm.compute()} {}

  // Hidden states chunk by chunk; without `finish`, only what the caches need of the last layer.
  std::vector<Tensor> run(bool finish) {
    const Tensor embedded = glm_.embed(pass_, gather_inputs(ctx_, feeds_, plan_.rows)).value;
    std::vector<Tensor> x;
    std::int64_t row = 0;
    for (const std::int64_t rows : plan_.chunks) {
      x.push_back(embedded.rows(row, rows));
      row += rows;
    }
    for (std::size_t layer = 0; layer < glm_.blocks().size(); ++layer) {
      const std::vector<Tensor> qkv = project(layer, x);
      if (!finish && layer + 1 == glm_.blocks().size()) break;
      std::vector<Tensor> attended = attend(layer, qkv);
      for (std::size_t c = 0; c < x.size(); ++c) x[c] = glm_.blocks()[layer].finish(pass_, x[c], attended[c]);
    }
    return x;
  }

 private:
  std::vector<Tensor> project(std::size_t layer, const std::vector<Tensor>& x) {
    std::vector<Tensor> qkv;
    for (const Tensor& chunk : x) qkv.push_back(glm_.blocks()[layer].qkv(pass_, chunk));
    for_segments([&](const Segment& s) {
      feeds_[s.feed].cache->store(ctx_, static_cast<std::int64_t>(layer), plan_.past[s.feed] + s.token, s.count,
                                  qkv[s.chunk], s.row);
    });
    return qkv;
  }

  // Many texts: one task each. Few: each call spreads its heads over the pool.
  template <class F>
  void for_segments(F&& f) {
    const auto count = static_cast<std::int64_t>(plan_.segments.size());
    if (count < ctx_.pool->size()) {
      for (const Segment& s : plan_.segments) f(s);
    } else {
      ctx_.pool->for_each(count, [&](std::int64_t i, int) { f(plan_.segments[static_cast<std::size_t>(i)]); });
    }
  }

  std::vector<Tensor> attend(std::size_t layer, const std::vector<Tensor>& qkv) {
    std::vector<Tensor> y;
    for (const std::int64_t rows : plan_.chunks)
      y.push_back(ctx_.empty({rows, glm_.config().hidden_size}, glm_.compute()));
    for_segments([&](const Segment& s) { attend(layer, s, qkv[s.chunk], y[s.chunk]); });
    return y;
  }

  void attend(std::size_t layer, const Segment& s, const Tensor& qkv, const Tensor& y) const {
    const std::int64_t width = glm_.config().hidden_size, heads = glm_.config().num_heads, head = width / heads;
    const auto keys = plan_.past[s.feed] + static_cast<std::int64_t>(feeds_[s.feed].tokens.size());
    const KvCache& cache = *feeds_[s.feed].cache;
    const kernels::AttentionShape shape = {
        1,       heads,          head, s.count, keys, plan_.past[s.feed] + s.token, &plan_.sep[s.feed],
        nullptr, glm_.compute(), 0.0,  {},      0};
    const auto index = static_cast<std::int64_t>(layer);
    ctx_.kernels->attention_forward({shape,
                                     {at(qkv, s.row, 3 * width), 0, 3 * width, head},
                                     {},
                                     {},
                                     {at(y, s.row, width), 0, width, head},
                                     nullptr,
                                     ctx_.pool.get(),
                                     cache.layer(index)});
  }

  Context& ctx_;
  const model::GLM& glm_;
  std::span<const Feed> feeds_;
  const Plan& plan_;
  Tape tape_;
  nn::Pass pass_;
};

// The wanted rows of chunked hidden states as one matrix.
Tensor gather_rows(const Context& ctx, const std::vector<Tensor>& x, const Plan& plan, std::int64_t chunk_rows,
                   Rows wanted) {
  std::vector<std::int64_t> rows;
  for (std::size_t f = 0; wanted == Rows::kLast && f < plan.first_row.size(); ++f) {
    rows.push_back((f + 1 < plan.first_row.size() ? plan.first_row[f + 1] : plan.rows) - 1);
  }
  for (std::int64_t row = 0; wanted == Rows::kAll && row < plan.rows; ++row) rows.push_back(row);
  const std::int64_t width = x[0].dim(1);
  Tensor out = ctx.empty({static_cast<std::int64_t>(rows.size()), width}, x[0].dtype());
  const std::size_t bytes = static_cast<std::size_t>(width) * size_of(out.dtype());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Tensor& chunk = x[static_cast<std::size_t>(rows[i] / chunk_rows)];
    std::memcpy(at(out, static_cast<std::int64_t>(i), width), at(chunk, rows[i] % chunk_rows, width), bytes);
  }
  return out;
}

void check(std::span<const Feed> feeds, const model::GLM& glm) {
  if (feeds.empty()) fail<ShapeError>("decode", "feeds", "at least one text", "none");
  std::set<const KvCache*> seen;
  for (const Feed& feed : feeds) {
    if (feed.tokens.empty()) fail<ShapeError>("decode", "tokens", "at least one token", "none");
    if (!feed.cache->fits(glm)) fail<ShapeError>("decode", "cache", "one made for this model", "one of another shape");
    if (!seen.insert(feed.cache).second)
      fail<ShapeError>("decode", "cache", "one for each text", "the same twice", "Fork it.");
  }
}

}  // namespace

Decoder::Decoder(const Context& ctx, const model::GLM& glm, std::int64_t chunk_rows)
    : ctx_(ctx), glm_(glm), chunk_rows_(chunk_rows) {
  if (chunk_rows < 1) fail<ConfigError>("decode", "chunk_rows", "at least 1", text(chunk_rows));
}

Tensor Decoder::run(std::span<const Feed> feeds, Rows wanted) {
  check(feeds, glm_);
  const Plan plan = make_plan(feeds, chunk_rows_);
  for (std::size_t f = 0; f < feeds.size(); ++f) {
    feeds[f].cache->reserve(ctx_, plan.past[f] + static_cast<std::int64_t>(feeds[f].tokens.size()));
  }
  const std::vector<Tensor> x = Pass(ctx_, glm_, feeds, plan).run(wanted != Rows::kNone);
  for (const Feed& feed : feeds) feed.cache->extend(static_cast<std::int64_t>(feed.tokens.size()));
  if (wanted == Rows::kNone) return {};
  Tape tape(ctx_, false);
  const nn::Pass pass{tape, glm_.compute()};
  return glm_.logits(ctx_, glm_.final_norm(pass, gather_rows(ctx_, x, plan, chunk_rows_, wanted)));
}

}  // namespace wudao::infer
