// The packed forms of many experts' weights that lie in one storage: an array of them stands for one form of it.
#pragma once

#include <cstdint>

#include "wudao/tensor/packed.h"

namespace wudao::cpu {

// One PackedForms for each expert, kept in `forms`. Not for several threads at once.
PackedForms* expert_forms(PackedForms& forms, std::int64_t experts);

}  // namespace wudao::cpu
