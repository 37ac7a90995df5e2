// What a plugin gives: MPI in terms that are the same in every ABI. Handles are boxed; every function returns 0, or an
// error of MPI that `describe` puts into words. This file and plugin.cpp need nothing but an mpi.h, so that any site's
// MPI can be built against (`wudao-rt mpi build`).
#pragma once

extern "C" {

enum { kWudaoMpiVersion = 1 };  // of this table; a plugin of another one is refused

struct WudaoMpi {
  int version;

  int (*state)(int* initialized, int* finalized);
  int (*start)(
      int* serialized);  // initialises MPI, which may be called from any thread, one at a time, if `serialized`
  int (*finish)();
  int (*library)(char* text, int size);
  int (*describe)(int error, char* text, int size);
  int (*abort)(int code);

  // Communicators. `adopt` copies the one that `handle` points to; null is the world.
  int (*adopt)(const void* handle, void** comm);
  int (*split)(void* comm, int color, int key, void** part);
  int (*split_node)(void* comm, void** part);  // the ranks that can share memory
  int (*release)(void* comm);
  int (*place)(void* comm, int* rank, int* size);

  // All return at once with a request, which `test` gives back when it is done.
  int (*barrier)(void* comm, void** request);
  int (*broadcast)(void* comm, void* data, int bytes, int root, void** request);
  int (*all_gather)(void* comm, const void* mine, void* all, int bytes, void** request);
  int (*send)(void* comm, const void* data, int bytes, int to, int tag, void** request);
  int (*receive)(void* comm, void* data, int bytes, int from, int tag, void** request);
  int (*test)(void** request, int* done);
  int (*probe)(void* comm, int tag, int* there, int* from);  // a message from anybody

  // Memory that all ranks of a communicator of split_node see; `mine` is this rank's part.
  int (*share)(void* comm, long bytes, void** window, void** mine);
  int (*shared_by)(void* window, int rank, void** part);
  int (*unshare)(void* window);
};

// Fills the table with the functions of a library that dlopen gave. Returns null where one is missing, whose name is
// left in `missing`.
const WudaoMpi* wudao_mpi_open(void* library, const char** missing);
}
