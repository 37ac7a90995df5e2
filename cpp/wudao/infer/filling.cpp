#include "wudao/infer/filling.h"

#include <algorithm>
#include <tuple>

namespace wudao::infer {

Filling::Filling(const Context& ctx, const model::GLM& glm, std::vector<Request> requests, const FillOptions& options)
    : decoder_(ctx, glm),
      requests_(std::move(requests)),
      options_(options),
      admission_(requests_.size(), options.num_samples) {
  check(glm.config(), requests_, options_);
  const Ids ids = drawable(requests_);
  if (ids.count() > 0) decoder_.predict(ids);
}

const Sequence& Filling::half_of(std::size_t request, std::size_t half) const {
  return half == 0 ? requests_[request].asked : requests_[request].plain;
}

const std::vector<Slot>& Filling::slots_of(const Stream& stream) const {
  return half_of(static_cast<std::size_t>(stream.result.sequence), 0).slots;
}

bool Filling::step() {
  admit();
  if (streams_.empty()) return false;
  std::vector<Feed> feeds;
  for (Stream& stream : streams_) {
    for (Half& half : stream.halves) feeds.push_back({&half.cache, half.pending});
  }
  const Logits logits(decoder_.context(), decoder_.run(feeds, Rows::kLast), decoder_.predicted().count());
  std::vector<char> complete(streams_.size());  // bools that threads may write side by side
  const auto each = static_cast<std::int64_t>(halves());
  decoder_.context().pool->for_each(static_cast<std::int64_t>(streams_.size()), [&](std::int64_t i, int) {
    complete[static_cast<std::size_t>(i)] = advance(streams_[static_cast<std::size_t>(i)], logits, i * each);
  });
  drawn_ += static_cast<std::int64_t>(streams_.size());
  retire({complete.begin(), complete.end()}, streams_, results_);
  return true;
}

void Filling::admit() {
  admission_.admit(
      options_.max_streams - static_cast<std::int64_t>(streams_.size()),
      [&](std::size_t first, std::size_t end, std::deque<Halves>& ready) { read(first, end, ready); },
      [&](const Halves& halves) { return forked(halves); },
      [&](std::size_t request, std::int64_t sample, Halves halves) { start(request, sample, std::move(halves)); });
}

// Runs what is known of some requests, all in one pass.
void Filling::read(std::size_t first, std::size_t end, std::deque<Halves>& ready) {
  std::vector<Feed> feeds;
  for (std::size_t i = first; i < end; ++i) {
    Halves& made = ready.emplace_back(halves());
    for (std::size_t half = 0; half < made.size(); ++half) {
      made[half].cache = KvCache(decoder_.glm());
      const Sequence& sequence = half_of(i, half);
      if (!sequence.known.empty()) feeds.push_back({&made[half].cache, sequence.known, sequence.bidirectional});
    }
  }
  if (!feeds.empty()) decoder_.run(feeds, Rows::kNone);
}

Filling::Halves Filling::forked(const Halves& halves) {
  Halves made(halves.size());
  for (std::size_t i = 0; i < made.size(); ++i) made[i].cache = halves[i].cache.fork(decoder_.context());
  return made;
}

// A sequence without anything to draw is complete at once.
void Filling::start(std::size_t request, std::int64_t sample, Halves halves) {
  Stream stream{{static_cast<std::int64_t>(request), sample, {}}, std::move(halves), 0};
  if (take_given(stream)) {
    results_.push_back(std::move(stream.result));
  } else {
    streams_.push_back(std::move(stream));
  }
}

bool Filling::take_given(Stream& stream) const {
  const std::vector<Slot>& slots = slots_of(stream);
  while (stream.next < slots.size() && slots[stream.next].given()) put(stream, slots[stream.next].id);
  return std::none_of(slots.begin() + static_cast<std::ptrdiff_t>(stream.next), slots.end(),
                      [](const Slot& slot) { return !slot.given(); });
}

void Filling::put(Stream& stream, std::int32_t id) const {
  for (std::size_t half = 0; half < stream.halves.size(); ++half) {
    const Slot& slot = half_of(static_cast<std::size_t>(stream.result.sequence), half).slots[stream.next];
    stream.halves[half].pending.push_back({id, slot.position, 0});
  }
  ++stream.next;
}

// b + g (a - b): the sequence asked for in that row, the plain one in the next.
Scores Filling::guided(const Logits& logits, std::int64_t row) const {
  Scores scores = logits.scores(row);
  if (options_.guidance == 1.0) return scores;
  const Scores plain = logits.scores(row + 1);
  for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = plain[i] + options_.guidance * (scores[i] - plain[i]);
  return scores;
}

std::int32_t Filling::draw_at(const Stream& stream, const Logits& logits, std::int64_t row) const {
  const Slot& slot = slots_of(stream)[stream.next];
  const auto first = static_cast<std::int32_t>(decoder_.predicted().first);
  Scores scores = guided(logits, row);
  const double stop = slot.stop >= 0 ? scores[static_cast<std::size_t>(slot.stop - first)] : kBanned;
  std::fill(scores.begin(), scores.begin() + (slot.first - first), kBanned);
  std::fill(scores.begin() + (slot.end - first), scores.end(), kBanned);
  if (slot.stop >= 0) scores[static_cast<std::size_t>(slot.stop - first)] = stop;
  const auto number = static_cast<std::int64_t>(stream.result.ids.size());
  return first + draw(std::move(scores), options_.sampling, uniform(options_.seed, stream.result.sample, number));
}

bool Filling::advance(Stream& stream, const Logits& logits, std::int64_t row) const {
  const std::int32_t id = draw_at(stream, logits, row), stop = slots_of(stream)[stream.next].stop;
  stream.result.ids.push_back(id);
  for (Half& half : stream.halves) half.pending.clear();
  put(stream, id);
  return id == stop || take_given(stream);
}

std::vector<Filled> Filling::take_results() {
  std::sort(results_.begin(), results_.end(), [](const Filled& a, const Filled& b) {
    return std::tie(a.sequence, a.sample) < std::tie(b.sequence, b.sample);
  });
  return std::exchange(results_, {});
}

}  // namespace wudao::infer
