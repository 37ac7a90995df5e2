// The kernels without a library, of the instruction set in use.
#pragma once

#include "wudao/backend/cpu/gemm/plain/kernels.h"

namespace wudao::cpu::gemm {

const plain::Kernels& plain_kernels();

}  // namespace wudao::cpu::gemm
