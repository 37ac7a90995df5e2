// Measures the kernels that work row by row or element by element, on one thread.
//
//   bench_kernels [level ...]
//
// Prints a Markdown table: elements per second and bytes moved per second, from the processor time of the fastest of
// several runs, so that other work on the machine disturbs little. Operands are larger than the second-level cache.
#include <time.h>

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "wudao/backend/cpu/cpu.h"
#include "wudao/base/thread_pool.h"
#include "wudao/kernels/elementwise.h"
#include "wudao/kernels/products.h"
#include "wudao/kernels/rows.h"
#include "wudao/kernels/update.h"

using namespace wudao;

namespace {

constexpr std::int64_t kRows = 4096, kCols = 512, kSize = kRows * kCols, kTableRows = 8192;
constexpr int kShards = 8, kRuns = 25;

double processor_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double fastest(const std::function<void()>& kernel) {
  double best = 1e9;
  for (int run = 0; run < kRuns; ++run) {
    const double start = processor_seconds();
    kernel();
    best = std::min(best, processor_seconds() - start);
  }
  return best;
}

struct Free {
  void operator()(void* block) const { std::free(block); }
};
using Block = std::unique_ptr<void, Free>;

// Aligned as the arena aligns.
Block block(std::int64_t bytes) {
  return Block(std::aligned_alloc(64, static_cast<std::size_t>((bytes + 63) / 64 * 64)));
}

template <class T>
Block filled(std::int64_t size, T (*value)(std::int64_t)) {
  Block values = block(size * static_cast<std::int64_t>(sizeof(T)));
  for (std::int64_t i = 0; i < size; ++i) static_cast<T*>(values.get())[i] = value(i);
  return values;
}

float moderate(std::int64_t i) { return 0.3f * static_cast<float>(1 + i % 7) * (i % 2 ? 1.0f : -1.0f); }
BFloat16 moderate_half(std::int64_t i) {
  return {static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(moderate(i)) >> 16)};
}
std::int32_t id(std::int64_t n) { return static_cast<std::int32_t>(n * n % kTableRows); }

Block operand(DType dtype) {
  return dtype == DType::kBFloat16 ? filled<BFloat16>(kSize, moderate_half) : filled<float>(kSize, moderate);
}

// One set of operands serves all kernels.
struct Operands {
  explicit Operands(DType dtype) : x(operand(dtype)), y(operand(dtype)), z(operand(dtype)) {}

  ThreadPool pool{1};
  Block x, y, z, variance = filled<float>(kSize, [](std::int64_t) { return 0.5f; });
  Block row = filled<float>(8 * kRows, [](std::int64_t) { return 1.0f; });
  Block work = block(kSize * 8), table = filled<float>(kTableRows * kCols, moderate);
  Block ids = filled<std::int32_t>(kRows, id), sorted = block((kRows + kTableRows + 1) * 4);
};

struct Line {
  const char* name;
  DType dtype;
  double elements, bytes;  // of one run
  std::function<void()> run;
};

std::vector<Line> lines_of(const kernels::Table& k, Operands& o, DType t) {
  const double n = kSize, s = static_cast<double>(size_of(t)), a = static_cast<double>(size_of(accumulator_of(t)));
  void *x = o.x.get(), *y = o.y.get(), *z = o.z.get();
  auto* row = static_cast<float*>(o.row.get());
  auto* ids = static_cast<std::int32_t*>(o.ids.get());
  auto* sorted = static_cast<std::int32_t*>(o.sorted.get());
  auto* sums = static_cast<double*>(o.work.get());
  const philox::Key key = {1, 2, 3};
  const auto gelu = [=, &o](bool tanh_form, bool backward) {
    return [=, &o, run = backward ? k.gelu_backward : k.gelu_forward] {
      run({x, backward ? z : nullptr, y, t, tanh_form, kSize, &o.pool});
    };
  };
  return {
      {"add", t, n, 3 * s * n, [=, &o, &k] { k.add({x, z, y, t, t, t, kSize, &o.pool}); }},
      {"accumulate", t, n, 3 * s * n, [=, &o, &k] { k.accumulate({x, y, t, kSize, &o.pool}); }},
      {"convert to bfloat16", t, n, (s + 2) * n,
       [=, &o, &k] { k.convert({x, y, t, DType::kBFloat16, kSize, &o.pool}); }},
      {"GELU tanh", t, n, 2 * s * n, gelu(true, false)},
      {"GELU tanh, backward", t, n, 3 * s * n, gelu(true, true)},
      {"GELU erf", t, n, 2 * s * n, gelu(false, false)},
      {"GELU erf, backward", t, n, 3 * s * n, gelu(false, true)},
      {"dropout", t, n, 2 * s * n, [=, &o, &k] { k.dropout({x, y, t, 0.1, key, 0, kSize, &o.pool}); }},
      {"layer norm", t, n, 2 * s * n,
       [=, &o, &k] {
         k.layer_norm_forward(
             {x, row, row + kRows, y, row + 2 * kRows, row + 3 * kRows, t, t, kRows, kCols, 1e-5, &o.pool});
       }},
      {"layer norm, backward", t, n, 3 * s * n,
       [=, &o, &k] {
         k.layer_norm_backward(
             {x, row, row, row, z, y, row + 4 * kRows, row + 5 * kRows, sums, t, t, kRows, kCols, kShards, &o.pool});
       }},
      {"sum of squares", t, n, s * n, [=, &o, &k] { k.sum_squares({x, sums, sums + 1, t, kSize, &o.pool}); }},
      {"embedding", accumulator_of(t), n, 2 * a * n,
       [=, &o, &k] { k.embedding_forward({o.table.get(), ids, y, accumulator_of(t), kRows, kCols, &o.pool}); }},
      {"embedding, backward", accumulator_of(t), n, a * (n + static_cast<double>(kTableRows * kCols)),
       [=, &o, &k] {
         k.embedding_backward(
             {x, ids, o.table.get(), sorted, accumulator_of(t), kRows, kCols, kTableRows, kShards, &o.pool});
       }},
      {"log-softmax", accumulator_of(t), n, 2 * a * n,
       [=, &o, &k] { k.log_softmax({x, y, accumulator_of(t), 64, kSize / 64, &o.pool}); }},
      {"AdamW", accumulator_of(t), n, 7 * a * n,
       [=, &o, &k] {
         k.adamw({x, z, y, o.variance.get(), accumulator_of(t), kSize, 1e-4, 0.9, 0.999, 1e-8, 0.01, 1.0, 0.5, 0.5,
                  &o.pool});
       }},
      {"scale", accumulator_of(t), n, 3 * a * n,
       [=, &o, &k] { k.scale({x, y, 0.5, 0.5, accumulator_of(t), kSize, &o.pool}); }},
      {"normal numbers", accumulator_of(t), n, a * n,
       [=, &o, &k] { k.fill_normal({y, accumulator_of(t), kSize, 0.02, key, &o.pool}); }},
  };
}

void print_level(const kernels::Table& table) {
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    Operands operands(dtype);
    for (const Line& line : lines_of(table, operands, dtype)) {
      if (line.dtype != dtype) continue;  // works in the accumulator type: measured already
      const double seconds = fastest(line.run);
      std::printf("| %s | %s | %s | %.2f | %.1f |\n", table.level, line.name, name_of(line.dtype),
                  1e-9 * line.elements / seconds, 1e-9 * line.bytes / seconds);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  std::printf("| level | kernel | type | 10^9 elements/s | GB/s |\n|---|---|---|---|---|\n");
  if (count == 1) print_level(cpu::table(choose_cpu_level()));
  for (int i = 1; i < count; ++i) print_level(cpu::table(parse_cpu_level(arguments[i])));
  return 0;
}
