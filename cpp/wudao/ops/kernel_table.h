// The table that each backend (and each CPU level) fills: one function pointer per line of ops.def.
#pragma once

namespace wudao::kernels {

#define WUDAO_KERNEL(name, Arguments) struct Arguments;
#include "wudao/ops/ops.def"
#undef WUDAO_KERNEL

struct Table {
  const char* level;  // "avx512_bf16", "cuda", ...
#define WUDAO_KERNEL(name, Arguments) void (*name)(const Arguments&);
#include "wudao/ops/ops.def"
#undef WUDAO_KERNEL
};

}  // namespace wudao::kernels
