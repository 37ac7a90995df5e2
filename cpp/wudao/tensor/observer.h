// Who is shown what a batch computes on its way: what every op makes, every gradient that comes back to it, and the
// gradients of parameters, each virtual shard by itself.
#pragma once

#include <string>
#include <vector>

#include "wudao/tensor/tensor.h"

namespace wudao {

class Observer {
 public:
  virtual ~Observer() = default;
  // `what` names it in words. `parts`: one tensor, or one for each expert that this process holds.
  virtual void show(const std::string& what, int shard, const std::vector<Tensor>& parts) = 0;
};

}  // namespace wudao
