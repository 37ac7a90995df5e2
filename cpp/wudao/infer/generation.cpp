#include "wudao/infer/generation.h"

#include <algorithm>
#include <tuple>

#include "wudao/infer/beam_search.h"
#include "wudao/infer/sampling.h"

namespace wudao::infer {

std::vector<Result> Generation::take_results() {
  std::sort(results_.begin(), results_.end(), [](const Result& a, const Result& b) {
    return std::tie(a.prompt, a.sample) < std::tie(b.prompt, b.sample);
  });
  return std::exchange(results_, {});
}

std::unique_ptr<Generation> generate(const Context& ctx, const model::GLM& glm, std::vector<Prompt> prompts,
                                     const Options& options) {
  check(glm.config(), options);
  check(glm.config(), prompts);
  if (options.num_beams > 1) return std::make_unique<BeamSearch>(ctx, glm, std::move(prompts), options);
  return std::make_unique<SampledTexts>(ctx, glm, std::move(prompts), options);
}

std::vector<Token> part_a(const Prompt& prompt) {
  std::vector<Token> tokens;
  for (const std::int32_t id : prompt.ids) tokens.push_back({id, static_cast<std::int32_t>(tokens.size()), 0});
  return tokens;
}

Token part_b(const Prompt& prompt, std::size_t blank, std::int64_t index, std::int32_t id) {
  return {id, prompt.masks[blank], static_cast<std::int32_t>(index) + 1};
}

}  // namespace wudao::infer
