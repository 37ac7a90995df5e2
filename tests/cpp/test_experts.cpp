// The products of experts, each with its own rows: against plain sums in a wider type, and bits that depend on an
// expert's own rows alone.
#include <tuple>

#include "check.h"
#include "experts_reference.h"
#include "wudao/base/thread_pool.h"

using check::ExpertsCase;
using check::ExpertsRun;
using check::Node;
using check::Sizes;
using check::Values;
using wudao::DType;
using wudao::ThreadPool;
using wudao::kernels::Activation;

namespace {

constexpr std::pair<DType, DType> kTypes[] = {{DType::kFloat32, DType::kFloat32},
                                              {DType::kBFloat16, DType::kBFloat16},
                                              {DType::kBFloat16, DType::kFloat32},
                                              {DType::kFloat16, DType::kFloat16},
                                              {DType::kFloat16, DType::kFloat32},
                                              {DType::kFloat64, DType::kFloat64}};

std::vector<Sizes> in_one_shard(const Sizes& rows) {
  std::vector<Sizes> all;
  for (const std::int64_t n : rows) all.push_back({n});
  return all;
}

// Unevenly: every third shard of an expert has no row, not always the same ones.
std::vector<Sizes> in_shards(const Sizes& rows, int shards) {
  std::vector<Sizes> all;
  for (std::size_t e = 0; e < rows.size(); ++e) {
    std::int64_t left = rows[e];
    Sizes own;
    for (int s = 0; s < shards; ++s) {
      const bool none = (static_cast<std::size_t>(s) + e) % 3 == 0;
      own.push_back(s + 1 == shards ? left : none ? 0 : left / 3 + s % 2);
      own.back() = std::min(own.back(), left);
      left -= own.back();
    }
    all.push_back(own);
  }
  return all;
}

std::vector<Sizes> many_small() {
  Sizes rows;
  for (int e = 0; e < 300; ++e) rows.push_back(e * e % 7);
  return in_shards(rows, 2);
}

std::vector<ExpertsCase> cases() {
  std::vector<ExpertsCase> all;
  for (const auto& [compute, y] : kTypes) {
    all.push_back({in_one_shard({1}), 1, 1, compute, y, Activation::kNone, false});
    all.push_back({in_one_shard({0, 1, 2, 63, 64, 65, 300, 0}), 37, 83, compute, y, Activation::kGeluTanh, true});
    all.push_back({in_shards({2, 0, 65, 600, 1}, 4), 65, 33, compute, y, Activation::kGeluErf, true});
    all.push_back({in_shards({70, 33, 3}, 8), 530, 270, compute, y, Activation::kNone, true});
    all.push_back({in_one_shard({520}), 16, 300, compute, y, Activation::kGeluErf, false});
    all.push_back({many_small(), 5, 7, compute, y, Activation::kGeluTanh, false});
  }
  return all;
}

using Body = std::function<void(const wudao::kernels::Table&, const ExpertsCase&, const std::string&)>;

void for_each_case(const Body& body) {
  check::for_each_level([&](const wudao::kernels::Table& table, const std::string& level) {
    for (const ExpertsCase& shape : cases()) body(table, shape, level + " " + shape.text());
  });
}

// Of each expert: in a type that is exact beside the kernels', and by plain composition in theirs.
struct References {
  std::vector<check::ExpertsResult> exact, plain;
};

References references(const ExpertsRun& run, const Node& node) {
  References all;
  for (std::int64_t e = 0; e < run.shape.experts(); ++e) {
    const bool wide = run.shape.compute == DType::kFloat64;
    all.exact.push_back(wide ? check::experts_reference<long double>(run, e, node)
                             : check::experts_reference<double>(run, e, node));
    all.plain.push_back(wide ? check::experts_reference<double>(run, e, node)
                             : check::experts_reference<float>(run, e, node));
  }
  return all;
}

void check_values(const ExpertsRun& run, const References& wanted, const std::string& where) {
  for (std::int64_t e = 0; e < run.shape.experts(); ++e) {
    const auto &exact = wanted.exact[static_cast<std::size_t>(e)], &plain = wanted.plain[static_cast<std::size_t>(e)];
    const std::string of = wudao::text(where, " expert ", e, " ");
    const auto rows = [&](const Values& all) { return run.first_rows(all, e); };
    close(of + "y", rows(run.y), exact.y, plain.y);
    close(of + "preactivation", rows(run.preactivation), exact.u, plain.u);
    close(of + "du", rows(run.stored_du()), exact.du, plain.du);
    close(of + "dx", rows(run.dx), exact.dx, plain.dx);
    close(of + "dweights", run.of_expert(run.dweights, e), exact.dweight, plain.dweight);
    close(of + "dbiases", run.of_expert(run.dbiases, e), exact.dbias, plain.dbias);
  }
}

void check_same(const ExpertsRun& a, const ExpertsRun& b) {
  CHECK(a.y == b.y);
  CHECK(a.preactivation == b.preactivation);
  CHECK(a.dx == b.dx);
  CHECK(a.dweights == b.dweights);
  CHECK(a.dbiases == b.dbiases);
}

// The gradient of the parameters over shards [first, first + shards), from those of nodes of `size` shards.
std::pair<Values, Values> tree(ExpertsRun& run, const wudao::kernels::Table& table, ThreadPool& pool, int first,
                               int shards, int size) {
  if (shards > size) {
    const auto low = tree(run, table, pool, first, shards / 2, size);
    const auto high = tree(run, table, pool, first + shards / 2, shards / 2, size);
    return {check::sum(low.first, high.first), check::sum(low.second, high.second)};
  }
  run.backward(table, pool, {first, shards, false, false});
  return {run.dweights, run.dbiases};
}

}  // namespace

TEST(experts_agree_with_a_wider_type) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string& where) {
    ExpertsRun run(shape);
    run.run(table, pool);
    check_values(run, references(run, run.all()), where);
    for (const Values* each : {&run.y, &run.preactivation, &run.dx, &run.dweights, &run.dbiases, &run.du}) {
      CHECK(check::kept_within(*each));
    }
  });
}

TEST(experts_gradients_of_some_shards_agree_with_a_wider_type) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string& where) {
    if (shape.shards() < 2) return;
    ExpertsRun run(shape);
    run.run(table, pool);
    const Node node = {shape.shards() / 2, std::max(1, shape.shards() / 4), false, false};
    run.backward(table, pool, node);
    check_values(run, references(run, node), where);
  });
}

TEST(experts_that_are_disturbed_are_noticed) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string& where) {
    if (shape.in > 100) return;
    ExpertsRun run(shape);
    run.run(table, pool);
    const References wanted = references(run, run.all());
    std::vector<Values*> outputs = {&run.y, &run.preactivation, &run.dx, &run.dweights, &run.dbiases};
    if (!run.keeps_dy()) outputs.push_back(&run.du);
    for (Values* each : outputs) {
      const Values right = *each;
      *each = check::disturbed(right);
      MESSAGE_OF(check::Failure, check_values(run, wanted, where));
      *each = right;
    }
  });
}

TEST(experts_bits_do_not_depend_on_threads) {
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string&) {
    ThreadPool one(1);
    ExpertsRun first(shape);
    first.run(table, one);
    for (int threads : {2, 4}) {
      ThreadPool pool(threads);
      ExpertsRun other(shape);
      other.run(table, pool);
      check_same(first, other);
    }
  });
}

// du may be written over dy.
TEST(experts_bits_do_not_depend_on_where_du_lies) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string&) {
    if (shape.compute != shape.y_type) return;
    ExpertsRun apart(shape), over(shape);
    over.du_over_dy = true;
    apart.run(table, pool);
    over.run(table, pool);
    CHECK(apart.stored_du() == over.dy);
    CHECK(apart.dx == over.dx);
    CHECK(apart.dweights == over.dweights);
    CHECK(apart.dbiases == over.dbiases);
  });
}

// Without a place to keep packed forms, every task packs what it multiplies.
TEST(experts_bits_do_not_depend_on_whether_forms_are_kept) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string&) {
    ExpertsRun kept(shape), once(shape);
    once.packed.reset();
    kept.run(table, pool);
    once.run(table, pool);
    check_same(kept, once);
  });
}

TEST(experts_bits_do_not_depend_on_other_experts) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string&) {
    ExpertsRun whole(shape);
    whole.run(table, pool);
    for (std::int64_t e = 0; e < shape.experts(); ++e) {
      ExpertsRun single = whole.alone(e);
      single.run(table, pool);
      CHECK(whole.first_rows(whole.y, e) == single.y);
      CHECK(whole.first_rows(whole.preactivation, e) == single.preactivation);
      CHECK(whole.first_rows(whole.dx, e) == single.dx);
      CHECK(whole.of_expert(whole.dweights, e) == single.dweights);
      CHECK(whole.of_expert(whole.dbiases, e) == single.dbiases);
    }
  });
}

// One row of each shard, or 40: what many rows are cut into, and what few of them are, shows nowhere.
TEST(experts_rows_do_not_depend_on_each_other) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string&) {
    ExpertsRun whole(shape);
    whole.run(table, pool);
    for (std::int64_t e = 0; e < shape.experts(); ++e) {
      for (std::int64_t most : {1, 40}) {
        ExpertsRun some = whole.alone(e, most);
        some.run(table, pool);
        CHECK(whole.first_rows(whole.y, e, most) == some.y);
        CHECK(whole.first_rows(whole.preactivation, e, most) == some.preactivation);
        CHECK(whole.first_rows(whole.dx, e, most) == some.dx);
      }
    }
  });
}

TEST(experts_gradient_of_a_node_is_the_tree_of_its_shards) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string&) {
    if (shape.shards() < 2) return;
    ExpertsRun run(shape);
    run.run(table, pool);
    const auto whole = std::pair(run.dweights, run.dbiases);
    for (int size = 1; size < shape.shards(); size *= 2) {
      CHECK(tree(run, table, pool, 0, shape.shards(), size) == whole);
    }
  });
}

TEST(experts_make_what_is_asked_for_and_nothing_else) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string&) {
    ExpertsRun run(shape);
    const std::tuple before(run.dx, run.dweights, run.dbiases);
    run.run(table, pool);
    const std::tuple whole(run.dx, run.dweights, run.dbiases);
    for (int wanted = 0; wanted < 8; ++wanted) {
      const Node node = {0, shape.shards(), true, (wanted & 1) != 0, (wanted & 2) != 0, (wanted & 4) != 0};
      std::tie(run.dx, run.dweights, run.dbiases) = before;
      run.backward(table, pool, node);
      CHECK(run.dx == std::get<0>(node.dx ? whole : before));
      CHECK(run.dweights == std::get<1>(node.dweights ? whole : before));
      CHECK(run.dbiases == std::get<2>(node.dbiases ? whole : before));
    }
  });
}

TEST(experts_forward_keeps_u_or_not) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string&) {
    ExpertsRun keeping(shape), other(shape);
    const Values before = other.preactivation;
    keeping.forward(table, pool);
    other.forward(table, pool, false);
    CHECK(keeping.y == other.y);
    CHECK(other.preactivation == before);
  });
}

// A second gradient of the same rows takes du as the first left it.
TEST(experts_du_is_made_once) {
  ThreadPool pool(2);
  for_each_case([&](const auto& table, const ExpertsCase& shape, const std::string&) {
    ExpertsRun run(shape);
    if (run.keeps_dy()) return;
    run.run(table, pool);
    const auto [dx, dweights, dbiases] = std::tuple(run.dx, run.dweights, run.dbiases);
    run.dy = check::unwritten(shape.y_type, static_cast<std::int64_t>(run.dy.size()));
    run.backward(table, pool, {0, shape.shards(), false});
    CHECK(run.dx == dx && run.dweights == dweights && run.dbiases == dbiases);
    run.backward(table, pool, run.all());
    CHECK(!(run.dx == dx));
  });
}

// Expert 0 has no rows while the weights change: it must not find its old form when rows come again. Another number of
// experts takes the place of both.
TEST(experts_weights_are_packed_again_when_stale) {
  ThreadPool pool(2);
  check::for_each_level([&](const wudao::kernels::Table& table, const std::string& level) {
    Values weights = Values::random(DType::kFloat32, 2 * 9 * 21, 98);
    auto packed = std::make_unique<wudao::PackedForms>();
    const auto use = [&](const Sizes& rows) {
      ExpertsRun run({in_one_shard(rows), 9, 21, DType::kFloat32, DType::kFloat32, Activation::kGeluTanh, true});
      std::swap(run.packed, packed);
      if (rows.size() == 2) std::swap(run.weights, weights);
      run.run(table, pool);
      check_values(run, references(run, run.all()), level);
      std::swap(run.packed, packed);
      if (rows.size() == 2) std::swap(run.weights, weights);
    };
    use({3, 70});
    const Values changed = Values::random(DType::kFloat32, 2 * 9 * 21, 99);
    std::memcpy(weights.data(), changed.data(), changed.size() * sizeof(float));
    packed->mark_stale();
    use({0, 70});
    use({3, 70});
    use({1, 2, 3});
    use({3, 70});
  });
}
