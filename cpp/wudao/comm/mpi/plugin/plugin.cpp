// MPI behind the table of plugin.h. Compiled once for each ABI.
#include "wudao/comm/mpi/plugin/plugin.h"

#include <dlfcn.h>
#include <mpi.h>

#include <cstring>

namespace {

// The functions of the library that was opened, never those that happen to be linked: two MPIs may be in one process.
#define WUDAO_MPI_FUNCTIONS(F)                                                                                         \
  F(Initialized)                                                                                                       \
  F(Finalized) F(Init_thread) F(Query_thread) F(Finalize) F(Abort) F(Error_string) F(Get_library_version) F(Comm_rank) \
      F(Comm_size) F(Comm_dup) F(Comm_split) F(Comm_split_type) F(Comm_free) F(Comm_set_errhandler) F(Ibarrier)        \
          F(Ibcast) F(Iallgather) F(Isend) F(Irecv) F(Iprobe) F(Test) F(Win_allocate_shared) F(Win_shared_query)       \
              F(Win_free)

struct Functions {
#define WUDAO_MEMBER(name) decltype(&MPI_##name) name;
  WUDAO_MPI_FUNCTIONS(WUDAO_MEMBER)
#undef WUDAO_MEMBER
};

Functions mpi;

MPI_Comm& comm_of(void* box) { return *static_cast<MPI_Comm*>(box); }

void copy_text(const char* from, char* to, int size) {
  std::strncpy(to, from, static_cast<std::size_t>(size) - 1);
  to[size - 1] = '\0';
}

// Boxes the communicator that `make` makes. Its errors come back as numbers instead of ending the process.
template <class Make>
int boxed(void** box, Make&& make) {
  MPI_Comm comm{};
  const int error = make(&comm);
  if (error != MPI_SUCCESS) return error;
  *box = new MPI_Comm(comm);
  return mpi.Comm_set_errhandler(comm, MPI_ERRORS_RETURN);
}

// Runs `post` with a fresh request.
template <class Post>
int posted(void** request, Post&& post) {
  auto* const box = new MPI_Request(MPI_REQUEST_NULL);
  const int error = post(box);
  if (error != MPI_SUCCESS) {
    delete box;
    return error;
  }
  *request = box;
  return error;
}

int state(int* initialized, int* finalized) {
  const int error = mpi.Initialized(initialized);
  return error != MPI_SUCCESS ? error : mpi.Finalized(finalized);
}

int start(int* serialized) {
  int provided = 0;
  const int error = mpi.Init_thread(nullptr, nullptr, MPI_THREAD_SERIALIZED, &provided);
  *serialized = provided >= MPI_THREAD_SERIALIZED ? 1 : 0;
  return error;
}

int finish() { return mpi.Finalize(); }

int library(char* text, int size) {
  static char version[MPI_MAX_LIBRARY_VERSION_STRING];
  int length = 0;
  const int error = mpi.Get_library_version(version, &length);
  copy_text(version, text, size);
  return error;
}

int describe(int code, char* text, int size) {
  char words[MPI_MAX_ERROR_STRING] = "";
  int length = 0;
  const int error = mpi.Error_string(code, words, &length);
  copy_text(words, text, size);
  return error;
}

int abort_all(int code) { return mpi.Abort(MPI_COMM_WORLD, code); }

int adopt(const void* handle, void** comm) {
  const MPI_Comm from = handle == nullptr ? MPI_COMM_WORLD : *static_cast<const MPI_Comm*>(handle);
  return boxed(comm, [&](MPI_Comm* copy) { return mpi.Comm_dup(from, copy); });
}

int split(void* comm, int color, int key, void** part) {
  return boxed(part, [&](MPI_Comm* made) { return mpi.Comm_split(comm_of(comm), color, key, made); });
}

int split_node(void* comm, void** part) {
  return boxed(part, [&](MPI_Comm* made) {
    return mpi.Comm_split_type(comm_of(comm), MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, made);
  });
}

int release(void* comm) {
  const int error = mpi.Comm_free(&comm_of(comm));
  delete &comm_of(comm);
  return error;
}

int place(void* comm, int* rank, int* size) {
  const int error = mpi.Comm_rank(comm_of(comm), rank);
  return error != MPI_SUCCESS ? error : mpi.Comm_size(comm_of(comm), size);
}

int barrier(void* comm, void** request) {
  return posted(request, [&](MPI_Request* r) { return mpi.Ibarrier(comm_of(comm), r); });
}

int broadcast(void* comm, void* data, int bytes, int root, void** request) {
  return posted(request, [&](MPI_Request* r) { return mpi.Ibcast(data, bytes, MPI_BYTE, root, comm_of(comm), r); });
}

int all_gather(void* comm, const void* mine, void* all, int bytes, void** request) {
  return posted(request, [&](MPI_Request* r) {
    return mpi.Iallgather(mine, bytes, MPI_BYTE, all, bytes, MPI_BYTE, comm_of(comm), r);
  });
}

int send(void* comm, const void* data, int bytes, int to, int tag, void** request) {
  return posted(request, [&](MPI_Request* r) { return mpi.Isend(data, bytes, MPI_BYTE, to, tag, comm_of(comm), r); });
}

int receive(void* comm, void* data, int bytes, int from, int tag, void** request) {
  return posted(request, [&](MPI_Request* r) { return mpi.Irecv(data, bytes, MPI_BYTE, from, tag, comm_of(comm), r); });
}

int test(void** request, int* done) {
  auto* const box = static_cast<MPI_Request*>(*request);
  const int error = mpi.Test(box, done, MPI_STATUS_IGNORE);
  if (error == MPI_SUCCESS && *done == 0) return error;
  delete box;
  *request = nullptr;
  return error;
}

int probe(void* comm, int tag, int* there, int* from) {
  MPI_Status status;
  const int error = mpi.Iprobe(MPI_ANY_SOURCE, tag, comm_of(comm), there, &status);
  if (error == MPI_SUCCESS && *there != 0) *from = status.MPI_SOURCE;
  return error;
}

int share(void* comm, long bytes, void** window, void** mine) {
  MPI_Win made{};
  const int error = mpi.Win_allocate_shared(static_cast<MPI_Aint>(bytes), 1, MPI_INFO_NULL, comm_of(comm), mine, &made);
  if (error == MPI_SUCCESS) *window = new MPI_Win(made);
  return error;
}

int shared_by(void* window, int rank, void** part) {
  MPI_Aint size = 0;
  int unit = 0;
  return mpi.Win_shared_query(*static_cast<MPI_Win*>(window), rank, &size, &unit, part);
}

int unshare(void* window) {
  auto* const box = static_cast<MPI_Win*>(window);
  const int error = mpi.Win_free(box);
  delete box;
  return error;
}

constexpr WudaoMpi kTable = {
    kWudaoMpiVersion, state,   start,   finish,    library,    describe, abort_all, adopt, split, split_node,
    release,          place,   barrier, broadcast, all_gather, send,     receive,   test,  probe, share,
    shared_by,        unshare,
};

}  // namespace

extern "C" __attribute__((visibility("default"))) const WudaoMpi* wudao_mpi_open(void* library, const char** missing) {
#define WUDAO_FIND(name)                                                         \
  mpi.name = reinterpret_cast<decltype(mpi.name)>(dlsym(library, "MPI_" #name)); \
  if (mpi.name == nullptr) {                                                     \
    *missing = "MPI_" #name;                                                     \
    return nullptr;                                                              \
  }
  WUDAO_MPI_FUNCTIONS(WUDAO_FIND)
#undef WUDAO_FIND
  return &kTable;
}
