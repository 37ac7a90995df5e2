// What a batch was assigned. Where ranks share the batch each saw its own shards, until what all of them saw is put in
// place of counts and sums.
#pragma once

#include <vector>

#include "wudao/autograd/gradient.h"

namespace wudao::vq {

class Assigned {
 public:
  explicit Assigned(std::int64_t codes) : counts_(static_cast<std::size_t>(codes)) {}

  void begin_batch();
  // A micro-batch, the context's shards: codes (N,), and with a book of codes z (N, C); undefined without.
  void see(Context& ctx, const Tensor& codes, const Tensor& z);

  std::vector<std::int64_t>& counts() { return counts_; }  // how often each code was assigned
  std::int64_t rows() const;                               // that were assigned one
  GradientTree& sums() { return sums_; }                   // of z by code, (M, C)
  const Tensor* seen_with(std::int64_t row, std::int64_t& inside) const;  // z that holds a row, if this process saw it

 private:
  struct Seen {
    std::int64_t first;  // row of the global batch
    Tensor z;
  };
  std::vector<std::int64_t> counts_;
  GradientTree sums_;
  std::vector<Seen> seen_;
};

}  // namespace wudao::vq
