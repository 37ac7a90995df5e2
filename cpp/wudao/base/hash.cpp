#include "wudao/base/hash.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "wudao/base/thread_pool.h"

namespace wudao {
namespace {

constexpr std::uint64_t kPrime1 = 0x9E3779B185EBCA87, kPrime2 = 0xC2B2AE3D27D4EB4F, kPrime3 = 0x165667B19E3779F9,
                        kPrime4 = 0x85EBCA77C2B2AE63, kPrime5 = 0x27D4EB2F165667C5;
constexpr std::size_t kPiece = std::size_t{1} << 17;

template <class T>
T load(const std::byte* at) {  // little-endian, as all our machines are
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

std::uint64_t round(std::uint64_t lane, std::uint64_t input) {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

std::uint64_t merge(std::uint64_t hash, std::uint64_t lane) { return (hash ^ round(0, lane)) * kPrime1 + kPrime4; }

// What is left after the stripes of 32 bytes.
std::uint64_t finish(std::uint64_t hash, const std::byte* at, const std::byte* end) {
  for (; end - at >= 8; at += 8) hash = std::rotl(hash ^ round(0, load<std::uint64_t>(at)), 27) * kPrime1 + kPrime4;
  if (end - at >= 4) {
    hash = std::rotl(hash ^ load<std::uint32_t>(at) * kPrime1, 23) * kPrime2 + kPrime3;
    at += 4;
  }
  for (; at < end; ++at) hash = std::rotl(hash ^ static_cast<std::uint64_t>(*at) * kPrime5, 11) * kPrime1;
  hash = (hash ^ (hash >> 33)) * kPrime2;
  hash = (hash ^ (hash >> 29)) * kPrime3;
  return hash ^ (hash >> 32);
}

}  // namespace

std::uint64_t xxh64(const void* data, std::size_t bytes) {
  const auto* at = static_cast<const std::byte*>(data);
  const std::byte* const end = at + bytes;
  if (bytes < 32) return finish(kPrime5 + bytes, at, end);
  std::uint64_t a = kPrime1 + kPrime2, b = kPrime2, c = 0, d = -kPrime1;
  for (; end - at >= 32; at += 32) {
    a = round(a, load<std::uint64_t>(at));
    b = round(b, load<std::uint64_t>(at + 8));
    c = round(c, load<std::uint64_t>(at + 16));
    d = round(d, load<std::uint64_t>(at + 24));
  }
  std::uint64_t hash = std::rotl(a, 1) + std::rotl(b, 7) + std::rotl(c, 12) + std::rotl(d, 18);
  for (const std::uint64_t lane : {a, b, c, d}) hash = merge(hash, lane);
  return finish(hash + bytes, at, end);
}

std::vector<std::uint64_t> hash_all(ThreadPool& pool, const std::vector<Bytes>& values) {
  std::vector<Bytes> pieces;
  std::vector<std::size_t> ends;  // of the pieces of each value
  for (const Bytes& value : values) {
    for (std::size_t at = 0; at < value.size; at += kPiece) {
      pieces.push_back({static_cast<const std::byte*>(value.data) + at, std::min(kPiece, value.size - at)});
    }
    ends.push_back(pieces.size());
  }
  std::vector<std::uint64_t> parts(pieces.size()), out;
  pool.for_each(static_cast<std::int64_t>(pieces.size()), [&](std::int64_t i, int) {
    const auto at = static_cast<std::size_t>(i);
    parts[at] = xxh64(pieces[at].data, pieces[at].size);
  });
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    out.push_back(xxh64(parts.data() + begin, (end - begin) * sizeof parts[0]));
    begin = end;
  }
  return out;
}

}  // namespace wudao
