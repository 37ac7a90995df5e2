#include "wudao/moe/exchange.h"

#include "wudao/kernels/experts.h"
#include "wudao/kernels/table.h"

namespace wudao::moe {
namespace {

// Every rank sends to every other.
class Flat final : public Exchange {
 public:
  explicit Flat(std::shared_ptr<comm::Communicator> comm) : comm_(std::move(comm)) {}

  Tensor dispatch(Context& ctx, const Plan& plan, const Tensor& x) override {
    return scatter(ctx, plan, gather_rows(ctx, x, plan.token));
  }

  Tensor scatter(Context& ctx, const Plan& plan, const Tensor& rows) override {
    if (comm_->size() == 1) return rows;
    const Tensor received = ctx.empty({plan.rows(), rows.dim(1)}, rows.dtype());
    comm_->all_to_all_v({rows, plan.sent}, {received, plan.received});
    return gather_rows(ctx, received, plan.order);
  }

  Tensor collect(Context& ctx, const Plan& plan, const Tensor& rows) override {
    if (comm_->size() == 1) return rows;
    const Tensor sent = ctx.empty({plan.token.dim(0), rows.dim(1)}, rows.dtype());
    comm_->all_to_all_v({gather_rows(ctx, rows, plan.back), plan.received}, {sent, plan.sent});
    return sent;
  }

 private:
  std::shared_ptr<comm::Communicator> comm_;
};

}  // namespace

Tensor gather_rows(Context& ctx, const Tensor& x, const Tensor& index) {
  if (!index.defined()) return x;
  Tensor y = ctx.empty({index.dim(0), x.dim(1)}, x.dtype());
  ctx.kernels->gather_rows(
      {x.raw(), index.data<std::int64_t>(), y.raw(), x.dtype(), y.dim(0), y.dim(1), ctx.pool.get()});
  return y;
}

std::unique_ptr<Exchange> make_exchange(std::shared_ptr<comm::Communicator> comm, const LayerConfig&) {
  return std::make_unique<Flat>(std::move(comm));
}

}  // namespace wudao::moe
