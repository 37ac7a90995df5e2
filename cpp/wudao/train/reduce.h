// Gradients over ranks: summed in the tree over virtual shards, whoever had which of them.
#pragma once

#include <vector>

#include "wudao/model/glm.h"
#include "wudao/train/grid.h"

namespace wudao::train {

// The gradients of the batch, one for each parameter in their order; the same bits on all ranks that have the
// parameter. Experts' are summed over the column, all others over all ranks.
std::vector<Tensor> take_gradients(Context& ctx, const model::GLM& glm, const Grid& grid, int shards);

// The same of parameters that all ranks of `comm` hold.
std::vector<Tensor> take_gradients(Context& ctx, const std::vector<nn::ParameterPtr>& parameters,
                                   comm::Communicator& comm, int shards);

// Global norm: the root of the sum of squares of every parameter once, in the order of parameters and experts.
double global_norm(Context& ctx, const model::GLM& glm, const Grid& grid, const std::vector<Tensor>& gradients);

}  // namespace wudao::train
