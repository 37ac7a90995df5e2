// Commons in windows of MPI-3's shared memory.
#pragma once

#include <memory>

#include "wudao/comm/commons.h"
#include "wudao/comm/communicator.h"
#include "wudao/comm/mpi/exchange.h"

namespace wudao::comm::mpi {

// Null, on all ranks, where they are not all on one node, or one does not want to. `world` is the communicator of the
// channel and outlives what is made. Collective.
std::unique_ptr<Commons> open_commons(const Channel& channel, Communicator& world, std::string name,
                                      const std::vector<int>& members);

}  // namespace wudao::comm::mpi
