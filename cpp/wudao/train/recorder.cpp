#include "wudao/train/recorder.h"

#include <algorithm>

#include "wudao/base/error.h"
#include "wudao/base/hash.h"

namespace wudao::train {
namespace {

void flip_a_bit(const std::vector<Tensor>& parts) {
  const auto some = std::ranges::find_if(parts, [](const Tensor& part) { return part.size() > 0; });
  if (some != parts.end()) *some->data<unsigned char>() ^= 1;
}

}  // namespace

void Recorder::show(const std::string& what, int shard, const std::vector<Tensor>& parts) {
  const int time = ++times_[{shard, what}];
  const std::string name = time == 1 ? what : text(what, ", ", time);
  if (disturbed_ == std::pair{name, shard}) flip_a_bit(parts);
  std::vector<Bytes> bytes;
  for (const Tensor& part : parts) bytes.push_back({part.raw(), part.bytes()});
  entries_.push_back({name, shard, hash_all(*pool_, bytes)});
}

}  // namespace wudao::train
