// Derived forms of a weight, kept beside its storage by the backend that made them.
// Plain data: kernels compiled for one instruction set include this header.
#pragma once

#include <cstddef>

namespace wudao {

// Where the memory of packed forms comes from. Without functions: from the system.
struct PackedMemory {
  void* (*allocate)(void* arena, std::size_t bytes) = nullptr;
  void (*release)(void* arena, void* block, std::size_t bytes) = nullptr;
  void* arena = nullptr;
};

// One derived form; `free` destroys what `handle` points to. The tag tells which form it is.
struct PackedForm {
  void* handle = nullptr;
  void (*free)(void*) = nullptr;
  int tag = 0;
  bool stale = false;  // the values have changed: fill it again before use; its memory is still right
};

struct PackedForms {
  static constexpr int kMax = 4;
  PackedForm forms[kMax];
  PackedMemory memory;
  PackedForms() = default;
  explicit PackedForms(const PackedMemory& from) : memory(from) {}
  PackedForms(const PackedForms&) = delete;
  PackedForms& operator=(const PackedForms&) = delete;
  ~PackedForms();
  void clear();
  void mark_stale();
  PackedForm* find(int tag);         // null if there is none
  PackedForm* reserve(int tag);      // an empty slot; the oldest form makes room if all are taken
};

}  // namespace wudao
