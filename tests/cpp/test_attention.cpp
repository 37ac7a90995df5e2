#include "attention_reference.h"
#include "check.h"
#include "wudao/base/thread_pool.h"

using check::AttentionCase;
using check::AttentionReference;
using check::AttentionRun;
using check::Values;
using wudao::DType;
using wudao::ThreadPool;
using wudao::kernels::Table;

namespace {

std::vector<AttentionCase> cases() {
  std::vector<AttentionCase> all;
  for (DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kFloat64}) {
    all.push_back({1, 1, 1, 1, 0, dtype});
    all.push_back({2, 3, 5, 7, 0, dtype});
    all.push_back({2, 2, 64, 75, 0, dtype});
    all.push_back({1, 2, 32, 140, 0, dtype, 0.25});
    all.push_back({2, 1, 33, 20, 61, dtype, 0.5, 3});
    all.push_back({1, 2, 128, 40, 130, dtype});
  }
  return all;
}

// Every third sample sees no prefix, every third all, the others a part.
void set_sep(AttentionRun& run) {
  for (std::size_t b = 0; b < run.sep.size(); ++b) {
    const auto length = static_cast<std::int32_t>(run.shape.past + run.shape.queries);
    run.sep[b] = b % 3 == 0 ? length / 2 : b % 3 == 1 ? 0 : length;
  }
}

// A mask without any structure, in which the first query sees nothing.
void set_random_mask(AttentionRun& run) {
  std::mt19937 generator(7);
  run.mask.resize(static_cast<std::size_t>(run.shape.batch * run.shape.queries * run.shape.keys()));
  for (std::size_t i = 0; i < run.mask.size(); ++i) {
    const bool first_query = i % (run.mask.size() / static_cast<std::size_t>(run.shape.batch)) < static_cast<std::size_t>(run.shape.keys());
    run.mask[i] = !first_query && generator() % 3 == 0;
  }
}

// delta comes from the y that was stored, so bfloat16 gradients carry the rounding of y.
void check_gradient(const std::string& what, const Values& got, const std::vector<double>& exact, const std::vector<double>& plain) {
  if (got.dtype() != DType::kBFloat16) return close(what, got, exact, plain);
  if (!(check::distance(got.doubles(), exact) <= check::largest(exact) / 64)) check::fail("attention", 0, what);
}

void check_run(AttentionRun& run, const Table& table, ThreadPool& pool, const std::string& where) {
  run.forward(table, pool);
  run.backward(table, pool);
  const auto exact = AttentionReference<double>(run).result(), plain = AttentionReference<float>(run).result();
  close(where + "y", run.y, exact.y, plain.y);
  check_gradient(where + "dq", run.dq, exact.dq, plain.dq);
  check_gradient(where + "dk", run.dk, exact.dk, plain.dk);
  check_gradient(where + "dv", run.dv, exact.dv, plain.dv);
}

void check_equal(const AttentionRun& a, const AttentionRun& b) {
  CHECK(a.y == b.y);
  CHECK(a.softmax == b.softmax);
  CHECK(a.dq == b.dq);
  CHECK(a.dk == b.dk);
  CHECK(a.dv == b.dv);
}

}  // namespace

TEST(attention_agrees_with_float64) {
  ThreadPool pool(2);
  check::for_each_level([&](const Table& table, const std::string& level) {
    for (const AttentionCase& shape : cases()) {
      AttentionRun prefix(shape), masked(shape);
      set_sep(prefix);
      set_random_mask(masked);
      check_run(prefix, table, pool, level + " " + shape.text() + " prefix ");
      check_run(masked, table, pool, level + " " + shape.text() + " mask ");
    }
  });
}

TEST(attention_bits_do_not_depend_on_threads_or_form_of_mask) {
  check::for_each_level([](const Table& table, const std::string&) {
    for (const AttentionCase& shape : cases()) {
      ThreadPool one(1);
      AttentionRun first(shape);
      set_sep(first);
      first.forward(table, one);
      first.backward(table, one);
      for (int threads : {1, 2, 4, 8}) {
        ThreadPool pool(threads);
        AttentionRun other(shape);
        set_sep(other);
        if (threads != 2) other.use_mask();
        other.forward(table, pool);
        other.backward(table, pool);
        check_equal(first, other);
      }
    }
  });
}

// Decoding with a cache gives each query the bits that it has among all others; what lies beyond in the cache is not read.
TEST(attention_decoding_equals_prefill) {
  ThreadPool pool(2);
  check::for_each_level([&](const Table& table, const std::string&) {
    for (AttentionCase shape : cases()) {
      shape.past = 0;
      AttentionRun whole(shape);
      for (auto& sep : whole.sep) sep = static_cast<std::int32_t>(shape.queries / 3);
      whole.forward(table, pool);
      const auto length = static_cast<std::size_t>(shape.heads * shape.size), keys = static_cast<std::size_t>(shape.keys());
      for (std::int64_t i = shape.queries / 3; i < shape.queries; i += 1 + shape.queries / 5) {
        AttentionCase one = shape;
        one.queries = 1, one.past = i, one.spare = shape.keys() - i - 1;
        AttentionRun step(one);
        step.sep = whole.sep;
        const auto all_q = whole.q.doubles(), all_y = whole.y.doubles();
        auto k = whole.k.doubles(), v = whole.v.doubles();
        std::vector<double> q, y;
        for (std::size_t b = 0; b < static_cast<std::size_t>(shape.batch); ++b) {
          const std::size_t row = (b * static_cast<std::size_t>(shape.queries) + static_cast<std::size_t>(i)) * length;
          q.insert(q.end(), all_q.begin() + static_cast<std::ptrdiff_t>(row), all_q.begin() + static_cast<std::ptrdiff_t>(row + length));
          y.insert(y.end(), all_y.begin() + static_cast<std::ptrdiff_t>(row), all_y.begin() + static_cast<std::ptrdiff_t>(row + length));
          for (std::size_t x = (b * keys + static_cast<std::size_t>(i) + 1) * length; x < (b + 1) * keys * length; ++x) k[x] = v[x] = NAN;
        }
        step.q = Values(shape.dtype, q), step.k = Values(shape.dtype, k), step.v = Values(shape.dtype, v);
        step.forward(table, pool);
        CHECK(step.y == Values(shape.dtype, y));
      }
    }
  });
}

// Samples keep their random numbers in another batch, and about p of the probabilities are dropped.
TEST(attention_dropout_belongs_to_the_sample) {
  ThreadPool pool(2);
  check::for_each_level([&](const Table& table, const std::string&) {
    AttentionRun both({2, 2, 16, 50, 0, DType::kFloat32, 0.3}), second({1, 2, 16, 50, 0, DType::kFloat32, 0.3});
    both.sep = {50, 50}, second.sep = {50}, second.first_sample = 1;
    const auto latter = [](const Values& x) {
      const auto all = x.doubles();
      return Values(DType::kFloat32, {all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2), all.end()});
    };
    second.q = latter(both.q), second.k = latter(both.k), second.v = latter(both.v);
    both.forward(table, pool);
    second.forward(table, pool);
    CHECK(latter(both.y) == second.y);
    // With v = 1 every output is the sum of what was kept: 1 on average.
    second.v = Values(DType::kFloat32, std::vector<double>(second.v.size(), 1.0));
    second.forward(table, pool);
    double mean = 0;
    for (double y : second.y.doubles()) mean += y / static_cast<double>(second.y.size());
    CHECK(std::abs(mean - 1) < 0.1);
  });
}
