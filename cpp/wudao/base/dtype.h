// Element types. bfloat16 and float16 are storage types: arithmetic widens to float32.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wudao {

enum class DType : std::uint8_t { kFloat32, kFloat64, kBFloat16, kFloat16, kInt32, kInt64, kUInt8, kBool };

// The bits of a bfloat16: the upper half of a float32 (8 exponent bits, 7 fraction bits).
struct BFloat16 {
  std::uint16_t bits;
};

// The bits of a float16: 5 exponent bits, 10 fraction bits.
struct Float16 {
  std::uint16_t bits;
};

constexpr std::size_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat64:
    case DType::kInt64: return 8;
    case DType::kFloat32:
    case DType::kInt32: return 4;
    case DType::kBFloat16:
    case DType::kFloat16: return 2;
    case DType::kUInt8:
    case DType::kBool: return 1;
  }
  return 0;
}

constexpr const char* name_of(DType dtype) {
  switch (dtype) {
    case DType::kFloat32: return "float32";
    case DType::kFloat64: return "float64";
    case DType::kBFloat16: return "bfloat16";
    case DType::kFloat16: return "float16";
    case DType::kInt32: return "int32";
    case DType::kInt64: return "int64";
    case DType::kUInt8: return "uint8";
    case DType::kBool: return "bool";
  }
  return "?";
}

constexpr bool is_floating(DType dtype) { return dtype <= DType::kFloat16; }

// The type in which values of `dtype` are summed, and in which the parameters of a model computing in it are kept.
constexpr DType accumulator_of(DType dtype) { return dtype == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32; }

}  // namespace wudao
