// Sums over rows: S shards at once give the bits of any split into micro-batches combined in the tree, for any threads.
#include <algorithm>
#include <cmath>

#include "kernel_levels.h"
#include "wudao/kernels/rows.h"

using namespace wudao;

namespace {

constexpr std::int64_t kRows = 8 * 75, kCols = 150;  // more than a chunk and no multiple of a vector
constexpr std::int64_t kTableRows = 40;
constexpr int kShards = 8;

using Sum = std::function<std::vector<float>(std::int64_t first, std::int64_t rows, int shards, int threads)>;

// The sum over kShards shards, brought in groups of `group`.
std::vector<float> combined(const Sum& sum, int group, int threads) {
  std::vector<std::vector<float>> nodes;
  for (int s = 0; s < kShards; s += group)
    nodes.push_back(sum(s * kRows / kShards, group * kRows / kShards, group, threads));
  for (std::size_t step = 1; step < nodes.size(); step *= 2) {
    for (std::size_t i = 0; i < nodes.size(); i += 2 * step) {
      for (std::size_t j = 0; j < nodes[i].size(); ++j) nodes[i][j] += nodes[i + step][j];
    }
  }
  return nodes[0];
}

void check_layout(const Sum& sum) {
  const auto want = sum(0, kRows, kShards, 1);
  CHECK(std::any_of(want.begin(), want.end(), [](float x) { return x != 0.0f; }));
  for (const int threads : {1, 2, 4}) {
    for (const int group : {1, 2, 4, 8}) CHECK(check::same_bits(combined(sum, group, threads), want));
  }
}

struct LayerNormData {
  std::vector<float> x = check::random_values<float>(kRows * kCols, 1),
                     dy = check::random_values<float>(kRows * kCols, 2);
  std::vector<float> gamma = check::random_values<float>(kCols, 3), mean = check::random_values<float>(kRows, 4),
                     rstd = std::vector<float>(kRows, 0.9f);
};

// dgamma and dbeta, one after the other.
std::vector<float> layer_norm(const kernels::Table& table, LayerNormData& d, std::int64_t first, std::int64_t rows,
                              int shards, int threads) {
  ThreadPool pool(threads);
  std::vector<float> dx(rows * kCols), sums(2 * kCols), work(2 * kCols * kernels::column_chunks(rows, shards));
  table.layer_norm_backward({&d.x[first * kCols], d.gamma.data(), &d.mean[first], &d.rstd[first], &d.dy[first * kCols],
                             dx.data(), sums.data(), &sums[kCols], work.data(), DType::kFloat32, DType::kFloat32, rows,
                             kCols, shards, &pool});
  return sums;
}

// Ids that leave some table rows to few shards, some to none.
std::vector<std::int32_t> uneven_ids() {
  std::vector<std::int32_t> ids(kRows);
  for (std::int64_t n = 0; n < kRows; ++n)
    ids[n] = static_cast<std::int32_t>(n % 3 == 0 ? 7 : n * n / 200 % (kTableRows - 2));
  return ids;
}

std::vector<float> embedding(const kernels::Table& table, const std::vector<float>& dy,
                             const std::vector<std::int32_t>& ids, std::int64_t first, std::int64_t rows, int shards,
                             int threads) {
  ThreadPool pool(threads);
  std::vector<float> dtable(kTableRows * kCols, 99.0f);
  std::vector<std::int32_t> work(rows + kTableRows + 1);
  table.embedding_backward({&dy[first * kCols], &ids[first], dtable.data(), work.data(), DType::kFloat32, rows, kCols,
                            kTableRows, shards, &pool});
  return dtable;
}

}  // namespace

TEST(layer_norm_parameter_gradients_do_not_depend_on_layout) {
  check::on_every_level([](const kernels::Table& table) {
    LayerNormData data;
    check_layout([&](auto... layout) { return layer_norm(table, data, layout...); });
  });
}

TEST(embedding_gradient_does_not_depend_on_layout) {
  const auto ids = uneven_ids();
  auto dy = check::random_values<float>(kRows * kCols, 5);
  for (std::size_t i = 0; i < dy.size(); i += 2) dy[i] = -0.0f;  // a sum of negative zeros must come out the same too
  check::on_every_level([&](const kernels::Table& table) {
    check_layout([&](auto... layout) { return embedding(table, dy, ids, layout...); });
  });
}

TEST(embedding_gradient_is_the_sum_over_tokens) {
  const auto ids = uneven_ids();
  const auto dy = check::random_values<float>(kRows * kCols, 6);
  std::vector<double> want(kTableRows * kCols);
  for (std::int64_t n = 0; n < kRows; ++n) {
    for (std::int64_t j = 0; j < kCols; ++j) want[ids[n] * kCols + j] += static_cast<double>(dy[n * kCols + j]);
  }
  check::on_every_level([&](const kernels::Table& table) {
    const auto got = embedding(table, dy, ids, 0, kRows, kShards, 2);
    for (std::size_t i = 0; i < want.size(); ++i) CHECK(std::fabs(static_cast<double>(got[i]) - want[i]) <= 2e-5);
    CHECK_EQUAL(got.back(), 0.0f);
  });
}
