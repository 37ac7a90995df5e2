#include "wudao/infer/filling.h"

#include <algorithm>
#include <tuple>

namespace wudao::infer {

Filling::Filling(const Context& ctx, const model::GLM& glm, std::vector<Sequence> sequences, const FillOptions& options)
    : decoder_(ctx, glm), sequences_(std::move(sequences)), options_(options) {
  check(glm.config(), sequences_, options_);
}

bool Filling::step() {
  admit();
  if (streams_.empty()) return false;
  std::vector<Feed> feeds;
  for (Stream& stream : streams_) feeds.push_back({&stream.cache, stream.pending});
  const Logits logits(decoder_.context(), decoder_.run(feeds, Rows::kLast), predicted_ids(decoder_.glm().config()));
  std::vector<char> complete(streams_.size());  // bools that threads may write side by side
  decoder_.context().pool->for_each(static_cast<std::int64_t>(streams_.size()), [&](std::int64_t i, int) {
    Stream& stream = streams_[static_cast<std::size_t>(i)];
    const std::int32_t id = draw_at(stream, logits, i);
    stream.result.log_probs.push_back(logits.log_prob(i, id));
    complete[static_cast<std::size_t>(i)] = advance(stream, id);
  });
  drawn_ += static_cast<std::int64_t>(streams_.size());
  retire({complete.begin(), complete.end()});
  return true;
}

// Begins as many sequences as there is room for.
void Filling::admit() {
  const std::int64_t room = options_.max_streams - static_cast<std::int64_t>(streams_.size());
  prefill((next_sample_ + room + options_.num_samples - 1) / options_.num_samples);
  for (std::int64_t i = 0; i < room && next_sequence_ < sequences_.size(); ++i) {
    if (next_sample_ + 1 < options_.num_samples) {
      start(shared_.front().fork(decoder_.context()));
      ++next_sample_;
    } else {
      start(std::move(shared_.front()));
      shared_.pop_front();
      next_sample_ = 0;
      ++next_sequence_;
    }
  }
}

// Runs what is known of the next `count` sequences that have not run yet, all in one pass.
void Filling::prefill(std::int64_t count) {
  const std::size_t end = std::min(sequences_.size(), next_sequence_ + static_cast<std::size_t>(count));
  std::vector<Feed> feeds;
  for (std::size_t i = next_sequence_ + shared_.size(); i < end; ++i) {
    KvCache& cache = shared_.emplace_back(decoder_.glm());
    if (!sequences_[i].known.empty()) feeds.push_back({&cache, sequences_[i].known, sequences_[i].bidirectional});
  }
  if (!feeds.empty()) decoder_.run(feeds, Rows::kNone);
}

// A sequence without anything to draw is complete at once.
void Filling::start(KvCache cache) {
  Stream stream{{static_cast<std::int64_t>(next_sequence_), next_sample_, {}, {}}, std::move(cache), 0, {}};
  if (take_given(stream)) {
    results_.push_back(std::move(stream.result));
  } else {
    streams_.push_back(std::move(stream));
  }
}

const std::vector<Slot>& Filling::slots_of(const Stream& stream) const {
  return sequences_[static_cast<std::size_t>(stream.result.sequence)].slots;
}

bool Filling::take_given(Stream& stream) const {
  const std::vector<Slot>& slots = slots_of(stream);
  while (stream.next < slots.size() && slots[stream.next].given()) {
    stream.pending.push_back({slots[stream.next].id, slots[stream.next].position, 0});
    ++stream.next;
  }
  return std::none_of(slots.begin() + static_cast<std::ptrdiff_t>(stream.next), slots.end(),
                      [](const Slot& slot) { return !slot.given(); });
}

std::int32_t Filling::draw_at(const Stream& stream, const Logits& logits, std::int64_t row) const {
  const Slot& slot = slots_of(stream)[stream.next];
  const auto first = slot.first, end = slot.end;
  Scores scores = logits.scores(row);
  const double stop = slot.stop >= 0 ? scores[static_cast<std::size_t>(slot.stop)] : kBanned;
  std::fill(scores.begin(), scores.begin() + first, kBanned);
  std::fill(scores.begin() + end, scores.end(), kBanned);
  if (slot.stop >= 0) scores[static_cast<std::size_t>(slot.stop)] = stop;
  const auto number = static_cast<std::int64_t>(stream.result.ids.size());
  return draw(std::move(scores), options_.sampling, uniform(options_.seed, stream.result.sample, number));
}

bool Filling::advance(Stream& stream, std::int32_t id) const {
  const Slot& slot = slots_of(stream)[stream.next];
  stream.result.ids.push_back(id);
  stream.pending.assign(1, {id, slot.position, 0});
  ++stream.next;
  return id == slot.stop || take_given(stream);
}

void Filling::retire(const std::vector<bool>& complete) {
  std::vector<Stream> going;
  for (std::size_t i = 0; i < streams_.size(); ++i) {
    if (complete[i]) {
      results_.push_back(std::move(streams_[i].result));
    } else {
      going.push_back(std::move(streams_[i]));
    }
  }
  streams_ = std::move(going);
}

std::vector<Filled> Filling::take_results() {
  std::sort(results_.begin(), results_.end(), [](const Filled& a, const Filled& b) {
    return std::tie(a.sequence, a.sample) < std::tie(b.sequence, b.sample);
  });
  return std::exchange(results_, {});
}

}  // namespace wudao::infer
