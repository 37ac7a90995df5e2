// Attention over a cache of codes (kernels/cache.h).
#pragma once

#include "wudao/kernels/attention.h"

namespace wudao::WUDAO_ISA {

// Without dropout, a given softmax output or gradients: it is for decoding.
void attention_codes(const kernels::AttentionForward& p);

}  // namespace wudao::WUDAO_ISA
