#include "check.h"
#include "linear_reference.h"
#include "wudao/base/thread_pool.h"

using check::LinearCase;
using check::LinearRun;
using check::Values;
using wudao::DType;
using wudao::ThreadPool;
using wudao::kernels::Activation;

namespace {

std::vector<LinearCase> cases() {
  std::vector<LinearCase> all;
  for (const auto& [compute, y] :
       {std::pair{DType::kFloat32, DType::kFloat32}, std::pair{DType::kBFloat16, DType::kBFloat16},
        std::pair{DType::kBFloat16, DType::kFloat32}, std::pair{DType::kFloat16, DType::kFloat16},
        std::pair{DType::kFloat16, DType::kFloat32}, std::pair{DType::kFloat64, DType::kFloat64}}) {
    all.push_back({1, 1, 1, 1, compute, y, Activation::kNone, 0.0, false, false});
    all.push_back({7, 19, 33, 1, compute, y, Activation::kGeluTanh, 0.0, true, false});
    all.push_back({152, 65, 300, 4, compute, y, Activation::kGeluErf, 0.25, true, true});
    all.push_back({264, 40, 530, 8, compute, y, Activation::kNone, 0.5, true, true});
    all.push_back({70, 270, 31, 2, compute, y, Activation::kNone, 0.0, false, true});
  }
  return all;
}

void check_against_float64(const wudao::kernels::Table& table, const LinearCase& shape, ThreadPool& pool,
                           const std::string& level) {
  LinearRun run(shape);
  run.forward(table, pool);
  run.backward(table, pool);
  const auto exact = check::linear_reference<double>(run), plain = check::linear_reference<float>(run);
  const std::string where = level + " " + shape.text() + " ";
  close(where + "y", run.y, exact.y, plain.y);
  if (shape.activation != Activation::kNone) close(where + "preactivation", run.preactivation, exact.u, plain.u);
  close(where + "du", run.stored_du(), exact.du, plain.du);
  close(where + "dx", run.dx, exact.dx, plain.dx);
  close(where + "dweight", run.dweight, exact.dweight, plain.dweight);
  if (shape.bias) close(where + "dbias", run.dbias, exact.dbias, plain.dbias);
}

}  // namespace

TEST(linear_agrees_with_float64) {
  ThreadPool pool(2);
  check::for_each_level([&](const wudao::kernels::Table& table, const std::string& level) {
    for (const LinearCase& shape : cases()) check_against_float64(table, shape, pool, level);
  });
}

TEST(linear_bits_do_not_depend_on_threads) {
  check::for_each_level([&](const wudao::kernels::Table& table, const std::string&) {
    for (const LinearCase& shape : cases()) {
      ThreadPool one(1);
      LinearRun first(shape);
      first.forward(table, one);
      first.backward(table, one);
      for (int threads : {2, 4}) {
        ThreadPool pool(threads);
        LinearRun other(shape);
        other.forward(table, pool);
        other.backward(table, pool);
        CHECK(first.y == other.y);
        CHECK(first.dx == other.dx);
        CHECK(first.dweight == other.dweight);
        CHECK(first.dbias == other.dbias);
      }
    }
  });
}

// Rows [begin, begin + rows) as a micro-batch of their own give the same rows, and gradients that add up to the same.
TEST(linear_bits_do_not_depend_on_micro_batches) {
  ThreadPool pool(2);
  check::for_each_level([&](const wudao::kernels::Table& table, const std::string&) {
    for (const LinearCase& shape : cases()) {
      if (shape.shards < 2) continue;
      LinearRun whole(shape);
      whole.forward(table, pool);
      whole.backward(table, pool);
      LinearRun low = whole.part(0, 2), high = whole.part(1, 2);
      for (LinearRun* half : {&low, &high}) {
        half->forward(table, pool);
        half->backward(table, pool);
      }
      CHECK(check::joined(low.y, high.y) == whole.y);
      CHECK(check::joined(low.dx, high.dx) == whole.dx);
      CHECK(check::sum(low.dweight, high.dweight) == whole.dweight);
      CHECK(check::sum(low.dbias, high.dbias) == whole.dbias);
    }
  });
}

// Decoding asks for one row at a time.
TEST(linear_rows_do_not_depend_on_each_other) {
  ThreadPool pool(2);
  check::for_each_level([&](const wudao::kernels::Table& table, const std::string&) {
    for (LinearCase shape : cases()) {
      shape.shards = static_cast<int>(shape.rows);
      LinearRun whole(shape);
      whole.forward(table, pool);
      for (std::int64_t row : {std::int64_t{0}, shape.rows / 2, shape.rows - 1}) {
        LinearRun single = whole.part(row, shape.rows);
        single.forward(table, pool);
        CHECK(check::row_of(whole.y, row, shape.rows) == single.y);
      }
    }
  });
}

TEST(linear_weights_are_packed_again_when_stale) {
  ThreadPool pool(1);
  const auto& table = wudao::cpu::table(wudao::available_cpu_levels().front());
  LinearRun run({5, 6, 7, 1, DType::kFloat32, DType::kFloat32, Activation::kNone, 0.0, false, false});
  run.forward(table, pool);
  const Values before = run.y;
  run.weight = Values::random(DType::kFloat32, 42, 99);
  run.packed->mark_stale();
  run.forward(table, pool);
  CHECK(!(run.y == before));
  close("y", run.y, check::linear_reference<double>(run).y, check::linear_reference<float>(run).y);
}

TEST(linear_without_rows_has_zero_gradients) {
  ThreadPool pool(2);
  check::for_each_level([&](const wudao::kernels::Table& table, const std::string&) {
    LinearRun run({0, 6, 7, 1, DType::kFloat32, DType::kFloat32, Activation::kGeluTanh, 0.0, true, false});
    run.forward(table, pool);
    run.backward(table, pool);
    CHECK(run.dweight == Values(DType::kFloat32, std::vector<double>(42)));
    CHECK(run.dbias == Values(DType::kFloat32, std::vector<double>(7)));
  });
}
