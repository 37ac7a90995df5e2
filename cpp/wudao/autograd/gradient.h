// Where gradients gather: between ops (Gradient) and at the parameters (GradientTree).
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "wudao/tensor/context.h"

namespace wudao {

// Takes the finished gradient of one use of a parameter for the micro-batch at work.
class GradientSink {
 public:
  virtual ~GradientSink() = default;
  virtual void add(Context& ctx, Tensor gradient, int use) = 0;
};

// The gradient of one value on the tape. What arrives is added in the order of arrival, which is the tape's.
class Gradient {
 public:
  Gradient() = default;
  Gradient(GradientSink* sink, int use) : sink_(sink), use_(use) {}
  void add(Context& ctx, Tensor gradient);
  Tensor take() { return std::exchange(sum_, Tensor()); }

 private:
  Tensor sum_;
  GradientSink* sink_ = nullptr;
  int use_ = 0;
};

// Sums the shards of a global batch in one fixed binary tree, however they come grouped into micro-batches:
// tree(0..V) = tree(first half) + tree(second half). A micro-batch of S shards (a power of two, aligned) brings the
// node of its S shards; two nodes of one size that are neighbours become their parent at once (a binary counter), so
// log2(V / S) + 1 tensors are held at the most.
class GradientTree {
 public:
  void add(Context& ctx, Tensor node, int shards);
  Tensor take();  // the root; the tree is empty again
  bool empty() const { return nodes_.empty(); }
  void clear() { nodes_.clear(); }

 private:
  struct Partial {
    Tensor sum;
    int shards;
  };
  std::vector<Partial> nodes_;
};

}  // namespace wudao
