// Fills sequences side by side. One that is complete makes room for the next at once.
#pragma once

#include "wudao/infer/admission.h"
#include "wudao/infer/decoder.h"
#include "wudao/infer/logits.h"
#include "wudao/infer/sampler.h"
#include "wudao/infer/slots.h"

namespace wudao::infer {

class Filling {
 public:
  // Checks the requests.
  Filling(const Context& ctx, const model::GLM& glm, std::vector<Request> requests, const FillOptions& options);
  // Draws one token for every sequence at work; false when there is nothing left to do.
  bool step();
  std::int64_t drawn() const { return drawn_; }  // tokens so far, of all sequences
  // By sequence, then by sample.
  std::vector<Filled> take_results();

 private:
  // A sequence as the model sees it.
  struct Half {
    KvCache cache;
    std::vector<Token> pending;  // tokens that the model has not seen yet
  };
  using Halves = std::vector<Half>;  // of the sequence asked for; with guidance, of the plain one too
  // A sequence at work.
  struct Stream {
    Filled result;
    Halves halves;
    std::size_t next = 0;  // slot
  };

  void admit();
  void read(std::size_t first, std::size_t end, std::deque<Halves>& ready);
  void start(std::size_t request, std::int64_t sample, Halves halves);
  Halves forked(const Halves& halves);
  std::size_t halves() const { return options_.guidance == 1.0 ? 1 : 2; }
  const Sequence& half_of(std::size_t request, std::size_t half) const;
  const std::vector<Slot>& slots_of(const Stream& stream) const;
  // Takes the given slots from `next` on into the tokens to come; true when none is left behind them.
  bool take_given(Stream& stream) const;
  // Puts a token into the next slot.
  void put(Stream& stream, std::int32_t id) const;
  Scores guided(const Logits& logits, std::int64_t row) const;
  std::int32_t draw_at(const Stream& stream, const Logits& logits, std::int64_t row) const;
  // Draws the next slot from what the model says in that row; true when the sequence is complete.
  bool advance(Stream& stream, const Logits& logits, std::int64_t row) const;

  Decoder decoder_;
  std::vector<Request> requests_;
  FillOptions options_;
  std::vector<Stream> streams_;
  std::vector<Filled> results_;
  Admission<Halves> admission_;
  std::int64_t drawn_ = 0;
};

}  // namespace wudao::infer
