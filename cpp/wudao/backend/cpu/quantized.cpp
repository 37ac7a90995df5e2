#include "wudao/backend/cpu/quantized.h"

#include <utility>

#include "wudao/backend/cpu/gemm/aligned_buffer.h"
#include "wudao/base/thread_pool.h"

namespace wudao::cpu {
namespace {

constexpr int kFirstTag = 64;  // apart from those of weight.cpp

struct Form {
  const void* kernels;
  philox::Key rounding;
  gemm::AlignedBuffer memory;
};

Form& form_of(const PackedForm& slot) { return *static_cast<Form*>(slot.handle); }

bool fits(const PackedForm& slot, const CodesLayout& layout) { return form_of(slot).kernels == layout.kernels; }

void allocate(PackedForm& slot, const CodesLayout& layout, const PackedMemory& from) {
  const auto bytes = static_cast<std::size_t>(layout.slivers * layout.sliver_bytes);
  slot.handle = new Form{layout.kernels, layout.rounding, gemm::AlignedBuffer(bytes, from)};
  slot.free = [](void* handle) { delete static_cast<Form*>(handle); };
  slot.stale = true;
}

}  // namespace

const char* packed_codes(PackedForms& forms, CodesOf of, const CodesLayout& layout, const void* weight,
                         ThreadPool& pool) {
  const int tag = kFirstTag + static_cast<int>(of);
  PackedForm* slot = forms.find(tag);
  if (slot != nullptr && !fits(*slot, layout)) {
    slot->free(std::exchange(slot->handle, nullptr));
    allocate(*slot, layout, forms.memory);
  }
  if (slot == nullptr) allocate(*(slot = forms.reserve(tag)), layout, forms.memory);
  Form& form = form_of(*slot);
  char* const data = static_cast<char*>(form.memory.data());
  if (slot->stale || form.rounding != layout.rounding) {
    form.rounding = layout.rounding;
    pool.for_each(layout.slivers,
                  [&](std::int64_t sliver, int) { layout.fill(weight, sliver, data + sliver * layout.sliver_bytes); });
    slot->stale = false;
  }
  return data;
}

}  // namespace wudao::cpu
