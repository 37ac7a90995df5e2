// Sums of equal parts, one after the other in memory, in a fixed tree.
#pragma once

#include "wudao/comm/communicator.h"

namespace wudao::comm {

// data holds `parts` equal parts; the first becomes tree(0..parts) of them, the others are spoilt.
void reduce_rows(const Tensor& data, int parts, Reduce op);

// The bytes of one tensor into another of as many.
void copy_bytes(const Tensor& from, const Tensor& to);

}  // namespace wudao::comm
