// Dropout and normal numbers are functions of (key, index): the scalar definition of base/philox.h is the reference.
#include <cmath>

#include "kernel_levels.h"
#include "wudao/base/philox.h"
#include "wudao/kernels/elementwise.h"

using namespace wudao;

namespace {

const philox::Key kKey = {0x123456789abcdef0u, 17, 5};

template <class T>
std::vector<T> dropout(const kernels::Table& table, const std::vector<T>& x, double p, std::int64_t first,
                       int threads = 2) {
  ThreadPool pool(threads);
  std::vector<T> y(x.size());
  table.dropout({x.data(), y.data(), check::dtype_of<T>(), p, kKey, first, static_cast<std::int64_t>(x.size()), &pool});
  return y;
}

template <class T>
void check_dropout(const kernels::Table& table, std::size_t size, double p, std::int64_t first) {
  const auto x = check::random_values<T>(size, 11);
  const auto y = dropout(table, x, p, first);
  const T factor = static_cast<T>(1.0 / (1.0 - p));
  for (std::size_t i = 0; i < size; ++i) {
    const float number = philox::uniform_at(kKey, static_cast<std::uint64_t>(first) + i);
    CHECK_EQUAL(y[i], static_cast<double>(number) >= p ? x[i] * factor : T(0));
  }
}

}  // namespace

TEST(dropout_follows_the_scalar_definition_at_any_offset) {
  check::on_every_level([](const kernels::Table& table) {
    for (std::size_t size = 0; size < 80; size += 3) {
      for (const std::int64_t first : {0L, 1L, 6L, 31L, (1L << 34) - 5}) check_dropout<float>(table, size, 0.1, first);
    }
    check_dropout<float>(table, 40001, 0.5, 3);
    check_dropout<double>(table, 40001, 0.1, 2);
  });
}

TEST(dropout_keeps_a_number_equal_to_p) {
  const double p = static_cast<double>(philox::uniform_at(kKey, 9));
  check::on_every_level([&](const kernels::Table& table) {
    const std::vector<float> one = {1.0f};
    CHECK(dropout(table, one, p, 9)[0] > 1.0f);
    CHECK_EQUAL(dropout(table, one, std::nextafter(p, 1.0), 9)[0], 0.0f);
  });
}

TEST(dropout_in_pieces_and_threads_gives_the_same_bits) {
  check::on_every_level([](const kernels::Table& table) {
    const auto x = check::random_values<float>(50000, 12);
    const auto whole = dropout(table, x, 0.3, 0, 1);
    CHECK(check::same_bits(dropout(table, x, 0.3, 0, 4), whole));
    const std::vector<float> rest(x.begin() + 12345, x.end());
    CHECK(check::same_bits(dropout(table, rest, 0.3, 12345), std::vector<float>(whole.begin() + 12345, whole.end())));
  });
}

TEST(fill_normal_is_box_muller_of_the_stream_on_every_level) {
  constexpr std::size_t kSize = 30001;
  std::vector<float> want(kSize);
  for (std::size_t i = 0; i < kSize; ++i) {
    const philox::Words words = philox::draw(kKey, i / 2);
    const double u = (words.v[i % 2 * 2] + 1.0) * 0x1p-32, v = words.v[i % 2 * 2 + 1] * 0x1p-32;
    want[i] = static_cast<float>(0.02 * (std::sqrt(-2.0 * std::log(u)) * std::cos(6.283185307179586 * v)));
  }
  double sum = 0, squares = 0;
  for (const float x : want) sum += static_cast<double>(x), squares += static_cast<double>(x) * static_cast<double>(x);
  CHECK(std::fabs(sum / kSize) < 4 * 0.02 / std::sqrt(kSize));
  CHECK(std::fabs(std::sqrt(squares / kSize) / 0.02 - 1) < 0.02);
  check::on_every_level([&](const kernels::Table& table) {
    ThreadPool pool(2);
    std::vector<float> y(kSize);
    table.fill_normal({y.data(), DType::kFloat32, kSize, 0.02, kKey, &pool});
    CHECK(check::same_bits(y, want));
  });
}
