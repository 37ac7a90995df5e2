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
    const bool first_query =
        i % (run.mask.size() / static_cast<std::size_t>(run.shape.batch)) < static_cast<std::size_t>(run.shape.keys());
    run.mask[i] = !first_query && generator() % 3 == 0;
  }
}

// delta comes from the y that was stored, so gradients in half types carry the rounding of y.
void check_gradient(const std::string& what, const Values& got, const std::vector<double>& exact,
                    const std::vector<double>& plain) {
  if (got.dtype() != DType::kBFloat16 && got.dtype() != DType::kFloat16) return close(what, got, exact, plain);
  const double part = std::ldexp(1.0, 1 - check::fraction_bits(got.dtype()));
  if (!(check::distance(got.doubles(), exact) <= check::largest(exact) * part)) check::fail("attention", 0, what);
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
    for (const AttentionCase& shape : check::attention_cases()) {
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
    for (const AttentionCase& shape : check::attention_cases()) {
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
