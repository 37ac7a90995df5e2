// Stores past the caches, for results that are larger than they are and that nobody reads soon: an ordinary store reads
// the line first that it is going to overwrite.
#pragma once

#include "wudao/backend/cpu/simd/native.h"

namespace wudao::WUDAO_ISA {

#if defined(__x86_64__)
constexpr std::int64_t kLineBytes = 64;

// One line; `to` begins one.
WUDAO_INLINE void stream_line(char* to, const char* from) {
#if defined(__AVX512F__)
  _mm512_stream_si512(reinterpret_cast<__m512i*>(to), bits_as<__m512i>(load_raw<char, 64>(from, All{})));
#elif defined(__AVX2__)
  for (int i = 0; i < 64; i += 32)
    _mm256_stream_si256(reinterpret_cast<__m256i*>(to + i), bits_as<__m256i>(load_raw<char, 32>(from + i, All{})));
#else
  for (int i = 0; i < 64; i += 16)
    _mm_stream_si128(reinterpret_cast<__m128i*>(to + i), bits_as<__m128i>(load_raw<char, 16>(from + i, All{})));
#endif
}

// Whether rows that begin here, `row_bytes` apart, consist of whole lines.
WUDAO_INLINE bool can_stream(const void* to, std::int64_t row_bytes) {
  return reinterpret_cast<std::uintptr_t>(to) % kLineBytes == 0 && row_bytes % kLineBytes == 0;
}

WUDAO_INLINE void stream_row(void* to, const void* from, std::int64_t bytes) {
  for (std::int64_t i = 0; i < bytes; i += kLineBytes)
    stream_line(static_cast<char*>(to) + i, static_cast<const char*>(from) + i);
}

// Such stores wait for nobody: this puts them before all that follows, as other threads see it.
WUDAO_INLINE void end_stream() { _mm_sfence(); }
#else
WUDAO_INLINE bool can_stream(const void*, std::int64_t) { return false; }
WUDAO_INLINE void stream_row(void*, const void*, std::int64_t) {}
WUDAO_INLINE void end_stream() {}
#endif

}  // namespace wudao::WUDAO_ISA
