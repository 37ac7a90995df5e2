#include "check.h"
#include "values.h"
#include "wudao/base/thread_pool.h"
#include "wudao/kernels/products.h"

using check::Values;
using wudao::DType;
using wudao::ThreadPool;

namespace {

struct MatmulCase {
  std::int64_t m, n, k;
  bool transpose_a, transpose_b;
};

template <class T>
std::vector<double> product(const MatmulCase& s, const Values& a, const Values& b) {
  std::vector<double> c;
  for (std::int64_t i = 0; i < s.m; ++i) {
    for (std::int64_t j = 0; j < s.n; ++j) {
      T sum = 0;
      for (std::int64_t k = 0; k < s.k; ++k) {
        const std::int64_t ia = s.transpose_a ? k * s.m + i : i * s.k + k,
                           ib = s.transpose_b ? j * s.k + k : k * s.n + j;
        sum += T(a[static_cast<std::size_t>(ia)]) * T(b[static_cast<std::size_t>(ib)]);
      }
      c.push_back(sum);
    }
  }
  return c;
}

Values run(const wudao::kernels::Table& table, const MatmulCase& s, const Values& a, const Values& b, int threads) {
  ThreadPool pool(threads);
  Values c(wudao::accumulator_of(a.dtype()), static_cast<std::size_t>(s.m * s.n));
  table.matmul({a.data(), b.data(), c.data(), a.dtype(), s.transpose_a, s.transpose_b, s.m, s.n, s.k, &pool});
  return c;
}

}  // namespace

TEST(matmul_agrees_with_float64_for_any_threads) {
  check::for_each_level([](const wudao::kernels::Table& table, const std::string& level) {
    for (DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kFloat64}) {
      for (const MatmulCase& s : {MatmulCase{1, 1, 1, false, false}, MatmulCase{3, 40, 17, false, true},
                                  MatmulCase{270, 19, 33, true, false}, MatmulCase{65, 530, 50, true, true}}) {
        const Values a = Values::random(dtype, s.m * s.k, 1), b = Values::random(dtype, s.k * s.n, 2);
        const Values c = run(table, s, a, b, 1);
        close(level + " " + name_of(dtype), c, product<double>(s, a, b), product<float>(s, a, b));
        CHECK(run(table, s, a, b, 2) == c);
        CHECK(run(table, s, a, b, 4) == c);
      }
    }
  });
}

TEST(matmul_of_a_matrix_with_itself_is_symmetric_and_the_same) {
  check::for_each_level([](const wudao::kernels::Table& table, const std::string& level) {
    for (DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kFloat64}) {
      for (std::int64_t m : {1, 15, 16, 100, 270}) {
        for (bool transposed : {false, true}) {
          const MatmulCase s = {m, m, 19, transposed, !transposed};
          const Values x = Values::random(dtype, s.m * s.k, 1);
          const Values c = run(table, s, x, x, 1);
          close(level + " " + name_of(dtype), c, product<double>(s, x, x), product<float>(s, x, x));
          for (std::int64_t i = 0; i < m; ++i)
            CHECK_EQUAL(c[static_cast<std::size_t>(i)], c[static_cast<std::size_t>(i * m)]);
          CHECK(run(table, s, x, x, 3) == c);
        }
      }
    }
  });
}
