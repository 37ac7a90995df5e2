#include "wudao/backend/cpu/expert_forms.h"

#include <memory>

namespace wudao::cpu {
namespace {

constexpr int kTag = 0x4d6f45;  // no tag of a single weight

struct Array {
  Array(std::int64_t count, const PackedMemory& memory)
      : size(count), each(std::make_unique<PackedForms[]>(static_cast<std::size_t>(count))) {
    for (std::int64_t e = 0; e < size; ++e) each[static_cast<std::size_t>(e)].memory = memory;
  }
  std::int64_t size;
  std::unique_ptr<PackedForms[]> each;
};

}  // namespace

PackedForms* expert_forms(PackedForms& forms, std::int64_t experts) {
  PackedForm* slot = forms.find(kTag);
  if (slot != nullptr && static_cast<Array*>(slot->handle)->size != experts) {
    slot->free(slot->handle);
    *slot = PackedForm{};
    slot = nullptr;
  }
  if (slot == nullptr) {
    auto array = std::make_unique<Array>(experts, forms.memory);
    slot = forms.reserve(kTag);
    slot->handle = array.release();
    slot->free = [](void* handle) { delete static_cast<Array*>(handle); };
  }
  PackedForms* const each = static_cast<Array*>(slot->handle)->each.get();
  for (std::int64_t e = 0; slot->stale && e < experts; ++e) each[e].mark_stale();
  slot->stale = false;
  return each;
}

}  // namespace wudao::cpu
