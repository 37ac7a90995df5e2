// Samples of many prompts, decoded side by side. A text that ends makes room for the next one at once.
#pragma once

#include "wudao/infer/admission.h"
#include "wudao/infer/generation.h"
#include "wudao/infer/logits.h"
#include "wudao/infer/sampler.h"

namespace wudao::infer {

class SampledTexts : public Generation {
 public:
  SampledTexts(const Context& ctx, const model::GLM& glm, std::vector<Prompt> prompts, const Options& options);
  bool step() override;
  void cancel() override;

 private:
  // A text at work.
  struct Stream {
    Result result;  // its last blank is the one being written
    KvCache cache;
    Written written;
    std::vector<Token> pending;  // tokens that the model has not seen yet
  };
  struct Choice {
    std::int32_t token;
    double log_prob;
  };

  void admit();
  void read(std::size_t first, std::size_t end, std::deque<KvCache>& ready);
  void start_blank(Stream& stream) const;
  Choice choose(const Stream& stream, const Logits& logits, std::int64_t row) const;
  std::int32_t token_after(const Stream& stream, const Logits& logits, std::int64_t row) const;
  // Adds the token; true when the text is complete.
  bool advance(Stream& stream, const Choice& choice);

  Decoder decoder_;
  std::vector<Prompt> prompts_;
  Options options_;
  std::vector<Stream> streams_;
  Admission<KvCache> admission_;
};

}  // namespace wudao::infer
