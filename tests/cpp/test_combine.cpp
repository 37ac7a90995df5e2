// Rows gathered for experts and combined by token.
#include "check.h"
#include "combine_reference.h"
#include "wudao/base/thread_pool.h"

using check::CombineCase;
using check::CombineRun;
using check::Values;
using wudao::DType;
using wudao::ThreadPool;

namespace {

std::vector<CombineCase> cases() {
  std::vector<CombineCase> all;
  for (const auto& [compute, y] :
       {std::pair{DType::kFloat32, DType::kFloat32}, std::pair{DType::kBFloat16, DType::kBFloat16},
        std::pair{DType::kBFloat16, DType::kFloat32}, std::pair{DType::kFloat16, DType::kFloat16},
        std::pair{DType::kFloat16, DType::kFloat32}, std::pair{DType::kFloat64, DType::kFloat64}}) {
    all.push_back({0, 8, 2, compute, y, 0.0, true, true});
    all.push_back({1, 1, 1, compute, y, 0.0, false, true});
    all.push_back({70, 19, 2, compute, y, 0.0, true, true});
    all.push_back({130, 511, 3, compute, y, 0.25, true, true});
    all.push_back({33, 1030, 2, compute, y, 0.5, false, true});
    all.push_back({40, 513, 1, compute, y, 0.0, false, false});
    all.push_back({50, 64, 3, compute, y, 0.25, true, false});
  }
  return all;
}

using Body = std::function<void(const wudao::kernels::Table&, const CombineCase&, const std::string&)>;

void for_each_case(const Body& body) {
  check::for_each_level([&](const wudao::kernels::Table& table, const std::string& level) {
    for (const CombineCase& shape : cases()) body(table, shape, level + " " + shape.text() + " ");
  });
}

template <class T, class Wide>
void check_values_in(const CombineRun& run, const std::string& where) {
  const auto exact = check::combine_reference<Wide>(run), plain = check::combine_reference<T>(run);
  close(where + "y", run.y, exact.y, plain.y);
  close(where + "dr", run.dr, exact.dr, plain.dr);
  close(where + "dweights", run.dweights, exact.dweights, plain.dweights);
}

void check_values(const CombineRun& run, const std::string& where) {
  if (run.shape.compute == DType::kFloat64) return check_values_in<double, long double>(run, where);
  check_values_in<float, double>(run, where);
}

// Of dr the rows that these tokens have.
Values rows_of(const CombineRun& run, const Values& dr) {
  std::vector<double> found;
  for (const std::int64_t slot : run.slot) {
    if (slot < 0) continue;
    const Values row = check::slice(dr, slot * run.shape.cols, (slot + 1) * run.shape.cols);
    for (const double value : row.doubles()) found.push_back(value);
  }
  return Values(dr.dtype(), found);
}

// Rows that are asked for are those of x, others of y are as they were.
void check_gather(const wudao::kernels::Table& table, DType dtype, std::int64_t cols, std::int64_t unit) {
  ThreadPool pool(2);
  const Values x = Values::random(dtype, 9 * cols, 1);
  const std::vector<std::int64_t> index = {8, 0, 3, 3, 7, 1, 8};
  auto places = index;
  const auto size = static_cast<std::int64_t>(wudao::size_of(dtype)), all = static_cast<std::int64_t>(index.size());
  for (std::int64_t& place : places) place *= unit == 0 ? 1 : cols * size / unit;
  for (std::int64_t rows : {std::int64_t{0}, std::int64_t{1}, all}) {
    Values y = check::unwritten(dtype, all * cols);
    table.gather_rows({x.data(), places.data(), y.data(), dtype, rows, cols, &pool, unit});
    for (std::int64_t n = 0; n < all; ++n) {
      const std::int64_t from = index[static_cast<std::size_t>(n)];
      const Values wanted = n < rows ? check::slice(x, from * cols, (from + 1) * cols) : check::unwritten(dtype, cols);
      CHECK(check::slice(y, n * cols, (n + 1) * cols) == wanted);
    }
    CHECK(check::kept_within(y));
  }
}

}  // namespace

TEST(combine_agrees_with_a_wider_type) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const CombineCase& shape, const std::string& where) {
    CombineRun run(shape);
    run.run(table, pool);
    check_values(run, where);
    for (const Values* each : {&run.y, &run.dr, &run.dweights}) CHECK(check::kept_within(*each));
  });
}

TEST(combine_that_is_disturbed_is_noticed) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const CombineCase& shape, const std::string& where) {
    if (shape.rows == 0) return;
    CombineRun run(shape);
    run.run(table, pool);
    for (Values* each : {&run.y, &run.dr, &run.dweights}) {
      const Values right = *each;
      *each = check::disturbed(right);
      MESSAGE_OF(check::Failure, check_values(run, where));
      *each = right;
    }
  });
}

TEST(combine_bits_do_not_depend_on_threads) {
  for_each_case([&](const auto& table, const CombineCase& shape, const std::string&) {
    ThreadPool one(1);
    CombineRun first(shape);
    first.run(table, one);
    for (int threads : {2, 4}) {
      ThreadPool pool(threads);
      CombineRun other(shape);
      other.run(table, pool);
      CHECK(first.y == other.y && first.dr == other.dr && first.dweights == other.dweights);
    }
  });
}

TEST(combine_tokens_do_not_depend_on_each_other) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const CombineCase& shape, const std::string&) {
    CombineRun whole(shape);
    whole.run(table, pool);
    const std::int64_t cut = shape.rows / 3;
    for (const auto& [begin, end] : {std::pair{std::int64_t{0}, cut}, std::pair{cut, shape.rows}}) {
      CombineRun part = whole.part(begin, end);
      part.run(table, pool);
      CHECK(check::slice(whole.y, begin * shape.cols, end * shape.cols) == part.y);
      CHECK(check::slice(whole.dweights, begin * shape.k, end * shape.k) == part.dweights);
      CHECK(rows_of(part, whole.dr) == rows_of(part, part.dr));
    }
  });
}

TEST(gather_takes_rows_by_number_or_by_unit) {
  check::for_each_level([&](const wudao::kernels::Table& table, const std::string&) {
    for (DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kFloat16, DType::kFloat64}) {
      const auto size = static_cast<std::int64_t>(wudao::size_of(dtype));
      for (std::int64_t cols : {1, 19, 300, 20000}) {
        for (std::int64_t unit : {std::int64_t{0}, std::int64_t{1}, size}) check_gather(table, dtype, cols, unit);
      }
    }
  });
}
