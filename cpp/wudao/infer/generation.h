// Generation in steps: each step runs the model once for all texts at work and adds a token to each.
#pragma once

#include <memory>

#include "wudao/infer/decoder.h"
#include "wudao/infer/request.h"

namespace wudao::infer {

class Generation {
 public:
  virtual ~Generation() = default;
  // Adds one token to every text at work; false when there is nothing left to do.
  virtual bool step() = 0;
  // Ends the texts at work where they are; what has not begun gives no result.
  virtual void cancel() = 0;
  // Tokens written since the last call.
  std::vector<Event> take_events() { return std::exchange(events_, {}); }
  // By prompt, then by sample.
  std::vector<Result> take_results();

 protected:
  std::vector<Event> events_;
  std::vector<Result> results_;
};

// Sampling (num_beams 1) or beam search, after checking the request.
std::unique_ptr<Generation> generate(const Context& ctx, const model::GLM& glm, std::vector<Prompt> prompts,
                                     const Options& options);

// What the parts below share.

// Part A as tokens: positions count from 0, block positions are 0.
std::vector<Token> part_a(const Prompt& prompt);
// Token `index` (0: sop) of blank number `blank`.
Token part_b(const Prompt& prompt, std::size_t blank, std::int64_t index, std::int32_t id);

}  // namespace wudao::infer
