#include "wudao/infer/decoder.h"

#include <set>

#include "wudao/infer/forward_pass.h"

namespace wudao::infer {
namespace {

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
    : ctx_(ctx), glm_(glm), chunk_rows_(chunk_rows), head_(glm) {
  if (chunk_rows < 1) fail<ConfigError>("decode", "chunk_rows", "at least 1", text(chunk_rows));
}

Tensor Decoder::run(std::span<const Feed> feeds, Rows wanted) {
  check(feeds, glm_);
  const Tensor logits = ForwardPass(ctx_, glm_, head_, feeds, wanted, chunk_rows_).run();
  for (const Feed& feed : feeds) feed.cache->extend(feed.size());
  return logits;
}

}  // namespace wudao::infer
