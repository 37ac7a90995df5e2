// Attention over a cache of 8-bit codes against sums in float64, and its bits.
#include <cmath>
#include <limits>

#include "kernel_levels.h"
#include "wudao/kernels/attention.h"

using wudao::DType;
using wudao::ThreadPool;
using wudao::kernels::Table;
using Numbers = std::vector<float>;

namespace {

struct Case {
  std::int64_t heads, size, tokens;
};

const std::vector<Case> kCases = {{1, 4, 1}, {3, 8, 70}, {5, 64, 150}, {2, 128, 65}, {20, 12, 9}};

// Queries, keys and values (tokens, heads, size) of one text, and their cache.
struct Text {
  Case shape;
  Numbers q, k, v;
  std::vector<Numbers> memory;
  std::vector<std::byte*> blocks;

  explicit Text(const Case& s) : shape(s), q(draw(1, 1.5)), k(draw(2, 1.5)), v(draw(3, 1.0)) {
    const std::int64_t bytes = s.heads * wudao::kernels::cache_head_bytes(s.size, DType::kUInt8);
    for (std::int64_t t = 0; t < s.tokens; t += wudao::kernels::kCacheTokens) {
      memory.emplace_back(static_cast<std::size_t>(bytes / 4));
      blocks.push_back(reinterpret_cast<std::byte*>(memory.back().data()));
    }
  }

  Numbers draw(unsigned seed, double deviation) const {
    return check::random_values<float>(static_cast<std::size_t>(shape.tokens * row()), seed, deviation);
  }
  std::int64_t row() const { return shape.heads * shape.size; }
  wudao::kernels::CachedLayer layer() const { return {blocks.data(), 0, DType::kUInt8}; }

  void store(const Table& table, ThreadPool& pool, std::int64_t first, std::int64_t count) {
    table.cache_store({k.data() + first * row(), v.data() + first * row(), DType::kFloat32, layer(), row(), shape.heads,
                       shape.size, first, count, &pool});
  }

  // Queries [first, first + count) over the keys that are there, part A being `sep` tokens.
  Numbers attend(const Table& table, ThreadPool& pool, std::int64_t first, std::int64_t count, std::int32_t sep) {
    Numbers y(static_cast<std::size_t>(count * row()));
    const wudao::kernels::AttentionShape all = {
        1, shape.heads, shape.size, count, first + count, first, &sep, nullptr, DType::kFloat32, 0.0, {}, 0};
    table.attention_forward({all,
                             {q.data() + first * row(), 0, row(), shape.size},
                             {},
                             {},
                             {y.data(), 0, row(), shape.size},
                             nullptr,
                             &pool,
                             layer()});
    return y;
  }
};

// A row as codes times their scale.
std::vector<double> rounded(const float* x, std::int64_t size) {
  float largest = 0;
  for (std::int64_t d = 0; d < size; ++d) largest = std::max(largest, std::abs(x[d]));
  std::vector<double> out;
  for (std::int64_t d = 0; d < size; ++d)
    out.push_back(std::nearbyint(double{x[d] * (127.0f / largest)}) * double{largest} / 127.0);
  return out;
}

// Query `i` of one head in float64, keys and values rounded.
std::vector<double> expected(const Text& text, std::int64_t i, std::int64_t head, std::int64_t sep) {
  const auto [heads, size, tokens] = text.shape;
  const auto at = [&](const Numbers& x, std::int64_t t) { return x.data() + t * text.row() + head * size; };
  std::vector<double> scores, y(static_cast<std::size_t>(size));
  double largest = -HUGE_VAL, total = 0;
  for (std::int64_t t = 0; t < std::max(i + 1, sep); ++t) {
    const std::vector<double> key = rounded(at(text.k, t), size);
    double score = 0;
    for (std::int64_t d = 0; d < size; ++d) score += double{at(text.q, i)[d]} * key[static_cast<std::size_t>(d)];
    scores.push_back(score / std::sqrt(static_cast<double>(size)));
    largest = std::max(largest, scores.back());
  }
  for (double& score : scores) total += score = std::exp(score - largest);
  for (std::size_t t = 0; t < scores.size(); ++t) {
    const std::vector<double> value = rounded(at(text.v, static_cast<std::int64_t>(t)), size);
    for (std::size_t d = 0; d < y.size(); ++d) y[d] += scores[t] / total * value[d];
  }
  return y;
}

}  // namespace

TEST(attention_over_codes_agrees_with_float64) {
  ThreadPool pool(2);
  for (const Case& shape : kCases) {
    check::on_every_level([&](const Table& table) {
      Text text(shape);
      const std::int64_t sep = shape.tokens / 3;
      text.store(table, pool, 0, shape.tokens);
      const Numbers y = text.attend(table, pool, 0, shape.tokens, static_cast<std::int32_t>(sep));
      for (std::int64_t i = 0; i < shape.tokens; i += 1 + shape.tokens / 7) {
        for (std::int64_t h = 0; h < shape.heads; ++h) {
          const std::vector<double> want = expected(text, i, h, sep);
          // Queries and weights have two digits: half a step of 127 * 257 each, over scores of a few units.
          for (std::size_t d = 0; d < want.size(); ++d) {
            const std::size_t at = static_cast<std::size_t>(i * text.row() + h * shape.size) + d;
            CHECK(std::abs(double{y[at]} - want[d]) < 1e-3);
          }
        }
      }
    });
  }
}

TEST(attention_over_codes_has_the_same_bits_token_by_token_and_on_any_number_of_threads) {
  ThreadPool two(2), one(1);
  for (const Case& shape : kCases) {
    check::on_every_level([&](const Table& table) {
      Text whole(shape), steps(shape);
      whole.store(table, two, 0, shape.tokens);
      const Numbers y = whole.attend(table, two, 0, shape.tokens, 0);
      for (std::int64_t i = 0; i < shape.tokens; ++i) {
        steps.store(table, one, i, 1);
        const Numbers row = steps.attend(table, i % 2 == 0 ? one : two, i, 1, 0);
        CHECK(check::same_bits(row, Numbers(y.begin() + i * whole.row(), y.begin() + (i + 1) * whole.row())));
      }
      for (std::size_t b = 0; b < whole.memory.size(); ++b) CHECK(check::same_bits(steps.memory[b], whole.memory[b]));
    });
  }
}

TEST(attention_over_codes_does_not_look_at_what_is_hidden) {
  ThreadPool pool(1);
  const float infinity = std::numeric_limits<float>::infinity();
  check::on_every_level([&](const Table& table) {
    for (const float strange : {std::nanf(""), infinity, -infinity}) {
      Text text({2, 8, 12}), clean({2, 8, 12});
      for (std::int64_t x = 9 * text.row(); x < 10 * text.row(); ++x)
        text.k[static_cast<std::size_t>(x)] = text.v[static_cast<std::size_t>(x)] = strange;
      text.store(table, pool, 0, 12);
      clean.store(table, pool, 0, 12);
      const Numbers y = text.attend(table, pool, 0, 12, 0), good = clean.attend(table, pool, 0, 12, 0);
      const auto end = static_cast<std::size_t>(9 * text.row());
      for (std::size_t x = 0; x < end; ++x) CHECK_EQUAL(y[x], good[x]);
      for (std::size_t x = end; x < y.size(); ++x) CHECK(!std::isfinite(y[x]));
    }
  });
}
