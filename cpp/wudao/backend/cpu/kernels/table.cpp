// This level's kernels. A kernel that nobody wrote is an undefined symbol when the engine is linked.
#include "wudao/kernels/table.h"

#define WUDAO_QUOTE(text) #text
#define WUDAO_LEVEL_NAME(level) WUDAO_QUOTE(level)

namespace wudao::WUDAO_ISA {

#define WUDAO_KERNEL(name, Arguments) void name(const kernels::Arguments&);
#include "wudao/kernels/kernels.def"
#undef WUDAO_KERNEL

extern const kernels::Table table;
const kernels::Table table = {
    WUDAO_LEVEL_NAME(WUDAO_ISA),
#define WUDAO_KERNEL(name, Arguments) &name,
#include "wudao/kernels/kernels.def"
#undef WUDAO_KERNEL
};

}  // namespace wudao::WUDAO_ISA
