// A dense row-major array with shared storage. Copying a Tensor copies the handle, never the values.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "wudao/base/dtype.h"
#include "wudao/tensor/arena.h"
#include "wudao/tensor/packed.h"

namespace wudao {

using Shape = std::vector<std::int64_t>;

std::int64_t product(std::span<const std::int64_t> shape);
std::string to_text(std::span<const std::int64_t> shape);  // "(2, 3)"

class Storage {
 public:
  Storage(std::shared_ptr<Arena> arena, std::size_t bytes);
  Storage(void* data, std::size_t bytes, std::shared_ptr<void> owner);  // borrowed memory, kept alive by `owner`
  ~Storage();
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  void* data() const { return data_; }
  std::size_t bytes() const { return bytes_; }
  // What backends derive from these values (a weight in the matrix library's own layout). Stale after touch().
  PackedForms& packed() { return packed_; }
  void touch() { packed_.mark_stale(); }  // to be called by whoever changes the values

 private:
  void* data_ = nullptr;
  std::size_t bytes_ = 0;
  std::shared_ptr<Arena> arena_;
  std::shared_ptr<void> owner_;
  PackedForms packed_;
};

class Tensor {
 public:
  Tensor() = default;  // undefined: stands for an absent optional argument
  Tensor(const std::shared_ptr<Arena>& arena, Shape shape, DType dtype);
  static Tensor zeros(const std::shared_ptr<Arena>& arena, Shape shape, DType dtype);
  static Tensor borrow(void* data, Shape shape, DType dtype, std::shared_ptr<void> owner);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  std::int64_t dim(int axis) const { return shape_[static_cast<std::size_t>(axis < 0 ? axis + rank() : axis)]; }
  int rank() const { return static_cast<int>(shape_.size()); }
  std::int64_t size() const { return size_; }
  std::size_t bytes() const { return static_cast<std::size_t>(size_) * size_of(dtype_); }
  DType dtype() const { return dtype_; }
  bool unique() const { return storage_.use_count() == 1; }  // nobody else holds the storage: it may be overwritten
  Storage& storage() const { return *storage_; }

  void* raw() const { return static_cast<std::byte*>(storage_->data()) + offset_; }
  template <class T>
  T* data() const { return static_cast<T*>(raw()); }

  Tensor reshape(Shape shape) const;                             // same values, same number of elements
  Tensor rows(std::int64_t begin, std::int64_t count) const;     // a view of part of the first axis

 private:
  std::shared_ptr<Storage> storage_;
  std::size_t offset_ = 0;
  Shape shape_;
  std::int64_t size_ = 0;
  DType dtype_ = DType::kFloat32;
};

}  // namespace wudao
