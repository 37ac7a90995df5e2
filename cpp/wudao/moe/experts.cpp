#include "wudao/moe/experts.h"

#include <algorithm>

#include "wudao/kernels/experts.h"
#include "wudao/kernels/table.h"

namespace wudao::moe {
namespace {

// The rows of one bank: where they begin among all rows, and the tables of the plan for its experts alone.
struct Part {
  std::int64_t first_row, rows;
  Tensor begin, shard_begin, tasks;
};

Part part_of(Context& ctx, const Plan& plan, const Bank& bank, std::int64_t first) {
  const std::int64_t* const begin = plan.begin.data<std::int64_t>() + first;
  const std::int64_t columns = plan.shards + 1;
  Part part{begin[0], begin[bank.count] - begin[0], ctx.empty({bank.count + 1}, DType::kInt64),
            ctx.empty({bank.count, columns}, DType::kInt64), ctx.empty({bank.count + 1}, DType::kInt64)};
  for (std::int64_t e = 0; e <= bank.count; ++e) part.begin.data<std::int64_t>()[e] = begin[e] - begin[0];
  for (std::int64_t i = 0; i < part.shard_begin.size(); ++i) {
    part.shard_begin.data<std::int64_t>()[i] = plan.shard_begin.data<std::int64_t>()[first * columns + i] - begin[0];
  }
  return part;
}

// Where packed forms of a weight are kept; nowhere, where it changes before anybody would use them again.
PackedForms* forms_of(const Context& ctx, const Tensor& weight) {
  return ctx.packs_anew ? nullptr : &weight.storage().packed();
}

Tensor product(Context& ctx, const Part& part, const Tensor& x, const nn::Parameter& weight, const nn::Parameter& bias,
               kernels::Activation activation, const Tensor& preactivation, const Tensor& y) {
  const Tensor& w = weight.value();
  ctx.kernels->experts_forward({x.raw(), w.raw(), forms_of(ctx, w), bias.value().raw(), y.raw(),
                                preactivation.defined() ? preactivation.raw() : nullptr,
                                part.begin.data<std::int64_t>(), part.tasks.data<std::int64_t>(), x.dtype(), y.dtype(),
                                activation, w.dim(0), w.dim(2), w.dim(1), ctx.pool.get()});
  return y;
}

// The gradients of one linear layer of the bank: of its input, returned, and of its parameters, by blocks of shards. dy
// is overwritten where there is an activation.
Tensor gradients(Context& ctx, const Plan& plan, const Part& part, const Tensor& x, const Tensor& preactivation,
                 const Tensor& dy, nn::Parameter& weight, nn::Parameter& bias, kernels::Activation activation,
                 const Tensor& dx) {
  const Tensor& w = weight.value();
  const auto run = [&](bool fresh, void* dweights, void* dbiases, const ShardBlock& block) {
    ctx.kernels->experts_backward({dy.raw(),
                                   x.raw(),
                                   w.raw(),
                                   forms_of(ctx, w),
                                   preactivation.defined() ? preactivation.raw() : nullptr,
                                   fresh ? dx.raw() : nullptr,
                                   dweights,
                                   dbiases,
                                   dy.raw(),
                                   part.begin.data<std::int64_t>(),
                                   part.shard_begin.data<std::int64_t>(),
                                   part.tasks.data<std::int64_t>(),
                                   x.dtype(),
                                   dy.dtype(),
                                   activation,
                                   w.dim(0),
                                   w.dim(2),
                                   w.dim(1),
                                   plan.shards,
                                   block.column,
                                   block.shards.count,
                                   fresh,
                                   ctx.pool.get()});
  };
  if (plan.blocks.empty()) run(true, nullptr, nullptr, {0, {0, 1}});
  bool fresh = true;
  for (const ShardBlock& block : plan.blocks) {
    Tensor dweights = ctx.empty(w.shape(), w.dtype()), dbiases = ctx.empty(bias.value().shape(), w.dtype());
    run(fresh, dweights.raw(), dbiases.raw(), block);
    weight.add_node(ctx, std::move(dweights), block.shards.first, block.shards.count);
    bias.add_node(ctx, std::move(dbiases), block.shards.first, block.shards.count);
    fresh = false;
  }
  return dx;
}

}  // namespace

Experts::Experts(nn::ParameterList& list, const std::string& name, const LayerConfig& config, int rank, int ranks)
    : name_(name), hidden_(config.hidden), activation_(config.activation) {
  const auto [first, last] = experts_of(config.experts(), rank, ranks);
  first_ = first;
  count_ = last - first;
  std::int64_t begin = 0;
  for (std::size_t c = 0; c < config.classes.size(); ++c) {
    const ExpertClass& cls = config.classes[c];
    const std::int64_t from = std::clamp(begin, first, last), to = std::clamp(begin + cls.count, first, last);
    const std::int64_t skipped = from - begin, size = cls.width * hidden_;
    Bank bank{from, to - from, cls.width, skipped, cls.count, nullptr, nullptr, nullptr, nullptr};
    const std::string base = name + (config.classes.size() > 1 ? ".class" + std::to_string(c) : "");
    bank.up_weight =
        list.normal(base + ".h_to_4h.weight", {bank.count, cls.width, hidden_}, config.std, skipped * size);
    bank.up_bias = list.constant(base + ".h_to_4h.bias", {bank.count, cls.width}, 0.0);
    bank.down_weight =
        list.normal(base + ".4h_to_h.weight", {bank.count, hidden_, cls.width}, config.output_std, skipped * size);
    bank.down_bias = list.constant(base + ".4h_to_h.bias", {bank.count, hidden_}, 0.0);
    banks_.push_back(std::move(bank));
    begin += cls.count;
  }
}

// Shows the observer the rows of each expert, shard by shard.
void Experts::show(Context& ctx, const Plan& plan, const char* what, const Tensor& rows) const {
  if (ctx.observer == nullptr) return;
  const auto* const begin = plan.shard_begin.data<std::int64_t>();
  for (const ShardBlock& block : plan.blocks) {
    std::vector<Tensor> parts;
    for (std::int64_t e = 0; e < count_; ++e) {
      const std::int64_t* const at = begin + e * (plan.shards + 1) + block.column;
      parts.push_back(rows.rows(at[0], at[1] - at[0]));
    }
    ctx.observer->show(what + name_, block.shards.first, parts);
  }
}

Tensor Experts::forward(Context& ctx, const Plan& plan, const Tensor& rows, ExpertRows* saved, const Tensor& y) const {
  if (saved != nullptr) saved->x = rows;
  for (const Bank& bank : banks_) {
    const Part part = part_of(ctx, plan, bank, bank.first - first_);
    const Tensor x = rows.rows(part.first_row, part.rows);
    const Tensor inner = saved == nullptr ? Tensor() : ctx.empty({part.rows, bank.width}, rows.dtype());
    const Tensor activated = product(ctx, part, x, *bank.up_weight, *bank.up_bias, activation_, inner,
                                     ctx.empty({part.rows, bank.width}, rows.dtype()));
    product(ctx, part, activated, *bank.down_weight, *bank.down_bias, kernels::Activation::kNone, {},
            y.rows(part.first_row, part.rows));
    if (saved == nullptr) continue;
    saved->inner.push_back(inner);
    saved->activated.push_back(activated);
  }
  show(ctx, plan, "output of ", y);
  return y;
}

Tensor Experts::backward(Context& ctx, const Plan& plan, const ExpertRows& saved, const Tensor& dy,
                         const Tensor& dx) const {
  for (std::size_t b = 0; b < banks_.size(); ++b) {
    const Bank& bank = banks_[b];
    const Part part = part_of(ctx, plan, bank, bank.first - first_);
    const Tensor own = dy.rows(part.first_row, part.rows);
    const Tensor dinner = gradients(ctx, plan, part, saved.activated[b], {}, own, *bank.down_weight, *bank.down_bias,
                                    kernels::Activation::kNone, ctx.empty(saved.activated[b].shape(), dy.dtype()));
    gradients(ctx, plan, part, saved.x.rows(part.first_row, part.rows), saved.inner[b], dinner, *bank.up_weight,
              *bank.up_bias, activation_, dx.rows(part.first_row, part.rows));
  }
  show(ctx, plan, "input gradient of ", dx);
  return dx;
}

}  // namespace wudao::moe
