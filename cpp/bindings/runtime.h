// The process's one CPU runtime, opened when first needed.
#pragma once

#include "wudao/runtime/runtime.h"

namespace wudao::python {

CpuRuntime& runtime();

}  // namespace wudao::python
