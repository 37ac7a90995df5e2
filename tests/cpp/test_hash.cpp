// XXH64 against values that its users have published; hashes of many values against one by one.
#include <algorithm>
#include <cstring>
#include <vector>

#include "check.h"
#include "wudao/base/hash.h"
#include "wudao/base/thread_pool.h"

using wudao::Bytes;
using wudao::ThreadPool;
using wudao::xxh64;

namespace {

std::uint64_t of(const char* words) { return xxh64(words, std::strlen(words)); }

std::vector<unsigned char> bytes(std::size_t size) {
  std::vector<unsigned char> out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<unsigned char>(i * i >> 3);
  return out;
}

}  // namespace

TEST(hash_gives_the_known_answers_of_xxh64) {
  CHECK_EQUAL(of(""), 0xef46db3751d8e999u);
  CHECK_EQUAL(of("a"), 0xd24ec4f1a98c6e5bu);
  CHECK_EQUAL(of("abc"), 0x44bc2cf5ad770999u);
  CHECK_EQUAL(of("Nobody inspects the spammish repetition"), 0xfbcea83c8a378bf1u);
}

TEST(hash_does_not_depend_on_threads_or_neighbours) {
  const auto large = bytes(1'000'003), small = bytes(5);
  ThreadPool one(1), three(3);
  const std::vector<Bytes> all = {{large.data(), large.size()}, {small.data(), small.size()}, {nullptr, 0}};
  const auto found = wudao::hash_all(three, all);
  CHECK(found == wudao::hash_all(one, all));
  for (std::size_t i = 0; i < all.size(); ++i) CHECK_EQUAL(found[i], wudao::hash_all(three, {all[i]})[0]);
}

TEST(hash_is_that_of_the_pieces) {
  const auto values = bytes(300'000);
  std::vector<std::uint64_t> pieces;
  for (std::size_t at = 0; at < values.size(); at += 131'072) {
    pieces.push_back(xxh64(values.data() + at, std::min<std::size_t>(131'072, values.size() - at)));
  }
  ThreadPool pool(2);
  CHECK_EQUAL(wudao::hash_all(pool, {{values.data(), values.size()}})[0], xxh64(pieces.data(), pieces.size() * 8));
}

TEST(hash_sees_every_bit) {
  auto values = bytes(77);
  const std::uint64_t before = xxh64(values.data(), values.size());
  for (std::size_t bit = 0; bit < 8 * values.size(); ++bit) {
    values[bit / 8] = static_cast<unsigned char>(values[bit / 8] ^ (1u << (bit % 8)));
    CHECK(xxh64(values.data(), values.size()) != before);
    values[bit / 8] = static_cast<unsigned char>(values[bit / 8] ^ (1u << (bit % 8)));
  }
}
