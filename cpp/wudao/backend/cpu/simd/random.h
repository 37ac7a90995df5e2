// Philox on vectors, and dropout with it: the same numbers as philox::draw and philox::uniform_at.
#pragma once

#include "wudao/backend/cpu/simd/vec.h"
#include "wudao/base/philox.h"

namespace wudao::WUDAO_ISA {

// One block of four words per 64-bit lane; only the lower half of a lane counts.
inline constexpr int kRandomLanes = kVectorBytes / 8;
inline constexpr int kRandomWords = 4 * kRandomLanes;
using RandomLanes = Vector<std::uint64_t, kRandomLanes>;

// The 64-bit products of the lower halves.
WUDAO_INLINE RandomLanes multiply_low(RandomLanes a, std::uint32_t b) {
  const RandomLanes factor = b - RandomLanes{};
#if defined(__AVX512F__)
  return bits_as<RandomLanes>(_mm512_maskz_mul_epu32(0xff, bits_as<__m512i>(a), bits_as<__m512i>(factor)));
#elif defined(__AVX2__)
  return bits_as<RandomLanes>(_mm256_mul_epu32(bits_as<__m256i>(a), bits_as<__m256i>(factor)));
#elif defined(__x86_64__)
  return bits_as<RandomLanes>(_mm_mul_epu32(bits_as<__m128i>(a), bits_as<__m128i>(factor)));
#else
  return (a & 0xffffffff) * factor;
#endif
}

// Lanes `from`, `from` + 1, ... of one vector in turn with the same of another.
WUDAO_INLINE RandomLanes interleaving(int from) {
  RandomLanes lane{};
  for (int i = 0; i < kRandomLanes; ++i) lane[i] = static_cast<std::uint64_t>(from + i / 2 + i % 2 * kRandomLanes);
  return lane;
}

// Writes the words of blocks `block`, `block` + 1, ... as they are counted: kRandomWords of them.
WUDAO_INLINE void random_words(const philox::Key& key, std::uint64_t block, std::uint32_t* words) {
  RandomLanes index{};
  for (int i = 0; i < kRandomLanes; ++i) index[i] = block + static_cast<std::uint64_t>(i);
  RandomLanes c0 = index, c1 = index >> 32, c2 = key.step - RandomLanes{}, c3 = key.stream - RandomLanes{};
  std::uint32_t key0 = static_cast<std::uint32_t>(key.seed), key1 = static_cast<std::uint32_t>(key.seed >> 32);
#pragma GCC unroll 10
  for (int round = 0; round < 10; ++round) {
    const RandomLanes p0 = multiply_low(c0, 0xD2511F53u), p1 = multiply_low(c2, 0xCD9E8D57u);
    c0 = (p1 >> 32) ^ c1 ^ (key0 - RandomLanes{});
    c2 = (p0 >> 32) ^ c3 ^ (key1 - RandomLanes{});
    c1 = p1, c3 = p0;
    key0 += 0x9E3779B9u, key1 += 0xBB67AE85u;
  }
  const RandomLanes low = (c0 & 0xffffffff) | (c1 << 32), high = (c2 & 0xffffffff) | (c3 << 32);
  const RandomLanes first = __builtin_shuffle(low, high, interleaving(0));
  const RandomLanes second = __builtin_shuffle(low, high, interleaving(kRandomLanes / 2));
  __builtin_memcpy(words, &first, sizeof first);
  __builtin_memcpy(words + kRandomWords / 2, &second, sizeof second);
}

// Element i is kept when its 24-bit number is at least p, that is, when the number times 2^24 reaches this bound.
WUDAO_INLINE std::int32_t keep_bound(double p) {
  const double scaled = p * 0x1p24;
  const auto whole = static_cast<std::int32_t>(scaled);
  return whole < scaled ? whole + 1 : whole;
}

// Dropout of consecutive elements of a stream.
template <class T>
class Keep {
 public:
  WUDAO_INLINE Keep(const philox::Key& key, double p)
      : key_(key), bound_(keep_bound(p)), factor_(Vec<T>::splat(static_cast<T>(1.0 / (1.0 - p)))) {}

  // Calls f(i, lanes, mask) for i = 0, width, ... below size; the mask is true where element first + i + lane is kept.
  template <class F>
  WUDAO_INLINE void for_each(std::uint64_t first, std::int64_t size, F&& f) const {
    alignas(64) std::uint32_t words[kPiece + 2 * kRandomWords];
    for (std::int64_t at = 0; at < size; at += kPiece) {
      const std::int64_t end = size - at < kPiece ? size : at + kPiece;
      const std::uint64_t begin = first + static_cast<std::uint64_t>(at);
      const auto offset = static_cast<std::int64_t>(begin % 4);
      for (std::int64_t w = 0; w < offset + end - at; w += kRandomWords) {
        random_words(key_, (begin + static_cast<std::uint64_t>(w)) / 4, words + w);
      }
      for_vectors<Vec<T>::kWidth>(at, end,
                                  [&](std::int64_t i, auto lanes) { f(i, lanes, mask(words + offset + i - at)); });
    }
  }

  // x / (1 - p) where the mask is true, else 0.
  WUDAO_INLINE Vec<T> apply(typename Vec<T>::Mask mask, Vec<T> x) const {
    return select(mask, x * factor_, Vec<T>::splat(0));
  }

 private:
  static constexpr int kPiece = 1024;  // words at hand: they stay in the first-level cache

  WUDAO_INLINE typename Vec<T>::Mask mask(const std::uint32_t* words) const {
    constexpr int n = Vec<T>::kWidth;
    const auto bits = load_raw<std::uint32_t, n>(words, All{}) >> 8;
    return __builtin_convertvector(bits_as<Vector<std::int32_t, n>>(bits) >= bound_, typename Vec<T>::Mask);
  }

  philox::Key key_;
  std::int32_t bound_;
  Vec<T> factor_;
};

// x[j] *= keep(first + j) / (1 - p), for j < size.
template <class T>
WUDAO_INLINE void dropout_in_place(T* x, const philox::Key& key, double p, std::uint64_t first, std::int64_t size) {
  const Keep<T> keep(key, p);
  keep.for_each(first, size, [&](std::int64_t i, auto lanes, auto mask) {
    keep.apply(mask, Vec<T>::load(x + i, lanes)).store(x + i, lanes);
  });
}

}  // namespace wudao::WUDAO_ISA
