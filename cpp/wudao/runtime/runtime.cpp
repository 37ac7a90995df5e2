#include "wudao/runtime/runtime.h"

#include "wudao/backend/cpu/cpu.h"
#include "wudao/base/env.h"
#include "wudao/base/error.h"

namespace wudao {

CpuRuntime::CpuRuntime(const CpuOptions& options)
    : level_(choose_cpu_level()), arena_(std::make_shared<Arena>()) {
  constexpr int kMaxThreads = 1024;
  if (options.threads < 0 || options.threads > kMaxThreads) {
    fail<ConfigError>("threads", "number", text("1 to ", kMaxThreads, ", or 0 for the default"), text(options.threads));
  }
  ThreadChoice choice{options.threads, "asked for"};
  if (options.threads == 0) choice = default_threads(options.share);
  reason_ = choice.reason;
  const bool pin = options.pin || env_integer("WUDAO_PIN_THREADS", 0, 1).value_or(0) == 1;
  pool_ = std::make_shared<ThreadPool>(choice.threads, pin);
}

Context CpuRuntime::context() const {
  Context ctx;
  ctx.arena = arena_;
  ctx.pool = pool_;
  ctx.kernels = &cpu::table(level_);
  return ctx;
}

const char* CpuRuntime::kernel_level() const { return cpu::table(level_).level; }

std::string matmul_name() { return cpu::matmul_name(); }
std::string matmul_description(DType compute) { return cpu::matmul_description(compute); }

}  // namespace wudao
