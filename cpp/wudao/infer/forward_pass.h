// One pass of new tokens through all layers: kernel calls that the workers of the pool run together, as one program.
//
// The caller makes room and packs weights; the workers then need nothing but each other. A token's pass is some hundred
// short loops, and a region of the pool for each of them would cost more than some of the loops.
#pragma once

#include "wudao/infer/feed.h"
#include "wudao/infer/head.h"
#include "wudao/kernels/products.h"

namespace wudao::infer {

class ForwardPass {
 public:
  ForwardPass(const Context& ctx, const model::GLM& glm, const Head& head, std::span<const Feed> feeds, Rows wanted,
              std::int64_t chunk_rows);
  // Stores keys and values; logits (rows wanted, ids of the head) in the accumulator type, undefined for Rows::kNone.
  Tensor run() const;

 private:
  void place_feeds();
  void take_numbers();
  void make_room();
  void pack_weights() const;

  // What every worker runs: loops, and nothing that depends on what loops make. Layers [first, end), and what comes
  // before the first and after the last of the model.
  void program(std::int64_t first, std::int64_t end) const;
  bool run_block(std::int64_t layer) const;  // false: nobody wants what would follow
  void embed() const;
  void make_qkv(const model::Block& block) const;
  void store(std::int64_t layer) const;
  void attend(std::int64_t layer, const std::vector<Segment>& segments, bool dense) const;
  void gather() const;
  void finish(const model::Block& block, const Tensor& x) const;
  void prepare_experts(const model::Block& block, const Tensor& x) const;
  void run_experts(const model::Block& block, const Tensor& x, bool few) const;
  Tensor ids_of_last() const;
  bool few(std::int64_t layer) const { return layer + 1 == layers() && !all_wanted(); }
  std::int64_t layers() const { return static_cast<std::int64_t>(glm_.blocks().size()); }
  void make_logits() const;

  Profile::Span span(std::string_view op, const nn::Parameter& of) const;
  void look_up(const nn::Parameter& table, const Tensor& ids, const Tensor& y) const;
  void add_to_stream() const;
  void normalise(const nn::LayerNorm& norm, const std::byte* x, std::int64_t rows, std::byte* y, DType y_type) const;
  void add_branch(const nn::Linear& linear, const nn::LayerNorm* norm, const std::byte* y, std::byte* x,
                  std::int64_t rows) const;
  void add_normal(const nn::LayerNorm& norm, const std::byte* branch, std::byte* x, std::int64_t rows) const;
  void multiply(const nn::Linear& linear, const std::byte* x, std::byte* y, std::int64_t rows,
                ops::Activation activation) const;
  void multiply_into(const nn::Linear& linear, const std::byte* y, std::byte* x, std::int64_t rows) const;
  template <class F>
  void with_layer(const nn::Parameter& weight, const nn::Parameter* bias, F&& f) const;
  template <class F>
  void with_head(F&& f) const;
  template <class F>
  void for_chunks(std::int64_t rows, F&& f) const;
  template <class F>
  void for_segments(const std::vector<Segment>& segments, F&& f) const;
  bool all_wanted() const { return wanted_rows_ == rows_; }

  const Context& ctx_;
  const model::GLM& glm_;
  const Head& head_;
  std::span<const Feed> feeds_;
  Rows wanted_;
  std::int64_t chunk_rows_ = 0, width_, rows_ = 0, wanted_rows_ = 0;
  std::vector<Segment> segments_, last_;      // all tokens; the wanted ones if they are the last
  std::vector<std::int32_t> sep_;             // of each feed: end of the keys that all its tokens see
  Tensor ids_, positions_, block_positions_;  // (rows,)
  Tensor x_, added_, qkv_, attended_;         // (rows, C), qkv_ (rows, 3 C)
  Tensor normal_, wide_, work_;               // (chunk rows, C), (chunk rows, 4 C), digits
  Tensor branch_;                             // (chunk rows, C) what a norm stands behind, where there are such
  Tensor last_x_, logits_;                    // of the wanted rows
  Tensor routed_;                             // (rows, C) what a layer of experts sees
};

}  // namespace wudao::infer
