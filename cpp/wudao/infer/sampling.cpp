#include "wudao/infer/sampling.h"

#include <algorithm>

namespace wudao::infer {

SampledTexts::SampledTexts(const Context& ctx, const model::GLM& glm, std::vector<Prompt> prompts,
                           const Options& options)
    : decoder_(ctx, glm),
      prompts_(std::move(prompts)),
      options_(options),
      admission_(prompts_.size(), options.num_samples) {
  options_.rules.max_new_tokens = blank_room(glm.config(), options.rules.max_new_tokens);
}

bool SampledTexts::step() {
  admit();
  if (streams_.empty()) return false;
  std::vector<Feed> feeds;
  for (Stream& stream : streams_) feeds.push_back({&stream.cache, stream.pending});
  const Logits logits(decoder_.context(), decoder_.run(feeds, Rows::kLast), predicted_ids(decoder_.glm().config()));
  std::vector<Choice> choices(streams_.size());
  decoder_.context().pool->for_each(static_cast<std::int64_t>(streams_.size()), [&](std::int64_t i, int) {
    choices[static_cast<std::size_t>(i)] = choose(streams_[static_cast<std::size_t>(i)], logits, i);
  });
  std::vector<bool> complete;
  for (std::size_t i = 0; i < streams_.size(); ++i) complete.push_back(advance(streams_[i], choices[i]));
  retire(complete, streams_, results_);
  return true;
}

void SampledTexts::admit() {
  admission_.admit(
      options_.max_streams - static_cast<std::int64_t>(streams_.size()),
      [&](std::size_t first, std::size_t end, std::deque<KvCache>& ready) { read(first, end, ready); },
      [&](const KvCache& cache) { return cache.fork(decoder_.context()); },
      [&](std::size_t prompt, std::int64_t sample, KvCache cache) {
        Stream stream{{static_cast<std::int64_t>(prompt), sample, {}, {}}, std::move(cache), {}, {}};
        start_blank(stream);
        streams_.push_back(std::move(stream));
      });
}

// Runs part A of some prompts, all in one pass.
void SampledTexts::read(std::size_t first, std::size_t end, std::deque<KvCache>& ready) {
  std::vector<std::vector<Token>> tokens;
  std::vector<Feed> feeds;
  for (std::size_t p = first; p < end; ++p) tokens.push_back(part_a(prompts_[p]));
  for (const std::vector<Token>& text : tokens)
    feeds.push_back({&ready.emplace_back(decoder_.glm(), options_.cache), text, true});
  decoder_.run(feeds, Rows::kNone);
}

void SampledTexts::start_blank(Stream& stream) const {
  const Prompt& prompt = prompts_[static_cast<std::size_t>(stream.result.prompt)];
  stream.pending.push_back(part_b(prompt, stream.result.blanks.size(), 0, options_.marks.sop));
  stream.result.blanks.emplace_back();
  stream.written.blank = stream.written.tokens.size();
}

SampledTexts::Choice SampledTexts::choose(const Stream& stream, const Logits& logits, std::int64_t row) const {
  const std::int32_t token = token_after(stream, logits, row);
  return {token, logits.log_prob(row, token)};
}

std::int32_t SampledTexts::token_after(const Stream& stream, const Logits& logits, std::int64_t row) const {
  const Rules& rules = options_.rules;
  const std::vector<std::int32_t> no = banned(rules, options_.marks, stream.written);
  const std::int32_t best = logits.best(row);
  const bool greedy = options_.sampling.temperature == 0.0 && rules.repetition_penalty == 1.0;
  if (greedy && std::find(no.begin(), no.end(), best) == no.end()) return best;
  Scores scores = logits.scores(row);
  penalise(rules, stream.written, scores);
  ban(no, scores);
  // The end mark of every blank takes a number too, so that numbers are never used twice.
  const auto number = static_cast<std::int64_t>(stream.written.tokens.size() + stream.result.blanks.size() - 1);
  return draw(std::move(scores), options_.sampling, uniform(options_.seed, stream.result.sample, number));
}

bool SampledTexts::advance(Stream& stream, const Choice& choice) {
  const Prompt& prompt = prompts_[static_cast<std::size_t>(stream.result.prompt)];
  Blank& blank = stream.result.blanks.back();
  stream.pending.clear();
  if (options_.marks.ends(choice.token)) {
    blank.end_log_prob = choice.log_prob;
    blank.finish = choice.token == options_.marks.eop ? Finish::kEop : Finish::kEos;
  } else {
    const std::size_t number = stream.result.blanks.size() - 1;
    events_.push_back({stream.result.prompt, stream.result.sample, static_cast<std::int64_t>(number), choice.token});
    blank.tokens.push_back(choice.token);
    blank.token_log_probs.push_back(choice.log_prob);
    stream.written.tokens.push_back(choice.token);
    stream.pending.push_back(part_b(prompt, number, stream.written.in_blank(), choice.token));
    if (stream.written.in_blank() < options_.rules.max_new_tokens) return false;
    blank.finish = Finish::kLength;
  }
  if (stream.result.blanks.size() == prompt.masks.size()) return true;
  start_blank(stream);
  return false;
}

void SampledTexts::cancel() {
  for (Stream& stream : streams_) results_.push_back(std::move(stream.result));
  streams_.clear();
  admission_.close();
}

}  // namespace wudao::infer
