// Rows to the ranks of their experts and back.
#pragma once

#include <memory>

#include "wudao/moe/config.h"
#include "wudao/moe/plan.h"

namespace wudao::moe {

class Exchange {
 public:
  virtual ~Exchange() = default;
  // x (T, hidden), a row for each token -> the rows that this rank's experts see, in the order of the plan.
  virtual Tensor dispatch(Context& ctx, const Plan& plan, const Tensor& x) = 0;
  // The same of rows (sent, hidden) that are there already, one for each choice.
  virtual Tensor scatter(Context& ctx, const Plan& plan, const Tensor& rows) = 0;
  // Rows that this rank's experts made -> (sent, hidden), in the order in which they were sent.
  virtual Tensor collect(Context& ctx, const Plan& plan, const Tensor& rows) = 0;
};

// `comm`: the ranks that share the experts.
std::unique_ptr<Exchange> make_exchange(std::shared_ptr<comm::Communicator> comm, const LayerConfig& config);

// y[n] = x[index[n]]; x itself where the index is undefined.
Tensor gather_rows(Context& ctx, const Tensor& x, const Tensor& index);

}  // namespace wudao::moe
