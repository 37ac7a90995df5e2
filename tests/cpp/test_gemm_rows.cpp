// The promise of gemm.h: the bits of a row do not depend on how many rows are multiplied, nor on the thread.
#include <thread>

#include "gemm_cases.h"

using namespace gemm_cases;

namespace {

constexpr std::int64_t kMaxRows = 300;
constexpr std::int64_t kLarge = 10000;
struct Shape {
  std::int64_t k, n;
};
constexpr Shape kShapes[] = {{1, 1}, {64, 64}, {33, 65}, {7, 129}, {513, 1}, {1000, 250}, {768, 192}, {2049, 48}};

void check_rows(const Output& got, std::int64_t first, const Output& want, const std::string& what) {
  const std::size_t size = want.wide.empty() ? sizeof(float) : sizeof(double);
  const char* g = want.wide.empty() ? reinterpret_cast<const char*>(got.narrow.data())
                                    : reinterpret_cast<const char*>(got.wide.data());
  const char* w = want.wide.empty() ? reinterpret_cast<const char*>(want.narrow.data())
                                    : reinterpret_cast<const char*>(want.wide.data());
  for (std::int64_t i = 0; i < got.rows; ++i) {
    if (std::memcmp(g + got.place(i, 0) * size, w + want.place(first + i, 0) * size,
                    static_cast<std::size_t>(got.cols) * size) != 0) {
      throw check::Failure(text(what, ": row ", first + i, " of ", got.rows, " rows from row ", first,
                                " differs from the same row of ", want.rows));
    }
  }
}

// Calls multiply(rows of A, c) for every M from 1 to 300 (fewer of a large product), and for tiles that start anywhere.
template <class Multiply>
void check_all_row_counts(const Matrix& a, std::int64_t n, const std::string& what, Multiply multiply) {
  Output want(kMaxRows, n, a.dtype, 0.5);
  multiply(a.operand(), want);
  const bool large = a.cols * n > kLarge;
  for (std::int64_t m = 1; m <= kMaxRows; m += large && m > 33 ? 13 : 1) {
    const std::int64_t first = m % 2 ? 0 : (m * 37) % (kMaxRows - m + 1);
    Output got(m, n, a.dtype, 0.5);
    multiply(cut_rows(a.operand(), first, m), got);
    check_rows(got, first, want, what);
  }
}

void check_unpacked(const Provider& provider, DType dtype) {
  for (const Shape& shape : kShapes) {
    for (int layout = 0; layout < 8; ++layout) {
      const Matrix a(kMaxRows, shape.k, dtype, !(layout & 1), 1), b(shape.k, shape.n, dtype, !(layout & 2), 2);
      const std::string what =
          text(provider.name, ".multiply ", name_of(dtype), " K=", shape.k, " N=", shape.n, " layout ", layout);
      check_all_row_counts(a, shape.n, what, [&](const Operand& rows, Output& c) {
        provider.multiply(rows, b.operand(), c.result(layout & 4));
      });
    }
  }
}

void check_packed(DType dtype) {
  for (const Shape& shape : kShapes) {
    const Matrix a(kMaxRows, shape.k, dtype, true, 1), b(shape.k, shape.n, weight_type(dtype), false, 2);
    const Packed packed(b.operand(), dtype);
    for (bool accumulate : {false, true}) {
      const std::string what =
          text("packed ", name_of(dtype), " K=", shape.k, " N=", shape.n, accumulate ? " accumulate" : "");
      check_all_row_counts(a, shape.n, what,
                           [&](const Operand& rows, Output& c) { packed.multiply(rows, c, accumulate); });
    }
  }
}

void check_every_provider(DType dtype) {
  for (const Provider* provider : all_providers()) check_unpacked(*provider, dtype);
}

}  // namespace

TEST(gemm_rows_do_not_depend_on_their_number_float32) { check_every_provider(DType::kFloat32); }
TEST(gemm_rows_do_not_depend_on_their_number_bfloat16) { check_every_provider(DType::kBFloat16); }
// float64 is plain whatever the provider.
TEST(gemm_rows_do_not_depend_on_their_number_float64) { check_unpacked(plain_provider(), DType::kFloat64); }
TEST(gemm_packed_rows_do_not_depend_on_their_number_float32) { check_packed(DType::kFloat32); }
TEST(gemm_packed_rows_do_not_depend_on_their_number_bfloat16) { check_packed(DType::kBFloat16); }
TEST(gemm_packed_rows_do_not_depend_on_their_number_float64) { check_packed(DType::kFloat64); }

TEST(gemm_threads_at_once_give_the_same_bits) {
  for (DType dtype : kTypes) {
    const Matrix a(64, 300, dtype, true, 1), b(300, 520, weight_type(dtype), false, 2);
    PackedB* packed = allocate_packed(plain_kernels(), b.rows, b.cols, dtype);
    Output alone(64, 520, dtype, 0.0), together(64, 520, dtype, 0.0);
    std::vector<std::thread> threads;
    for (int p = 0; p < packed->panels; ++p) {
      threads.emplace_back([&, p] {
        pack_panel(b.operand(), packed, p);
        multiply_packed(a.operand(), *packed, p, together.result(false, panel_of(*packed, p).begin));
      });
    }
    for (std::thread& thread : threads) thread.join();
    free_packed(packed);
    Packed(b.operand(), dtype).multiply(a.operand(), alone, false);
    check_rows(together, 0, alone, text(threads.size(), " threads"));
  }
}
