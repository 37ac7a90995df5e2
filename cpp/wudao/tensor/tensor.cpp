#include "wudao/tensor/tensor.h"

#include <cstring>
#include <numeric>
#include <utility>

#include "wudao/base/error.h"

namespace wudao {

PackedForms::~PackedForms() { clear(); }

void PackedForms::clear() {
  for (PackedForm& form : forms) {
    if (form.handle != nullptr) form.free(form.handle);
    form = PackedForm{};
  }
}

void PackedForms::mark_stale() {
  for (PackedForm& form : forms) form.stale = true;
}

PackedForm* PackedForms::find(int tag) {
  for (PackedForm& form : forms) {
    if (form.handle != nullptr && form.tag == tag) return &form;
  }
  return nullptr;
}

PackedForm* PackedForms::reserve(int tag) {
  PackedForm* slot = &forms[0];
  for (PackedForm& form : forms) {
    if (form.handle == nullptr) {
      slot = &form;
      break;
    }
  }
  if (slot->handle != nullptr) slot->free(slot->handle);
  *slot = PackedForm{nullptr, nullptr, tag, false};
  return slot;
}

std::int64_t product(std::span<const std::int64_t> shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

std::string to_text(std::span<const std::int64_t> shape) {
  std::string out = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) out += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return out + (shape.size() == 1 ? ",)" : ")");
}

Storage::Storage(std::shared_ptr<Arena> arena, std::size_t bytes) : bytes_(bytes), arena_(std::move(arena)) {
  data_ = arena_->allocate(bytes);
}

Storage::Storage(void* data, std::size_t bytes, std::shared_ptr<void> owner)
    : data_(data), bytes_(bytes), owner_(std::move(owner)) {}

Storage::~Storage() {
  if (arena_ != nullptr) arena_->release(data_, bytes_);
}

Tensor::Tensor(const std::shared_ptr<Arena>& arena, Shape shape, DType dtype)
    : shape_(std::move(shape)), size_(product(shape_)), dtype_(dtype) {
  storage_ = std::make_shared<Storage>(arena, bytes());
}

Tensor Tensor::zeros(const std::shared_ptr<Arena>& arena, Shape shape, DType dtype) {
  Tensor tensor(arena, std::move(shape), dtype);
  std::memset(tensor.raw(), 0, tensor.bytes());
  return tensor;
}

Tensor Tensor::borrow(void* data, Shape shape, DType dtype, std::shared_ptr<void> owner) {
  Tensor tensor;
  tensor.shape_ = std::move(shape);
  tensor.size_ = product(tensor.shape_);
  tensor.dtype_ = dtype;
  tensor.storage_ = std::make_shared<Storage>(data, tensor.bytes(), std::move(owner));
  return tensor;
}

Tensor Tensor::reshape(Shape shape) const {
  if (product(shape) != size_) {
    fail<ShapeError>("reshape", "shape", text(size_, " elements as in ", to_text(shape_)), to_text(shape));
  }
  Tensor view = *this;
  view.shape_ = std::move(shape);
  return view;
}

Tensor Tensor::rows(std::int64_t begin, std::int64_t count) const {
  if (rank() == 0 || begin < 0 || count < 0 || begin + count > shape_[0]) {
    fail<ShapeError>("rows", "range", text("a part of ", to_text(shape_)), text(begin, " to ", begin + count));
  }
  Tensor view = *this;
  const std::int64_t row = shape_[0] == 0 ? 0 : size_ / shape_[0];
  view.offset_ += static_cast<std::size_t>(begin * row) * size_of(dtype_);
  view.shape_[0] = count;
  view.size_ = count * row;
  return view;
}

}  // namespace wudao
