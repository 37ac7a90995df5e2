// XXH64 (Collet, the specification of xxHash): a fast hash of 64 bits, not a cryptographic one. Any change that stays
// within eight aligned bytes changes it for certain, any other but for one time in 2^64.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace wudao {

class ThreadPool;

std::uint64_t xxh64(const void* data, std::size_t bytes);

struct Bytes {
  const void* data;
  std::size_t size;
};

// The hash of each of `values`: XXH64 of the XXH64 of its pieces of 128 KiB, the last one shorter. The pool shares the
// pieces out; the result does not depend on it.
std::vector<std::uint64_t> hash_all(ThreadPool& pool, const std::vector<Bytes>& values);

}  // namespace wudao
