#include <memory>

#include "check.h"
#include "wudao/base/error.h"
#include "wudao/tensor/tensor.h"

using wudao::Arena;
using wudao::DType;
using wudao::PackedForms;
using wudao::Tensor;

namespace {

std::shared_ptr<Arena> arena() { return std::make_shared<Arena>(); }

int freed = 0;
void count_free(void*) { ++freed; }

}  // namespace

TEST(tensor_shares_storage_and_returns_it) {
  const auto memory = arena();
  {
    const Tensor a = Tensor::zeros(memory, {2, 3}, DType::kFloat32);
    CHECK(a.unique());
    const Tensor b = a.reshape({3, -1 + 3});
    CHECK(!a.unique());
    b.data<float>()[5] = 7;
    CHECK_EQUAL(a.data<float>()[5], 7.0f);
    CHECK_EQUAL(a.bytes(), 24u);
    CHECK_EQUAL(a.dim(-1), 3);
  }
  CHECK_EQUAL(memory->stats().live_bytes, 0u);
  CHECK(!Tensor().defined());
}

TEST(tensor_rows_are_a_view) {
  const Tensor a = Tensor::zeros(arena(), {4, 2}, DType::kFloat64);
  const Tensor part = a.rows(1, 2).rows(1, 1);
  part.data<double>()[1] = 3;
  CHECK_EQUAL(a.data<double>()[5], 3.0);
  CHECK_EQUAL(part.size(), 2);
  CHECK_EQUAL(a.rows(4, 0).size(), 0);
}

TEST(tensor_refuses_what_does_not_fit) {
  const Tensor a = Tensor::zeros(arena(), {4, 2}, DType::kFloat32);
  CHECK_EQUAL(MESSAGE_OF(wudao::ShapeError, a.reshape({3, 3})),
              "reshape: shape: expected 8 elements as in (4, 2), got (3, 3).");
  CHECK_EQUAL(MESSAGE_OF(wudao::ShapeError, a.rows(3, 2)), "rows: range: expected a part of (4, 2), got 3 to 5.");
}

TEST(tensor_borrows_memory_and_keeps_its_owner) {
  auto owner = std::make_shared<int>(5);
  {
    const Tensor a = Tensor::borrow(owner.get(), {1}, DType::kInt32, owner);
    CHECK_EQUAL(a.data<int>()[0], 5);
    CHECK_EQUAL(owner.use_count(), 2);
  }
  CHECK_EQUAL(owner.use_count(), 1);
}

TEST(tensor_shapes_read_like_python) {
  CHECK_EQUAL(wudao::to_text(wudao::Shape{}), "()");
  CHECK_EQUAL(wudao::to_text(wudao::Shape{3}), "(3,)");
  CHECK_EQUAL(wudao::to_text(wudao::Shape{2, 3}), "(2, 3)");
  CHECK_EQUAL(wudao::product(wudao::Shape{}), 1);
}

TEST(packed_forms_are_freed_once) {
  freed = 0;
  {
    PackedForms forms;
    int value = 0;
    for (int tag = 0; tag < PackedForms::kMax + 1; ++tag) {
      *forms.reserve(tag) = {&value, &count_free, tag, false};
    }
    CHECK_EQUAL(freed, 1);  // one had to make room
    CHECK(forms.find(PackedForms::kMax) != nullptr);
    CHECK(forms.find(99) == nullptr);
    forms.clear();
    CHECK_EQUAL(freed, PackedForms::kMax + 1);
  }
  CHECK_EQUAL(freed, PackedForms::kMax + 1);
}

TEST(tensor_touch_marks_packed_forms_stale_and_keeps_their_memory) {
  freed = 0;
  int value = 0;
  {
    const Tensor a = Tensor::zeros(arena(), {1}, DType::kFloat32);
    *a.storage().packed().reserve(1) = {&value, &count_free, 1, false};
    a.storage().touch();
    CHECK(a.storage().packed().find(1)->stale);
    CHECK_EQUAL(freed, 0);
  }
  CHECK_EQUAL(freed, 1);
}
