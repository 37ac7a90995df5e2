// The communicator of all ranks of an MPI job, or of those of a communicator that somebody else made.
#pragma once

#include "wudao/comm/communicator.h"
#include "wudao/comm/mpi/library.h"

namespace wudao::comm::mpi {

struct WorldOptions {
  const void* handle = nullptr;  // points to an MPI_Comm of this very library; null: MPI_COMM_WORLD
  double timeout = 600.0;        // seconds that a collective may wait
  bool shared = true;            // exchange in the memory of a node where all ranks are on one
};

// Initialises MPI if nobody has. Collective.
std::shared_ptr<Communicator> open_world(const std::shared_ptr<Library>& library, const WorldOptions& options);

}  // namespace wudao::comm::mpi
