#include "check.h"
#include "linear_reference.h"
#include "output_loss_reference.h"
#include "wudao/base/thread_pool.h"

using check::LossCase;
using check::LossRun;
using check::Values;
using wudao::DType;
using wudao::ThreadPool;

namespace {

std::vector<LossCase> cases() {
  std::vector<LossCase> all;
  for (DType dtype : {DType::kFloat32, DType::kFloat64, DType::kBFloat16, DType::kFloat16}) {
    all.push_back({1, 1, 1, 0, 1, 1.0, dtype});
    all.push_back({6, 9, 5, 0, 2, 0.5, dtype});
    all.push_back({304, 24, 530, 517, 8, 0.3, dtype});
    all.push_back({560, 16, 300, 0, 2, 1.0, dtype});
    all.push_back({560, 8, 40, 33, 1, 0.9, dtype});
    all.push_back({16, 8, 40, 0, 8, 0.0, dtype});
  }
  return all;
}

// Gradients in half types come from a rounded dz: each of its elements may be off by 2^-8 of itself in bfloat16, by 2^-11
// in float16.
void check_gradient(const std::string& what, const Values& got, const std::vector<double>& exact,
                    const std::vector<double>& plain, DType compute) {
  if (compute != DType::kBFloat16 && compute != DType::kFloat16) return close(what, got, exact, plain);
  const double part = std::ldexp(1.0, 1 - check::fraction_bits(compute));
  if (!(check::distance(got.doubles(), exact) <= check::largest(exact) * part)) check::fail("output loss", 0, what);
}

void check_case(const wudao::kernels::Table& table, const LossCase& shape, const std::string& where) {
  ThreadPool pool(2);
  LossRun run(shape);
  run.run(table, pool);
  const auto exact = check::loss_reference<double>(run), plain = check::loss_reference<float>(run);
  const DType type = shape.compute == DType::kFloat64 ? DType::kFloat64 : DType::kFloat32;
  close(where + "loss", Values(type, run.loss), exact.loss, plain.loss);
  close(where + "row loss", Values(type, run.row_loss), exact.row_loss, plain.row_loss);
  check_gradient(where + "dh", run.dh, exact.dh, plain.dh, shape.compute);
  check_gradient(where + "dweight", run.dweight, exact.dweight, plain.dweight, shape.compute);
  CHECK_EQUAL(run.held.now, 0);
}

void check_same(LossRun& a, LossRun& b) {
  CHECK(a.dh == b.dh);
  CHECK(a.dweight == b.dweight);
  CHECK(a.loss == b.loss);
  CHECK(a.row_loss == b.row_loss);
}

}  // namespace

TEST(output_loss_agrees_with_float64) {
  check::for_each_level([](const wudao::kernels::Table& table, const std::string& level) {
    for (const LossCase& shape : cases()) {
      check_case(
          table, shape,
          wudao::text(level, " ", name_of(shape.compute), " ", shape.rows, "x", shape.in, "x", shape.vocab, " "));
    }
  });
}

TEST(output_loss_bits_do_not_depend_on_threads) {
  check::for_each_level([](const wudao::kernels::Table& table, const std::string&) {
    for (const LossCase& shape : cases()) {
      ThreadPool one(1), two(2), four(4);
      LossRun first(shape), second(shape), third(shape);
      first.run(table, one);
      second.run(table, two);
      third.run(table, four);
      check_same(first, second);
      check_same(first, third);
      LossRun only_loss(shape);
      only_loss.run(table, two, false);
      CHECK(only_loss.loss == first.loss);
      CHECK(only_loss.row_loss == first.row_loss);
    }
  });
}

TEST(output_loss_bits_do_not_depend_on_micro_batches) {
  check::for_each_level([](const wudao::kernels::Table& table, const std::string&) {
    for (const LossCase& shape : cases()) {
      if (shape.shards < 2) continue;
      ThreadPool pool(2);
      LossRun whole(shape), low = whole.half(0), high = whole.half(1);
      for (LossRun* run : {&whole, &low, &high}) run->run(table, pool);
      CHECK(check::joined(low.dh, high.dh) == whole.dh);
      CHECK(check::sum(low.dweight, high.dweight) == whole.dweight);
      low.loss.insert(low.loss.end(), high.loss.begin(), high.loss.end());
      CHECK(low.loss == whole.loss);
    }
  });
}

// A vocabulary so large that the scores come in several batches, and a shard that is split over them. The level's own
// two halves of the rows, which fit in one batch, must add up to the same bits.
TEST(output_loss_never_holds_all_scores) {
  const auto& table = wudao::cpu::table(wudao::available_cpu_levels().back());
  ThreadPool pool(2);
  for (int shards : {1, 2, 4}) {
    LossRun run({1200, 2, 40000, 0, shards, 1.0, DType::kFloat32});
    run.run(table, pool);
    CHECK(run.held.most < 1200LL * 40000 * 4 / 2);
    if (shards == 1) continue;
    LossRun low = run.half(0), high = run.half(1);
    low.run(table, pool);
    high.run(table, pool);
    CHECK(check::sum(low.dweight, high.dweight) == run.dweight);
  }
}
