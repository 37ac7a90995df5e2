// Types and constants of the standard ABI (MPI 5.0, chapter 20; libmpi_abi.so.1), so far as we use them. tests/dist
// compares them with the header of an installed MPI.
#pragma once

#include <cstdint>

using MPI_Comm = struct MPI_ABI_Comm*;
using MPI_Request = struct MPI_ABI_Request*;
using MPI_Datatype = struct MPI_ABI_Datatype*;
using MPI_Info = struct MPI_ABI_Info*;
using MPI_Errhandler = struct MPI_ABI_Errhandler*;
using MPI_Win = struct MPI_ABI_Win*;
using MPI_Aint = std::intptr_t;

struct MPI_Status {
  int MPI_SOURCE, MPI_TAG, MPI_ERROR;
  int internal[5];
};

constexpr int MPI_SUCCESS = 0;
constexpr int MPI_THREAD_SERIALIZED = 2048;
constexpr int MPI_COMM_TYPE_SHARED = 221;
constexpr int MPI_ANY_SOURCE = -1;
constexpr int MPI_MAX_ERROR_STRING = 512;
constexpr int MPI_MAX_LIBRARY_VERSION_STRING = 8192;
#define MPI_COMM_WORLD (reinterpret_cast<MPI_Comm>(0x101))
#define MPI_REQUEST_NULL (reinterpret_cast<MPI_Request>(0x180))
#define MPI_BYTE (reinterpret_cast<MPI_Datatype>(0x247))
#define MPI_INFO_NULL (reinterpret_cast<MPI_Info>(0x130))
#define MPI_ERRORS_RETURN (reinterpret_cast<MPI_Errhandler>(0x143))
#define MPI_STATUS_IGNORE (static_cast<MPI_Status*>(nullptr))

#include "wudao/comm/mpi/abi/functions.h"
