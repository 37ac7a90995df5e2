// Speed of the matrix providers on the shapes of the models: one JSON line per provider, type, product and shape.
//
//   bench_gemm [SECONDS]      seconds per line (default 0.2); WUDAO_CPU_ISA and WUDAO_MATMUL as everywhere
//
// GFLOP/s are medians over repetitions. One core: processor time of the thread, so that other work on the machine does
// little harm. Two cores: two threads, half of the panels or tiles each, wall time.
#include <algorithm>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>

#include "wudao/backend/cpu/gemm/packed.h"
#include "wudao/backend/cpu/gemm/plain.h"
#include "wudao/backend/cpu/gemm/providers.h"

namespace {

using namespace wudao;
using namespace wudao::cpu::gemm;

double thread_seconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double>& values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

// Median seconds of f() on this thread.
template <class F>
double time_alone(double budget, F f) {
  f();
  std::vector<double> times;
  for (double spent = 0; spent < budget || times.size() < 5; spent += times.back()) {
    const double start = thread_seconds();
    f();
    times.push_back(thread_seconds() - start);
  }
  return median(times);
}

// Median seconds of f(0) and f(1) at once.
template <class F>
double time_pair(double budget, F f) {
  std::barrier both(2);
  std::vector<double> times;
  bool done = false;
  const auto work = [&](int half) {
    f(half);
    double begin = wall_seconds();
    while (true) {
      both.arrive_and_wait();
      if (done) return;
      const double start = wall_seconds();
      f(half);
      both.arrive_and_wait();
      if (half == 1) continue;
      times.push_back(wall_seconds() - start);
      done = times.size() >= 5 && wall_seconds() - begin > budget;
    }
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  return median(times);
}

struct Shape {
  std::int64_t m, k, n;
};

// Room for `count` elements of either width, filled with something harmless.
std::vector<char> filled(std::int64_t count, DType dtype) {
  std::vector<char> bytes(static_cast<std::size_t>(count) * size_of(dtype) + 64);
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = static_cast<float>((i * 2654435761u) % 2048) / 1024.0f - 1.0f;
    if (dtype == DType::kFloat32) reinterpret_cast<float*>(bytes.data())[i] = value;
    if (dtype == DType::kFloat64) reinterpret_cast<double*>(bytes.data())[i] = value;
    if (dtype == DType::kBFloat16)
      reinterpret_cast<std::uint16_t*>(bytes.data())[i] =
          static_cast<std::uint16_t>((i % 2 ? 0x3F80 : 0xBF80) + i % 97);
  }
  return bytes;
}

void print(const char* provider, DType dtype, const char* product, const Shape& s, double one, double two) {
  const double work = 2e-9 * static_cast<double>(s.m) * static_cast<double>(s.k) * static_cast<double>(s.n);
  std::printf(
      "{\"provider\": \"%s\", \"dtype\": \"%s\", \"product\": \"%s\", \"m\": %ld, \"k\": %ld, \"n\": %ld, "
      "\"gflops_1\": %.1f, \"gflops_2\": %.1f}\n",
      provider, name_of(dtype), product, s.m, s.k, s.n, work / one, work / two);
  std::fflush(stdout);
}

// y = x W^T, panel by panel into one dense tile, as the linear op does.
void bench_packed(DType dtype, const Shape& s, double budget) {
  const DType weights = accumulator_of(dtype);
  const std::vector<char> x = filled(s.m * s.k, dtype), w = filled(s.k * s.n, weights);
  const Operand a = {x.data(), dtype, s.m, s.k, s.k, 1};
  PackedB* packed = allocate_packed(plain_kernels(), s.k, s.n, dtype);
  for (int p = 0; p < packed->panels; ++p) pack_panel({w.data(), weights, s.k, s.n, 1, s.k}, packed, p);
  const auto panels = [&](int first, int step, std::vector<char>& tile) {
    for (int panel = first; panel < packed->panels; panel += step) {
      multiply_packed(a, *packed, panel, {tile.data(), panel_of(*packed, panel).size, false});
    }
  };
  std::vector<char> tiles[2] = {filled(s.m * kPanelCols, weights), filled(s.m * kPanelCols, weights)};
  const double one = time_alone(budget, [&] { panels(0, 1, tiles[0]); });
  // With one panel the two threads take it for different rows: twice the work.
  const bool single = packed->panels == 1;
  const double two =
      time_pair(budget, [&](int half) { single ? panels(0, 1, tiles[half]) : panels(half, 2, tiles[half]); });
  print("own", dtype, "packed", s, one, single ? two / 2 : two);
  free_packed(packed);
}

// dW tile = dY^T X: both operands cut out of wide matrices.
void bench_gradient(const Provider& p, DType dtype, const Shape& s, double budget) {
  constexpr std::int64_t kWide = 1024;
  const std::vector<char> dy = filled(s.k * kWide, dtype), x = filled(s.k * kWide, dtype);
  std::vector<char> tiles[2] = {filled(s.m * s.n, accumulator_of(dtype)), filled(s.m * s.n, accumulator_of(dtype))};
  const auto tile = [&](int half) {
    const Operand a = {dy.data() + static_cast<std::size_t>(half * s.m) * size_of(dtype), dtype, s.m, s.k, 1, kWide};
    p.multiply(a, {x.data(), dtype, s.k, s.n, kWide, 1}, {tiles[half].data(), s.n, false});
  };
  const double one = time_alone(budget, [&] { tile(0); });
  print(p.name, dtype, "gradient", s, one, time_pair(budget, tile) / 2);
}

void bench_pack(DType dtype, std::int64_t k, std::int64_t n, bool transposed, double budget) {
  const DType weights = accumulator_of(dtype);
  const std::vector<char> w = filled(k * n, weights);
  const Operand b = {w.data(), weights, k, n, transposed ? 1 : n, transposed ? k : 1};
  PackedB* packed = allocate_packed(plain_kernels(), k, n, dtype);
  const auto pack = [&](int first, int step) {
    for (int panel = first; panel < packed->panels; panel += step) pack_panel(b, packed, panel);
  };
  const double one = time_alone(budget, [&] { pack(0, 1); }), two = time_pair(budget, [&](int half) { pack(half, 2); });
  free_packed(packed);
  const double elements = 1e-9 * static_cast<double>(k * n);
  std::printf(
      "{\"dtype\": \"%s\", \"product\": \"pack\", \"transposed\": %d, \"k\": %ld, \"n\": %ld, "
      "\"gelements_1\": %.2f, \"gelements_2\": %.2f}\n",
      name_of(dtype), transposed, k, n, elements / one, elements / two);
}

void bench_own(DType dtype, double budget) {
  constexpr Shape kPacked[] = {{64, 256, 768},    {128, 192, 768},   {128, 384, 1536}, {128, 576, 2304},
                               {128, 768, 2304},  {128, 768, 768},   {128, 768, 3072}, {128, 3072, 768},
                               {128, 1024, 4096}, {256, 1024, 8192}, {32, 768, 768},   {150, 768, 768},
                               {1, 768, 3072},    {1, 3072, 768},    {8, 768, 3072}};
  for (const Shape& shape : kPacked) bench_packed(dtype, shape, budget);
  for (bool transposed : {false, true}) bench_pack(dtype, 768, 3072, transposed, budget);
}

void bench_provider(const Provider& p, DType dtype, double budget) {
  constexpr Shape kGradient[] = {{256, 128, 256}, {256, 512, 256},  {256, 2048, 256}, {128, 512, 512},
                                 {128, 512, 768}, {64, 1024, 1024}, {192, 256, 192}};
  for (const Shape& shape : kGradient) bench_gradient(p, dtype, shape, budget);
}

}  // namespace

int main(int count, char** arguments) {
  const double budget = count > 1 ? std::atof(arguments[1]) : 0.2;
  const bool all = std::getenv("WUDAO_MATMUL") == nullptr;
  for (DType dtype : {DType::kFloat32, DType::kBFloat16}) {
    bench_own(dtype, budget);
    for (const Provider* provider : all ? all_providers() : std::vector<const Provider*>{&choose_provider()})
      bench_provider(*provider, dtype, budget);
  }
  return 0;
}
