// Beam search: the texts with the highest sum of log p / length^length_penalty.
//
// Each step looks at the best (1 + number of end marks) * beams continuations of all beams, so that enough of them go
// on; an end mark among the first `beams` makes a hypothesis. The search stops when no running beam can still enter the
// kept ones. log p is that of the model after the repetition penalty and the temperature; bans, top-k and top-p
// take continuations away without changing the log p of others.
// Source: Wu et al. 2016 (GNMT), section 7, with the length penalty of Du et al. 2022 (GLM).
#pragma once

#include "wudao/infer/generation.h"
#include "wudao/infer/hypotheses.h"
#include "wudao/infer/logits.h"
#include "wudao/infer/sampler.h"

namespace wudao::infer {

// One blank of one prompt.
class BlankSearch {
 public:
  BlankSearch(Decoder& decoder, const Options& options, const Prompt& prompt, std::size_t blank, KvCache cache,
              const std::vector<std::int32_t>& written_before);
  bool step();  // false when settled
  const std::vector<Hypothesis>& best() const { return found_.best(); }

 private:
  struct Beam {
    KvCache cache;
    Written written;
    std::vector<double> token_log_probs;
    double sum = 0.0;
    Token next;  // to be fed
  };
  struct Continuation {
    std::size_t beam;
    std::int32_t token;
    double sum;       // of the beam with it
    double log_prob;  // of the token under the model
  };

  std::vector<Continuation> continuations(const Logits& logits) const;
  std::vector<Continuation> of_beam(const Logits& logits, std::size_t beam) const;
  std::size_t wanted() const;  // continuations per step
  void finish(const Continuation& end);
  void finish(const Beam& beam);
  void go_on(const std::vector<Continuation>& chosen);

  Decoder& decoder_;
  const Options& options_;
  const Prompt& prompt_;
  std::size_t blank_;
  std::vector<Beam> beams_;
  Hypotheses found_;
};

// Prompt after prompt, blank after blank. The best hypothesis fills a blank; the last blank gives num_samples results.
class BeamSearch : public Generation {
 public:
  BeamSearch(const Context& ctx, const model::GLM& glm, std::vector<Prompt> prompts, const Options& options);
  bool step() override;
  void cancel() override;

 private:
  void begin_prompt();
  void begin_blank();
  void end_blank();
  void report(const std::vector<Hypothesis>& best);

  Decoder decoder_;
  std::vector<Prompt> prompts_;
  Options options_;
  std::size_t prompt_ = 0;
  KvCache cache_;               // part A and the blanks filled so far
  std::vector<Blank> filled_;
  std::vector<std::int32_t> written_;
  std::unique_ptr<BlankSearch> search_;
};

}  // namespace wudao::infer
