// Whose turn it is: requests in their order, each for some samples that share its beginning.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <vector>

namespace wudao::infer {

// Beginning: what is known of a request after its first tokens went through the model. All samples but the last fork it.
template <class Beginning>
class Admission {
 public:
  Admission(std::size_t requests, std::int64_t samples) : requests_(requests), samples_(samples) {}

  // Begins as many samples as there is room for: prepare(first, end, beginnings) adds those of requests first .. end - 1,
  // all in one pass; start(request, sample, beginning) takes one.
  template <class Prepare, class Fork, class Start>
  void admit(std::int64_t room, Prepare&& prepare, Fork&& fork, Start&& start) {
    const auto wanted = static_cast<std::size_t>((sample_ + room + samples_ - 1) / samples_);
    const std::size_t first = request_ + ready_.size(), end = std::min(requests_, request_ + wanted);
    if (first < end) prepare(first, end, ready_);
    for (std::int64_t i = 0; i < room && request_ < requests_; ++i) {
      if (sample_ + 1 < samples_) {
        start(request_, sample_, fork(ready_.front()));
        ++sample_;
      } else {
        start(request_, sample_, std::move(ready_.front()));
        ready_.pop_front();
        sample_ = 0;
        ++request_;
      }
    }
  }

  // Nobody begins any more.
  void close() {
    request_ = requests_;
    ready_.clear();
  }

 private:
  std::size_t requests_, request_ = 0;  // the next to begin, and its sample
  std::int64_t samples_, sample_ = 0;
  std::deque<Beginning> ready_;  // of that request and of some after it
};

// Results of complete streams leave; the others stay in their order.
template <class Stream, class Result>
void retire(const std::vector<bool>& complete, std::vector<Stream>& streams, std::vector<Result>& results) {
  std::vector<Stream> going;
  for (std::size_t i = 0; i < streams.size(); ++i) {
    if (complete[i]) {
      results.push_back(std::move(streams[i].result));
    } else {
      going.push_back(std::move(streams[i]));
    }
  }
  streams = std::move(going);
}

}  // namespace wudao::infer
