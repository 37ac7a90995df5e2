#include "wudao/backend/cpu/weight.h"

#include "wudao/base/thread_pool.h"

namespace wudao::cpu {
namespace {

// A packed form, and the values that it was made from: views of one storage share its forms.
struct Form {
  Weight weight;
  gemm::PackedB* packed;
  ~Form() { gemm::free_packed(packed); }
};

bool made_from(const Form& form, const gemm::plain::Kernels& kernels, const Weight& weight) {
  return form.packed->kernels == &kernels && form.weight.data == weight.data && form.weight.out == weight.out &&
         form.weight.in == weight.in;
}

Form* allocate(const gemm::plain::Kernels& kernels, WeightUse use, const Weight& weight, const PackedMemory& from) {
  const gemm::Operand b = operand_of(use, weight);
  return new Form{weight, gemm::allocate_packed(kernels, b.rows, b.cols, weight.compute, from)};
}

void fill(WeightUse use, const Form& form, ThreadPool& pool) {
  const gemm::Operand b = operand_of(use, form.weight);
  pool.for_each(form.packed->panels,
                [&](std::int64_t panel, int) { gemm::pack_panel(b, form.packed, static_cast<int>(panel)); });
}

const Form* form_in(const PackedForm& slot) { return static_cast<const Form*>(slot.handle); }

int tag_of(WeightUse use, DType compute) { return 1 + 2 * static_cast<int>(compute) + static_cast<int>(use); }

}  // namespace

const gemm::PackedB& packed_weight(const gemm::plain::Kernels& kernels, PackedForms& forms, WeightUse use,
                                   const Weight& weight, ThreadPool& pool) {
  PackedForm* slot = forms.find(tag_of(use, weight.compute));
  if (slot != nullptr && !made_from(*form_in(*slot), kernels, weight)) {
    slot->free(slot->handle);
    *slot = PackedForm{};
    slot = nullptr;
  }
  if (slot == nullptr) {
    Form* form = allocate(kernels, use, weight, forms.memory);
    slot = forms.reserve(tag_of(use, weight.compute));
    slot->handle = form;
    slot->free = [](void* handle) { delete static_cast<Form*>(handle); };
    slot->stale = true;
  }
  if (slot->stale) {  // nothing is written where there is nothing to do: workers of a program may all come here
    fill(use, *form_in(*slot), pool);
    slot->stale = false;
  }
  return *form_in(*slot)->packed;
}

}  // namespace wudao::cpu
