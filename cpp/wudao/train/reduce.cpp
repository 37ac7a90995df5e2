#include "wudao/train/reduce.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <unordered_map>

#include "wudao/ops/add.h"
#include "wudao/optim/optimizer.h"

namespace wudao::train {
namespace {

constexpr std::int64_t kBucket = std::int64_t{1} << 22;  // elements that travel together

// The banks that parameters of experts belong to.
std::unordered_map<const nn::Parameter*, const moe::Bank*> banks_of(const model::GLM& glm) {
  std::unordered_map<const nn::Parameter*, const moe::Bank*> banks;
  for (const moe::Layer* layer : glm.expert_layers()) {
    for (const moe::Bank& bank : layer->experts().banks()) {
      for (const auto& p : {bank.up_weight, bank.up_bias, bank.down_weight, bank.down_bias}) banks[p.get()] = &bank;
    }
  }
  return banks;
}

// The gradient of one use of a parameter, in parts.
struct Piece {
  std::size_t parameter;
  Shape shape;
  DType dtype;
  std::int64_t size;
  std::vector<GradientTree::Node> nodes;
};

// Some pieces, one after the other, as the ranks sum them up.
class Bucket {
 public:
  Bucket(Context& ctx, comm::Communicator& comm, const std::vector<ShardRange>& shards, DType dtype)
      : ctx_(ctx), comm_(comm), dtype_(dtype) {
    for (const ShardRange& range : shards) nodes_.push_back(nodes_of(range, std::max(1, range.count)));
    for (std::vector<ShardRange>& nodes : nodes_)
      std::erase_if(nodes, [](const ShardRange& n) { return n.count == 0; });
  }

  // Returns the sums of all, as long as the pieces together.
  Tensor sum(std::vector<Piece>& pieces) {
    std::int64_t size = 0;
    for (const Piece& piece : pieces) size += piece.size;
    slice_ = (size + comm_.size() - 1) / comm_.size();
    const Tensor received = exchange(pieces);
    const Tensor mine = fold(received);
    const Tensor all = ctx_.empty({comm_.size() * slice_}, dtype_);
    comm_.all_gather(mine, all);
    return all;
  }

 private:
  const std::vector<ShardRange>& own() const { return nodes_[static_cast<std::size_t>(comm_.rank())]; }

  // Slice r of every node of mine goes to rank r; comes: my slice of every node of everybody.
  Tensor exchange(std::vector<Piece>& pieces) {
    const auto count = static_cast<std::int64_t>(own().size());
    const Tensor send = ctx_.zeros({comm_.size() * count * slice_}, dtype_);
    for (std::int64_t n = 0; n < count; ++n) {
      std::int64_t at = 0;
      for (Piece& piece : pieces) {
        place(piece, own()[static_cast<std::size_t>(n)], at, n, count, send);
        at += piece.size;
      }
    }
    for (Piece& piece : pieces) piece.nodes.clear();
    std::vector<std::int64_t> come;
    std::int64_t total = 0;
    for (const auto& nodes : nodes_) total += come.emplace_back(static_cast<std::int64_t>(nodes.size()) * slice_);
    const Tensor received = ctx_.empty({total}, dtype_);
    comm_.all_to_all_v({send, std::vector<std::int64_t>(static_cast<std::size_t>(comm_.size()), count * slice_)},
                       {received, come});
    return received;
  }

  // One piece's part of node n into the slices that it falls into; where there is no part, zeros stay.
  void place(const Piece& piece, const ShardRange& node, std::int64_t at, std::int64_t n, std::int64_t count,
             const Tensor& send) const {
    const auto found = std::ranges::find_if(piece.nodes, [&](const auto& own) { return own.first == node.first; });
    if (found == piece.nodes.end()) return;
    const auto unit = static_cast<std::int64_t>(size_of(dtype_));
    auto* const to = static_cast<std::byte*>(send.raw());
    const auto* const from = static_cast<const std::byte*>(found->sum.raw());
    for (std::int64_t done = 0; done < piece.size;) {
      const std::int64_t slice = (at + done) / slice_, in = (at + done) % slice_;
      const std::int64_t length = std::min(piece.size - done, slice_ - in);
      std::memcpy(to + ((slice * count + n) * slice_ + in) * unit, from + done * unit,
                  static_cast<std::size_t>(length * unit));
      done += length;
    }
  }

  Tensor fold(const Tensor& received) {
    GradientTree tree;
    std::int64_t at = 0;
    for (const auto& nodes : nodes_) {
      for (const ShardRange& node : nodes) {
        tree.add(ctx_, received.rows(at, slice_), node.first, node.count);
        at += slice_;
      }
    }
    return tree.take(ctx_);
  }

  Context& ctx_;
  comm::Communicator& comm_;
  DType dtype_;
  std::vector<std::vector<ShardRange>> nodes_;  // of every rank
  std::int64_t slice_ = 0;
};

// Sums pieces over ranks, as many at a time as fill a bucket, and adds each to its parameter's gradient.
void reduce_pieces(Context& ctx, comm::Communicator& comm, const std::vector<ShardRange>& shards,
                   std::vector<Piece> pieces, std::vector<Tensor>& gradients) {
  for (auto first = pieces.begin(); first != pieces.end();) {
    std::int64_t size = 0;
    std::vector<Piece> some;
    for (; first != pieces.end() && (some.empty() || size + first->size <= kBucket); ++first) {
      size += first->size;
      some.push_back(std::move(*first));
    }
    const Tensor all = Bucket(ctx, comm, shards, some[0].dtype).sum(some);
    std::int64_t at = 0;
    for (const Piece& piece : some) {
      Tensor& gradient = gradients[piece.parameter];
      const Tensor sum = all.rows(at, piece.size).reshape({piece.size});
      if (!gradient.defined()) {
        gradient = ctx.empty(piece.shape, sum.dtype());
        std::memcpy(gradient.raw(), sum.raw(), sum.bytes());
      } else {
        ops::accumulate(ctx, gradient, sum.reshape(piece.shape));
      }
      at += piece.size;
    }
  }
}

std::vector<ShardRange> ranges(int shards, int ranks, int first, int step, int count, int members) {
  std::vector<ShardRange> out;
  for (int i = 0; i < count; ++i) out.push_back(shards_of(shards, ranks, first + i * step, members));
  return out;
}

// The sums of squares of every expert's part of `gradient`, at their places among the bank's of all ranks.
void add_squares(Context& ctx, const Tensor& gradient, double* squares) {
  ctx.pool->for_each(gradient.dim(0),
                     [&](std::int64_t e, int) { squares[e] = optim::sum_squares(ctx, gradient.rows(e, 1)); });
}

}  // namespace

std::vector<Tensor> take_gradients(Context& ctx, const model::GLM& glm, const Grid& grid, int shards) {
  std::vector<Tensor> gradients;
  std::vector<Piece> shared, experts;
  const auto banks = banks_of(glm);
  for (const nn::ParameterPtr& parameter : glm.parameters()) {
    const bool sharded = banks.contains(parameter.get());
    if ((sharded ? *grid.column : *grid.world).size() == 1) {
      gradients.push_back(parameter->take_gradient(ctx));
      continue;
    }
    const std::size_t at = gradients.size();
    const Tensor& value = parameter->value();
    gradients.emplace_back();
    for (int use = 0; use < parameter->uses(); ++use) {
      (sharded ? experts : shared)
          .push_back({at, value.shape(), value.dtype(), value.size(), parameter->take_nodes(use)});
    }
  }
  const int ranks = grid.ranks(), members = grid.row->size();
  reduce_pieces(ctx, *grid.world, ranges(shards, ranks, 0, 1, ranks, 1), std::move(shared), gradients);
  reduce_pieces(ctx, *grid.column, ranges(shards, ranks, 0, members, grid.column->size(), members), std::move(experts),
                gradients);
  return gradients;
}

double global_norm(Context& ctx, const model::GLM& glm, const Grid& grid, const std::vector<Tensor>& gradients) {
  const auto banks = banks_of(glm);
  const auto& parameters = glm.parameters();
  std::vector<std::int64_t> begin;  // of each parameter's squares
  std::int64_t size = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const auto bank = banks.find(parameters[i].get());
    begin.push_back(size);
    size += bank == banks.end() ? 1 : bank->second->all;
  }
  const Tensor squares = ctx.zeros({size}, DType::kFloat64);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const Profile::Span span(ctx.profile.get(), "gradient_norm", parameters[i]->name(), "update");
    double* const to = squares.data<double>() + begin[i];
    const auto bank = banks.find(parameters[i].get());
    if (bank != banks.end()) {
      add_squares(ctx, gradients[i], to + bank->second->skipped);
    } else if (grid.row->rank() == 0) {
      *to = optim::sum_squares(ctx, gradients[i]);
    }
  }
  grid.row->all_reduce(ctx, squares, comm::Reduce::kSum);
  double sum = 0.0;
  for (std::int64_t i = 0; i < size; ++i) sum += squares.data<double>()[i];
  return std::sqrt(sum);
}

}  // namespace wudao::train
