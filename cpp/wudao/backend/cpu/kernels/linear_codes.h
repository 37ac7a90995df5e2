// A linear layer whose weight is quantised.
#pragma once

#include "wudao/kernels/products.h"

namespace wudao::WUDAO_ISA {

void pack_codes(const kernels::LinearForward& p);
void forward_codes(const kernels::LinearForward& p);

}  // namespace wudao::WUDAO_ISA
