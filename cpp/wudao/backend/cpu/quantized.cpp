#include "wudao/backend/cpu/quantized.h"

#include <memory>
#include <utility>

#include "wudao/backend/cpu/gemm/aligned_buffer.h"
#include "wudao/base/thread_pool.h"

namespace wudao::cpu {
namespace {

constexpr int kTag = 64;  // apart from those of weight.cpp

struct Form {
  const void* kernels;
  gemm::AlignedBuffer memory;
};

}  // namespace

const char* packed_codes(PackedForms& forms, const CodesLayout& layout, const void* weight, ThreadPool& pool) {
  PackedForm* slot = forms.find(kTag);
  if (slot != nullptr && static_cast<Form*>(slot->handle)->kernels != layout.kernels) slot->stale = true;
  if (slot == nullptr || slot->stale) {
    if (slot != nullptr) slot->free(std::exchange(slot->handle, nullptr));
    auto form = std::unique_ptr<Form>(
        new Form{layout.kernels, gemm::AlignedBuffer(static_cast<std::size_t>(layout.slivers * layout.sliver_bytes))});
    char* const data = static_cast<char*>(form->memory.data());
    pool.for_each(layout.slivers,
                  [&](std::int64_t sliver, int) { layout.fill(weight, sliver, data + sliver * layout.sliver_bytes); });
    if (slot == nullptr) slot = forms.reserve(kTag);
    slot->handle = form.release();
    slot->free = [](void* handle) { delete static_cast<Form*>(handle); };
    slot->stale = false;
  }
  return static_cast<const char*>(static_cast<Form*>(slot->handle)->memory.data());
}

}  // namespace wudao::cpu
