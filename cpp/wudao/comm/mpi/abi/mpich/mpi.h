// Types and constants of the MPICH ABI (libmpi.so.12: MPICH since 3.1, Intel MPI, MVAPICH, Cray MPICH), so far as we
// use them. tests/dist compares them with the header of an installed MPICH.
#pragma once

using MPI_Comm = int;
using MPI_Request = int;
using MPI_Datatype = int;
using MPI_Info = int;
using MPI_Errhandler = int;
using MPI_Win = int;
using MPI_Aint = long;

struct MPI_Status {
  int count_low, count_high_and_cancelled;
  int MPI_SOURCE, MPI_TAG, MPI_ERROR;
};

constexpr int MPI_SUCCESS = 0;
constexpr int MPI_THREAD_SERIALIZED = 2;
constexpr int MPI_COMM_TYPE_SHARED = 1;
constexpr int MPI_ANY_SOURCE = -2;
constexpr int MPI_MAX_ERROR_STRING = 512;
constexpr int MPI_MAX_LIBRARY_VERSION_STRING = 8192;
constexpr MPI_Comm MPI_COMM_WORLD = 0x44000000;
constexpr MPI_Request MPI_REQUEST_NULL = 0x2c000000;
constexpr MPI_Datatype MPI_BYTE = 0x4c00010d;
constexpr MPI_Info MPI_INFO_NULL = 0x1c000000;
constexpr MPI_Errhandler MPI_ERRORS_RETURN = 0x54000001;
#define MPI_STATUS_IGNORE (reinterpret_cast<MPI_Status*>(1))

#include "wudao/comm/mpi/abi/functions.h"
