#include "wudao/infer/request.h"

#include <algorithm>
#include <cmath>

namespace wudao::infer {
namespace {

constexpr std::string_view kOp = "generate";

void require(bool good, std::string_view argument, const std::string& expected, const std::string& got,
             std::string_view advice = "") {
  if (!good) fail<ConfigError>(kOp, argument, expected, got, advice);
}

void check_count(std::string_view argument, std::int64_t value, std::int64_t least) {
  require(value >= least, argument, text("a whole number of at least ", least), text(value));
}

void check_id(std::string_view argument, std::int32_t id, std::int64_t limit) {
  require(id >= 0 && id < limit, argument, text("ids from 0 to ", limit - 1), text(id));
}

void check_rules(const model::GLMConfig& config, const Rules& rules) {
  check_count("max_new_tokens", rules.max_new_tokens, 1);
  check_count("min_new_tokens", rules.min_new_tokens, 0);
  require(rules.min_new_tokens <= rules.max_new_tokens, "min_new_tokens",
          text("at most max_new_tokens = ", rules.max_new_tokens), text(rules.min_new_tokens));
  require(rules.repetition_penalty > 0 && std::isfinite(rules.repetition_penalty), "repetition_penalty",
          "a positive number (1: none)", text(rules.repetition_penalty));
  check_count("no_repeat_ngram", rules.no_repeat_ngram, 0);
  for (const std::int32_t id : rules.forbidden) check_id("forbidden_ids", id, config.vocab_size);
}

void check_sampling(const Sampling& sampling) {
  require(sampling.temperature >= 0 && std::isfinite(sampling.temperature), "temperature",
          "a number of at least 0 (0: always the most probable token)", text(sampling.temperature));
  check_count("top_k", sampling.top_k, 0);
  require(sampling.top_p >= 0 && sampling.top_p <= 1, "top_p", "a number from 0 to 1", text(sampling.top_p));
}

void check_beams(const Options& options) {
  check_count("num_beams", options.num_beams, 1);
  require(std::isfinite(options.length_penalty), "length_penalty", "a number", text(options.length_penalty));
  if (options.num_beams == 1) return;
  require(options.num_samples <= options.num_beams, "num_samples", text("at most num_beams = ", options.num_beams),
          text(options.num_samples), "Beam search returns its best hypotheses.");
  require(options.sampling.temperature > 0, "temperature", "a positive number with num_beams above 1",
          text(options.sampling.temperature), "Use temperature 1, or num_beams 1.");
}

void check_marks(const model::GLMConfig& config, const Marks& marks) {
  check_id("sop", marks.sop, config.vocab_size);
  require(marks.eop >= 0 || marks.eos >= 0, "eop", "an id that ends a blank (eop or eos)", "none");
  if (marks.eop >= 0) check_id("eop", marks.eop, config.vocab_size);
  if (marks.eos >= 0) check_id("eos", marks.eos, config.vocab_size);
}

void check_masks(const Prompt& prompt, const std::string& name) {
  const auto length = static_cast<std::int64_t>(prompt.ids.size());
  if (prompt.masks.empty()) fail<ShapeError>(kOp, name, "at least one mask to fill", "none", "Add a mask token.");
  for (std::size_t i = 0; i < prompt.masks.size(); ++i) {
    const std::int32_t low = i == 0 ? 0 : prompt.masks[i - 1] + 1;
    if (prompt.masks[i] >= low && prompt.masks[i] < length) continue;
    fail<ShapeError>(kOp, name, text("masks at ascending indices from ", low, " to ", length - 1),
                     text(prompt.masks[i]));
  }
}

void check(const model::GLMConfig& config, const Prompt& prompt, std::size_t index) {
  const std::string name = text("prompts[", index, "]");
  if (prompt.ids.empty()) fail<ShapeError>(kOp, name, "at least one token", "none");
  const auto length = static_cast<std::int64_t>(prompt.ids.size());
  if (length > position_rows(config)) {
    fail<ShapeError>(kOp, name,
                     text("at most ", position_rows(config), " tokens, command tokens included (max_positions)"),
                     text(length), "Shorten the prompt.");
  }
  for (const std::int32_t id : prompt.ids) {
    if (id < 0 || id >= config.vocab_size)
      fail<ShapeError>(kOp, name, text("ids from 0 to ", config.vocab_size - 1), text(id));
  }
  check_masks(prompt, name);
}

}  // namespace

const char* name_of(Finish finish) {
  switch (finish) {
    case Finish::kEop:
      return "eop";
    case Finish::kEos:
      return "eos";
    case Finish::kLength:
      return "length";
    case Finish::kCancelled:
      return "cancelled";
  }
  return "?";
}

void check(const model::GLMConfig& config, const Options& options) {
  check_marks(config, options.marks);
  check_rules(config, options.rules);
  check_sampling(options.sampling);
  check_count("num_samples", options.num_samples, 1);
  check_count("max_streams", options.max_streams, 1);
  check_beams(options);
}

void check(const model::GLMConfig& config, const std::vector<Prompt>& prompts) {
  for (std::size_t i = 0; i < prompts.size(); ++i) check(config, prompts[i], i);
}

std::int64_t position_rows(const model::GLMConfig& config) {
  return config.max_positions + (config.block_positions ? 1 : 0);
}

std::int64_t predicted_ids(const model::GLMConfig& config) {
  return config.unpadded_vocab_size > 0 ? config.unpadded_vocab_size : config.vocab_size;
}

std::int64_t blank_room(const model::GLMConfig& config, std::int64_t wanted) {
  return config.block_positions ? std::min(wanted, config.max_positions) : wanted;
}

}  // namespace wudao::infer
