// What can be asked of generation, and what comes back.
//
// A prompt is part A: its tokens, with a mask wherever something is to be written. Blanks are filled left to right;
// each is a piece of part B that starts with sop at block position 1, all at the position of its mask, and ends with
// eop or eos. Blanks written before stay visible as part B (Du et al. 2022, section 2.1).
#pragma once

#include <optional>
#include <vector>

#include "wudao/infer/kv_cache.h"

namespace wudao::infer {

struct Prompt {
  std::vector<std::int32_t> ids;    // part A, masks included
  std::vector<std::int32_t> masks;  // indices into ids of the blanks to fill, ascending
};

// Ids that frame a blank. A mark that the vocabulary lacks is -1.
struct Marks {
  std::int32_t sop = -1, eop = -1, eos = -1;
  bool ends(std::int32_t id) const { return id >= 0 && (id == eop || id == eos); }
};

// What may follow, whatever the model says.
struct Rules {
  std::int64_t max_new_tokens = 64;  // per blank
  std::int64_t min_new_tokens = 0;   // a blank does not end before
  double repetition_penalty = 1.0;   // Keskar et al. 2019 (CTRL), section 4.1, over all tokens written for this text
  std::int64_t no_repeat_ngram = 0;  // no n tokens in a row occur twice in a blank; 0: allowed
  std::vector<std::int32_t> forbidden;
};

// How a token is drawn. Temperature 0 takes the most probable one.
struct Sampling {
  double temperature = 1.0;
  std::int64_t top_k = 0;  // 0: all
  double top_p = 0.0;      // 0 or 1: all. Holtzman et al. 2020, section 3.1
  bool keep_ties = false;  // whether top_k leaves all that are as good as the last it leaves
};

struct Options {
  Marks marks;
  Rules rules;
  Sampling sampling;
  std::int64_t num_samples = 1;  // per prompt
  std::int64_t num_beams = 1;    // above 1: beam search
  double length_penalty = 1.0;   // score = sum of log p / length^length_penalty
  std::uint64_t seed = 0;
  std::int64_t max_streams = 32;  // texts that go through the model together; results do not depend on it
  CacheForm cache = CacheForm::kFloat;
};

enum class Finish { kEop, kEos, kLength, kCancelled };
const char* name_of(Finish finish);

struct Blank {
  std::vector<std::int32_t> tokens;     // without the end mark
  std::vector<double> token_log_probs;  // natural log, under the model's own distribution (temperature 1)
  std::optional<double> end_log_prob;   // of the end mark, when the blank ended by itself
  Finish finish = Finish::kCancelled;
};

struct Result {
  std::int64_t prompt = 0, sample = 0;
  std::vector<Blank> blanks;
  std::optional<double> score;  // of the hypothesis, after beam search
};

// A token as it is written.
struct Event {
  std::int64_t prompt = 0, sample = 0, blank = 0;
  std::int32_t token = 0;
};

// ConfigError or ShapeError naming the argument as the user of `generate` knows it.
void check(const model::GLMConfig& config, const Options& options);
void check(const model::GLMConfig& config, const std::vector<Prompt>& prompts);

// Rows of the position tables: a prompt has at most as many tokens.
std::int64_t position_rows(const model::GLMConfig& config);
// Ids that can be predicted.
std::int64_t predicted_ids(const model::GLMConfig& config);
// Tokens that fit into a blank, at most `wanted`.
std::int64_t blank_room(const model::GLMConfig& config, std::int64_t wanted);

}  // namespace wudao::infer
