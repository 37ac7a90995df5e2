// Puts new keys and values where attention will read them.
#include "wudao/backend/cpu/kernels/cache_codes.h"
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/digits.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/backend/cpu/workspace.h"

namespace wudao::WUDAO_ISA {
namespace {

using kernels::kCacheColumns;
using kernels::kCacheTokens;
using kernels::kCacheUnit;

// Tokens [token, token + count) of one head, all in one block; row 0 of k and v is the first of them.
template <class E>
struct Stretch {
  const E *k, *v;
  E *keys, *values;
  std::int64_t row, size, slot, count;
};

template <class E>
void store(const Stretch<E>& t, std::int64_t stride) {
  for (std::int64_t d = 0; d < t.size; ++d) {
    for (std::int64_t i = 0; i < t.count; ++i) t.keys[d * kCacheTokens + t.slot + i] = t.k[i * t.row + d];
  }
  for (std::int64_t i = 0; i < t.count; ++i)
    __builtin_memcpy(t.values + (t.slot + i) * stride, t.v + i * t.row, static_cast<std::size_t>(t.size) * sizeof(E));
}

// One key: its pairs of elements go to every kCacheTokens-th pair.
void store_key(const BFloat16* k, std::int64_t size, BFloat16* to) {
  std::int64_t d = 0;
  for (; d + 2 <= size; d += 2, to += 2 * kCacheTokens) __builtin_memcpy(to, k + d, 2 * sizeof(BFloat16));
  if (d < size) *to = k[d];
}

// bfloat16: the elements of a key, and the values of two tokens, lie in pairs.
void store(const Stretch<BFloat16>& t, std::int64_t) {
  for (std::int64_t i = 0; i < t.count; ++i) store_key(t.k + i * t.row, t.size, t.keys + (t.slot + i) * 2);
  for (std::int64_t i = 0; i < t.count; ++i) {
    const std::int64_t slot = t.slot + i;
    for (std::int64_t d = 0; d < t.size; d += kCacheColumns) {
      BFloat16* const to = t.values + (d * kCacheTokens + slot / 2 * kCacheColumns * 2) + slot % 2;
      const std::int64_t left = t.size - d, cols = left < kCacheColumns ? left : kCacheColumns;
      for (std::int64_t j = 0; j < cols; ++j) to[2 * j] = t.v[i * t.row + d + j];
    }
  }
}

template <class E>
void store_head(const kernels::CacheStore& p, std::int64_t head) {
  const std::int64_t stride = kernels::cache_value_stride(p.head_dim, p.dtype);
  for (std::int64_t done = 0; done < p.count;) {
    const std::int64_t slot = (p.first + done) % kCacheTokens, room = kCacheTokens - slot;
    const std::int64_t count = p.count - done < room ? p.count - done : room, at = done * p.row + head * p.head_dim;
    std::byte* const block = p.to.head(p.first + done, head, p.head_dim);
    store(Stretch<E>{static_cast<const E*>(p.k) + at, static_cast<const E*>(p.v) + at, reinterpret_cast<E*>(block),
                     reinterpret_cast<E*>(block + kernels::cache_key_bytes(p.head_dim, p.dtype)), p.row, p.head_dim,
                     slot, count},
          stride);
    done += count;
  }
}

// Rounds a row of a head and calls place(unit, word) for every four codes.
template <class E, class F>
float store_row_of_codes(const E* x, std::int64_t size, F&& place) {
  auto* const digits = static_cast<std::int8_t*>(cpu::workspace(cpu::Workspace::kTile, size));
  std::int32_t sum;  // not needed of keys and values
  const float scale = to_digits<1>(x, size, 1, digits, &sum);
  for (std::int64_t u = 0; u < size / kCacheUnit; ++u)
    place(u, gemm::load<std::uint32_t>(digits + u * kCacheUnit) ^ 0x80808080u);
  return scale;
}

template <class E>
void store_codes(const kernels::CacheStore& p, std::int64_t head) {
  for (std::int64_t i = 0; i < p.count; ++i) {
    const std::int64_t token = p.first + i, slot = token % kCacheTokens, at = i * p.row + head * p.head_dim;
    const HeadOfCodes to(p.to, token, head, p.heads, p.head_dim);
    to.key_scales[slot] = store_row_of_codes(
        static_cast<const E*>(p.k) + at, p.head_dim,
        [&](std::int64_t u, std::uint32_t word) { to.keys[word_of(slot, u, p.head_dim / kCacheUnit)] = word; });
    to.value_scales[slot] =
        store_row_of_codes(static_cast<const E*>(p.v) + at, p.head_dim, [&](std::int64_t u, std::uint32_t word) {
          for (std::int64_t b = 0; b < kCacheUnit; ++b) {
            std::uint32_t* const unit = to.values + word_of(u * kCacheUnit + b, slot / kCacheUnit, kTokenUnits);
            reinterpret_cast<std::uint8_t*>(unit)[slot % kCacheUnit] = static_cast<std::uint8_t>(word >> (8 * b));
          }
        });
  }
}

}  // namespace

void cache_store(const kernels::CacheStore& p) {
  if (p.to.dtype == DType::kUInt8) {
    return with_type_like<float>(p.dtype, [&]<class E>(Type<E>) {
      parallel_for(p.pool, p.heads, [&](std::int64_t head) { store_codes<E>(p, head); });
    });
  }
  with_type(p.dtype, [&]<class E>(Type<E>) {
    // A task a head, as in attention: the processor that stores a head is then the one that reads it.
    parallel_for(p.pool, p.heads, [&](std::int64_t head) { store_head<E>(p, head); });
  });
}

}  // namespace wudao::WUDAO_ISA
