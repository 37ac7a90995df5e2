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

// Sums the shards of a global batch in one fixed binary tree, however they come grouped into micro-batches and ranks:
// tree(0..V) = tree(first half) + tree(second half). A micro-batch brings the node of its shards, `count` from `first` on,
// an aligned power of two; the halves of a node become the node as soon as both are there. Where shards come in order,
// that is a binary counter, and log2(V / S) + 1 tensors are held at the most.
class GradientTree {
 public:
  struct Node {
    Tensor sum;
    int first, count;
  };
  void add(Context& ctx, Tensor node, int first, int count);
  Tensor take(Context& ctx);       // the root; the tree is empty again
  std::vector<Node> take_nodes();  // what there is of it, by first shard; the tree is empty again
  bool empty() const { return nodes_.empty(); }
  void clear() { nodes_.clear(); }

 private:
  std::vector<Node> nodes_;  // by first shard
};

}  // namespace wudao
