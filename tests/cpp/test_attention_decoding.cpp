#include "attention_reference.h"
#include "check.h"
#include "wudao/base/thread_pool.h"

using check::AttentionCase;
using check::AttentionRun;
using check::Values;
using wudao::ThreadPool;
using wudao::kernels::Table;

// Decoding with a cache gives each query the bits that it has among all others; what lies beyond in the cache is not
// read.
TEST(attention_decoding_equals_prefill) {
  ThreadPool pool(2);
  check::for_each_level([&](const Table& table, const std::string&) {
    for (AttentionCase shape : check::attention_cases()) {
      shape.past = 0;
      AttentionRun whole(shape);
      for (auto& sep : whole.sep) sep = static_cast<std::int32_t>(shape.queries / 3);
      whole.forward(table, pool);
      const auto length = static_cast<std::size_t>(shape.heads * shape.size),
                 keys = static_cast<std::size_t>(shape.keys());
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
          q.insert(q.end(), all_q.begin() + static_cast<std::ptrdiff_t>(row),
                   all_q.begin() + static_cast<std::ptrdiff_t>(row + length));
          y.insert(y.end(), all_y.begin() + static_cast<std::ptrdiff_t>(row),
                   all_y.begin() + static_cast<std::ptrdiff_t>(row + length));
          for (std::size_t x = (b * keys + static_cast<std::size_t>(i) + 1) * length; x < (b + 1) * keys * length; ++x)
            k[x] = v[x] = NAN;
        }
        step.q = Values(shape.dtype, q), step.k = Values(shape.dtype, k), step.v = Values(shape.dtype, v);
        step.forward(table, pool);
        CHECK(step.y == Values(shape.dtype, y));
      }
    }
  });
}

TEST(attention_without_queries_does_nothing) {
  ThreadPool pool(2);
  check::for_each_level([&](const Table& table, const std::string&) {
    AttentionRun run({1, 2, 8, 0, 5, wudao::DType::kFloat32});
    run.forward(table, pool);
    run.backward(table, pool);
    CHECK(run.dk == Values(wudao::DType::kFloat32, std::vector<double>(run.k.size())));
  });
}
