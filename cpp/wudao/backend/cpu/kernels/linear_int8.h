// Products of training in int8 (kernels/products.h): W is rounded with one scale for each column of the second factor,
// rows of the first with one scale a row. Sums are exact, so a row's bits depend on the row and on W alone.
#pragma once

#include "wudao/kernels/products.h"

namespace wudao::WUDAO_ISA {

void forward_int8(const kernels::LinearForward& p);
void pack_int8(const kernels::LinearForward& p);
// dx = du W
void make_dx_int8(const kernels::LinearBackward& p);

}  // namespace wudao::WUDAO_ISA
