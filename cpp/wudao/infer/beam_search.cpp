#include "wudao/infer/beam_search.h"

#include <algorithm>

namespace wudao::infer {

BlankSearch::BlankSearch(Decoder& decoder, const Options& options, const Prompt& prompt, std::size_t blank,
                         KvCache cache, const std::vector<std::int32_t>& written_before)
    : decoder_(decoder),
      options_(options),
      prompt_(prompt),
      blank_(blank),
      found_(options.num_beams, options.length_penalty) {
  Beam first{
      std::move(cache), {written_before, written_before.size()}, {}, 0.0, part_b(prompt, blank, 0, options.marks.sop)};
  beams_.push_back(std::move(first));
}

std::size_t BlankSearch::wanted() const {
  const Marks& marks = options_.marks;
  const int ends = (marks.eop >= 0 ? 1 : 0) + (marks.eos >= 0 && marks.eos != marks.eop ? 1 : 0);
  return static_cast<std::size_t>((1 + ends) * options_.num_beams);
}

bool BlankSearch::step() {
  std::vector<Feed> feeds;
  for (Beam& beam : beams_) feeds.push_back({&beam.cache, {&beam.next, 1}});
  const std::vector<Continuation> ranked = continuations(
      Logits(decoder_.context(), decoder_.run(feeds, Rows::kLast), predicted_ids(decoder_.glm().config())));
  std::vector<Continuation> chosen;
  const auto beams = static_cast<std::size_t>(options_.num_beams);
  for (std::size_t rank = 0; rank < ranked.size() && chosen.size() < beams; ++rank) {
    if (!options_.marks.ends(ranked[rank].token)) {
      chosen.push_back(ranked[rank]);
    } else if (rank < beams) {
      finish(ranked[rank]);
    }
  }
  go_on(chosen);
  if (beams_.empty()) return false;
  const std::int64_t length = beams_[0].written.in_blank(), longest = options_.rules.max_new_tokens;
  if (length == longest) {
    for (const Beam& beam : beams_) finish(beam);
    return false;
  }
  return !found_.settled(beams_[0].sum, length + 1, longest + 1);
}

std::vector<BlankSearch::Continuation> BlankSearch::continuations(const Logits& logits) const {
  std::vector<std::vector<Continuation>> parts(beams_.size());
  decoder_.context().pool->for_each(static_cast<std::int64_t>(beams_.size()), [&](std::int64_t i, int) {
    parts[static_cast<std::size_t>(i)] = of_beam(logits, static_cast<std::size_t>(i));
  });
  std::vector<Continuation> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  std::stable_sort(all.begin(), all.end(), [](const Continuation& a, const Continuation& b) { return a.sum > b.sum; });
  all.resize(std::min(all.size(), wanted()));
  return all;
}

// The best continuations of one beam, best first.
std::vector<BlankSearch::Continuation> BlankSearch::of_beam(const Logits& logits, std::size_t beam) const {
  const Written& written = beams_[beam].written;
  const auto row = static_cast<std::int64_t>(beam);
  Scores scores = logits.scores(row);
  penalise(options_.rules, written, scores);
  heat(options_.sampling.temperature, scores);
  const double total = log_sum_exp(scores);
  ban(banned(options_.rules, options_.marks, written), scores);
  Sampling filter = options_.sampling;
  const auto most = static_cast<std::int64_t>(wanted());
  if (filter.top_k == 0 && (filter.top_p == 0.0 || filter.top_p == 1.0)) filter.top_k = most;
  std::vector<Continuation> out;
  for (const std::int32_t id : candidates(scores, filter)) {
    const auto index = static_cast<std::size_t>(id);
    out.push_back({beam, id, beams_[beam].sum + (scores[index] - total), logits.log_prob(row, id)});
    if (static_cast<std::int64_t>(out.size()) == most) break;
  }
  return out;
}

void BlankSearch::finish(const Continuation& end) {
  const Beam& beam = beams_[end.beam];
  const auto begin = beam.written.tokens.begin() + static_cast<std::ptrdiff_t>(beam.written.blank);
  const Finish finish = end.token == options_.marks.eop ? Finish::kEop : Finish::kEos;
  found_.add({{{begin, beam.written.tokens.end()}, beam.token_log_probs, end.log_prob, finish}, end.sum});
}

void BlankSearch::finish(const Beam& beam) {
  const auto begin = beam.written.tokens.begin() + static_cast<std::ptrdiff_t>(beam.written.blank);
  found_.add({{{begin, beam.written.tokens.end()}, beam.token_log_probs, std::nullopt, Finish::kLength}, beam.sum});
}

void BlankSearch::go_on(const std::vector<Continuation>& chosen) {
  std::vector<std::int64_t> children(beams_.size());
  for (const Continuation& next : chosen) ++children[next.beam];
  std::vector<Beam> beams;
  for (const Continuation& next : chosen) {
    Beam& parent = beams_[next.beam];
    const bool last = --children[next.beam] == 0;  // the last child takes the parent's cache
    Beam beam{last ? std::move(parent.cache) : parent.cache.fork(decoder_.context()),
              parent.written,
              parent.token_log_probs,
              next.sum,
              {}};
    beam.written.tokens.push_back(next.token);
    beam.token_log_probs.push_back(next.log_prob);
    beam.next = part_b(prompt_, blank_, beam.written.in_blank(), next.token);
    beams.push_back(std::move(beam));
  }
  beams_ = std::move(beams);
}

BeamSearch::BeamSearch(const Context& ctx, const model::GLM& glm, std::vector<Prompt> prompts, const Options& options)
    : decoder_(ctx, glm), prompts_(std::move(prompts)), options_(options) {
  options_.rules.max_new_tokens = blank_room(glm.config(), options.rules.max_new_tokens);
}

bool BeamSearch::step() {
  if (prompt_ == prompts_.size()) return false;
  if (search_ == nullptr) begin_prompt();
  if (!search_->step()) end_blank();
  return true;
}

void BeamSearch::begin_prompt() {
  cache_ = KvCache(decoder_.glm(), options_.cache);
  filled_.clear();
  written_.clear();
  const std::vector<Token> tokens = part_a(prompts_[prompt_]);
  const Feed feed = {&cache_, tokens, true};
  decoder_.run({&feed, 1}, Rows::kNone);
  begin_blank();
}

void BeamSearch::begin_blank() {
  const bool last = filled_.size() + 1 == prompts_[prompt_].masks.size();
  search_ = std::make_unique<BlankSearch>(decoder_, options_, prompts_[prompt_], filled_.size(),
                                          last ? std::move(cache_) : cache_.fork(decoder_.context()), written_);
}

void BeamSearch::end_blank() {
  const Prompt& prompt = prompts_[prompt_];
  const std::vector<Hypothesis>& best = search_->best();
  if (filled_.size() + 1 == prompt.masks.size()) {
    report(best);
    search_.reset();
    ++prompt_;
    return;
  }
  // The chosen text of this blank goes into the cache in one pass.
  const std::vector<std::int32_t>& chosen = best[0].blank.tokens;
  std::vector<Token> tokens = {part_b(prompt, filled_.size(), 0, options_.marks.sop)};
  for (const std::int32_t id : chosen) {
    tokens.push_back(part_b(prompt, filled_.size(), static_cast<std::int64_t>(tokens.size()), id));
  }
  const Feed feed = {&cache_, tokens};
  decoder_.run({&feed, 1}, Rows::kNone);
  written_.insert(written_.end(), chosen.begin(), chosen.end());
  filled_.push_back(best[0].blank);
  begin_blank();
}

void BeamSearch::report(const std::vector<Hypothesis>& best) {
  const auto prompt = static_cast<std::int64_t>(prompt_);
  const auto count = std::min(options_.num_samples, static_cast<std::int64_t>(best.size()));
  for (std::int64_t sample = 0; sample < count; ++sample) {
    const Hypothesis& hypothesis = best[static_cast<std::size_t>(sample)];
    Result result{prompt, sample, filled_, hypothesis.score};
    result.blanks.push_back(hypothesis.blank);
    for (std::size_t b = 0; b < result.blanks.size(); ++b) {
      for (const std::int32_t id : result.blanks[b].tokens) {
        events_.push_back({prompt, sample, static_cast<std::int64_t>(b), id});
      }
    }
    results_.push_back(std::move(result));
  }
}

void BeamSearch::cancel() {
  search_.reset();
  prompt_ = prompts_.size();
}

}  // namespace wudao::infer
