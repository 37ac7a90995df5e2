// Weights of few bits: W[n, k] = scale[n, k / group] * code[n, k], the codes small integers.
//
// 8 bits:  codes (out, in) int8 from -127 to 127, one scale a row (group = in).
// 4 bits:  codes from -8 to 7 are kept with 8 added; each eight of a row, c0 ... c7, take four bytes, byte b holding
//          c_b in its lower half and c_(b + 4) in its upper half: (out, in / 2). The scales are bfloat16 values.
//
// The other factor is rounded too, row by row: x = s * q with |q| at most 127 (8 bits) or 32,639 (16 bits), s the
// largest |x| over that. Sums of q times code are integers and exact, so they have the same bits in any order.
#pragma once

#include <cstdint>

namespace wudao {
struct PackedForms;
}

namespace wudao::kernels {

constexpr std::int64_t kFourBitGroup = 64;        // weights that share a scale
constexpr std::int64_t kQuantizedWidest = 65536;  // of a row: its sums have to fit into 32 bits

struct QuantizedWeight {
  const void* codes;
  const float* scales;  // (out, in / group)
  PackedForms* packed;  // where the form that products read is kept
  int bits;             // 8 or 4
  int activation_bits;  // 8 or 16
};

// Memory for `rows` rows as integers of one or two bytes, their scales and the sums of their groups.
constexpr std::int64_t digit_bytes(std::int64_t rows, std::int64_t in) {
  return 2 * rows * (in + 4 * (in / kFourBitGroup + 1)) + 4 * rows + 64;
}

constexpr std::int64_t quantized_group(int bits, std::int64_t in) { return bits == 8 ? in : kFourBitGroup; }

}  // namespace wudao::kernels
