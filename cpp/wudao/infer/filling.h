// Fills sequences side by side. One that is complete makes room for the next at once.
#pragma once

#include <deque>

#include "wudao/infer/decoder.h"
#include "wudao/infer/logits.h"
#include "wudao/infer/sampler.h"
#include "wudao/infer/slots.h"

namespace wudao::infer {

class Filling {
 public:
  // Checks the request.
  Filling(const Context& ctx, const model::GLM& glm, std::vector<Sequence> sequences, const FillOptions& options);
  // Draws one token for every sequence at work; false when there is nothing left to do.
  bool step();
  std::int64_t drawn() const { return drawn_; }  // tokens so far, of all sequences
  // By sequence, then by sample.
  std::vector<Filled> take_results();

 private:
  // A sequence at work.
  struct Stream {
    Filled result;
    KvCache cache;
    std::size_t next = 0;        // slot
    std::vector<Token> pending;  // tokens that the model has not seen yet
  };

  void admit();
  void prefill(std::int64_t count);
  void start(KvCache cache);
  const std::vector<Slot>& slots_of(const Stream& stream) const;
  // Takes the given slots from `next` on into the tokens to come; true when none is left behind them.
  bool take_given(Stream& stream) const;
  std::int32_t draw_at(const Stream& stream, const Logits& logits, std::int64_t row) const;
  // Puts the token into its slot; true when the sequence is complete.
  bool advance(Stream& stream, std::int32_t id) const;
  void retire(const std::vector<bool>& complete);

  Decoder decoder_;
  std::vector<Sequence> sequences_;
  FillOptions options_;
  std::vector<Stream> streams_;
  std::vector<Filled> results_;
  std::size_t next_sequence_ = 0;  // of the next to begin, and its sample
  std::int64_t next_sample_ = 0, drawn_ = 0;
  std::deque<KvCache> shared_;  // what is known of that sequence and of some after it
};

}  // namespace wudao::infer
