// The table that each backend (and each CPU level) fills: one function pointer per line of kernels.def.
#pragma once

namespace wudao::kernels {

#define WUDAO_KERNEL(name, Arguments) struct Arguments;
#include "wudao/kernels/kernels.def"
#undef WUDAO_KERNEL

struct Table {
  const char* level;  // "avx512_bf16", "cuda", ...
#define WUDAO_KERNEL(name, Arguments) void (*name)(const Arguments&);
#include "wudao/kernels/kernels.def"
#undef WUDAO_KERNEL
};

}  // namespace wudao::kernels
