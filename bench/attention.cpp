// Measures attention at 512 positions (12 heads of 64, fused q, k, v) and decoding with a cache.
//
//   bench_attention [threads] [runs]
//
// GFLOP/s count visible pairs only: 4 D per pair forward, 10 D backward. Decoding counts bytes of keys and values.
#include "wudao/kernels/attention.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "clock.h"
#include "wudao/backend/cpu/cpu.h"
#include "wudao/base/thread_pool.h"

using namespace wudao;

namespace {

constexpr std::int64_t kHeads = 12, kSize = 64, kWidth = kHeads * kSize, kLength = 512;

struct Bench {
  const kernels::Table& table;
  ThreadPool pool;
  int runs;

  template <class F>
  double fastest(F&& f) {
    return bench::fastest(runs, pool.size(), f);
  }
};

// Small numbers in either type.
std::vector<std::uint32_t> numbers(std::int64_t size) {
  std::vector<std::uint32_t> values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = 0x3e803e80u + static_cast<std::uint32_t>(i % 61) * 0x10001u;
  return values;
}

kernels::Strided part(std::vector<std::uint32_t>& fused, int index, std::int64_t parts, std::int64_t length,
                      DType dtype) {
  auto* data = reinterpret_cast<char*>(fused.data()) + index * kWidth * static_cast<std::int64_t>(size_of(dtype));
  return {data, length * parts * kWidth, parts * kWidth, kSize};
}

void training(Bench& b, DType dtype, std::int64_t batch, std::int32_t sep, double dropout) {
  const std::int64_t rows = batch * kLength;
  auto qkv = numbers(rows * 3 * kWidth), dqkv = qkv, y = numbers(rows * kWidth), dy = y;
  std::vector<float> softmax(static_cast<std::size_t>(2 * rows * kHeads));
  const std::vector<std::int32_t> seps(static_cast<std::size_t>(batch), sep);
  const kernels::AttentionShape shape = {batch,       kHeads,  kSize, kLength, kLength, 0,
                                         seps.data(), nullptr, dtype, dropout, {},      0};
  const auto in = [&](int i) { return part(qkv, i, 3, kLength, dtype); };
  const auto out = [&](std::vector<std::uint32_t>& x) { return part(x, 0, 1, kLength, dtype); };
  const double forward =
      b.fastest([&] { b.table.attention_forward({shape, in(0), in(1), in(2), out(y), softmax.data(), &b.pool}); });
  const double backward = b.fastest([&] {
    b.table.attention_backward({shape, in(0), in(1), in(2), out(y), out(dy), part(dqkv, 0, 3, kLength, dtype),
                                part(dqkv, 1, 3, kLength, dtype), part(dqkv, 2, 3, kLength, dtype), softmax.data(),
                                &b.pool});
  });
  double pairs = 0;
  for (std::int64_t i = 0; i < kLength; ++i)
    pairs += static_cast<double>(std::max<std::int64_t>(i + 1, sep) * kHeads * batch);
  const double flops = pairs * kSize * 1e-9;
  std::printf("| %s | %ld | %d | %.1f | %.0f | %.0f | %.0f |\n", name_of(dtype), static_cast<long>(batch), sep, dropout,
              4 * flops / forward, 10 * flops / backward, 14 * flops / (forward + backward));
}

void decoding(Bench& b, DType dtype, std::int64_t keys) {
  auto q = numbers(kWidth), y = q, k = numbers(keys * kWidth), v = k;
  const std::int32_t sep = 0;
  const kernels::AttentionShape shape = {1, kHeads, kSize, 1, keys, keys - 1, &sep, nullptr, dtype, 0.0, {}, 0};
  const auto view = [&](std::vector<std::uint32_t>& x) { return part(x, 0, 1, 0, dtype); };
  const double time =
      b.fastest([&] { b.table.attention_forward({shape, view(q), view(k), view(v), view(y), nullptr, &b.pool}); });
  const double bytes = 2.0 * static_cast<double>(keys * kWidth) * static_cast<double>(size_of(dtype));
  std::printf("| %s | %ld | %.0f | %.1f |\n", name_of(dtype), static_cast<long>(keys), time * 1e6, bytes / time * 1e-9);
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 1, runs = count > 2 ? std::atoi(arguments[2]) : 15;
  Bench b = {cpu::table(choose_cpu_level()), ThreadPool(threads), runs};
  std::printf(
      "%s, %d threads\n\n| type | B | sep | dropout | forward | backward | both, GFLOP/s "
      "|\n|---|---|---|---|---|---|---|\n",
      b.table.level, threads);
  for (DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    for (std::int32_t sep : {0, 128, 512}) training(b, dtype, 8, sep, 0.0);
    training(b, dtype, 8, 0, 0.1);
    training(b, dtype, 1, 0, 0.0);
  }
  std::printf("\n| type | keys | us | GB/s |\n|---|---|---|---|\n");
  for (DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    for (std::int64_t keys : {64, 512, 4096, 32768}) decoding(b, dtype, keys);
  }
}
