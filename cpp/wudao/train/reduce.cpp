#include "wudao/train/reduce.h"

#include <cmath>
#include <unordered_map>

#include "wudao/optim/optimizer.h"
#include "wudao/train/tree_sum.h"

namespace wudao::train {
namespace {

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

// The sums of squares of every expert's part of `gradient`, at their places among the bank's of all ranks.
void add_squares(Context& ctx, const Tensor& gradient, double* squares) {
  ctx.pool->for_each(gradient.dim(0),
                     [&](std::int64_t e, int) { squares[e] = optim::sum_squares(ctx, gradient.rows(e, 1)); });
}

// What this process has of a parameter's gradient, use by use.
void add_pieces(std::vector<Piece>& pieces, std::size_t at, nn::Parameter& parameter) {
  const Tensor& value = parameter.value();
  for (int use = 0; use < parameter.uses(); ++use) {
    pieces.push_back({at, value.shape(), value.dtype(), value.size(), parameter.take_nodes(use)});
  }
}

}  // namespace

std::vector<Tensor> take_gradients(Context& ctx, const std::vector<nn::ParameterPtr>& parameters,
                                   comm::Communicator& comm, int shards) {
  std::vector<Tensor> gradients(parameters.size());
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (comm.size() == 1) {
      gradients[i] = parameters[i]->take_gradient(ctx);
    } else {
      add_pieces(pieces, i, *parameters[i]);
    }
  }
  sum_pieces(ctx, comm, shards_of_each(shards, comm.size(), 0, 1, comm.size(), 1), std::move(pieces), gradients);
  return gradients;
}

std::vector<Tensor> take_gradients(Context& ctx, const model::GLM& glm, const Grid& grid, int shards) {
  std::vector<Tensor> gradients;
  std::vector<Piece> shared, experts;
  const auto banks = banks_of(glm);
  for (const nn::ParameterPtr& parameter : glm.parameters()) {
    const bool sharded = banks.contains(parameter.get());
    const std::size_t at = gradients.size();
    if ((sharded ? *grid.column : *grid.world).size() == 1) {
      gradients.push_back(parameter->take_gradient(ctx));
    } else {
      gradients.emplace_back();
      add_pieces(sharded ? experts : shared, at, *parameter);
    }
  }
  const int ranks = grid.ranks(), members = grid.row->size();
  sum_pieces(ctx, *grid.world, shards_of_each(shards, ranks, 0, 1, ranks, 1), std::move(shared), gradients);
  sum_pieces(ctx, *grid.column, shards_of_each(shards, ranks, 0, members, grid.column->size(), members),
             std::move(experts), gradients);
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
