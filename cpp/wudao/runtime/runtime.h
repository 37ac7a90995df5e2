// Opens a device: everything that a Context needs, made once per process and shared by its models.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "wudao/base/cpu_level.h"
#include "wudao/base/default_threads.h"
#include "wudao/tensor/context.h"

namespace wudao {

struct CpuOptions {
  int threads = 0;  // 0: default_threads(share)
  bool pin = false;
  std::optional<ThreadChoice> share = {};  // of the node's cores, where its ranks have found each other
};

class CpuRuntime {
 public:
  explicit CpuRuntime(const CpuOptions& options);

  // A fresh context on this runtime's pool, arena and kernels.
  Context context() const;
  CpuLevel level() const { return level_; }
  const char* kernel_level() const;  // what the kernels in use say that they were compiled for
  const std::string& thread_reason() const { return reason_; }
  ThreadPool& pool() const { return *pool_; }
  Arena& arena() const { return *arena_; }

 private:
  CpuLevel level_;
  std::string reason_;
  std::shared_ptr<ThreadPool> pool_;
  std::shared_ptr<Arena> arena_;
};

std::string matmul_name();
std::string matmul_description(DType compute);

}  // namespace wudao
