// The packed forms of a weight during one call of an op.
#pragma once

#include "wudao/tensor/context.h"
#include "wudao/tensor/packed.h"

namespace wudao::ops {

// Those kept beside the weight, or, where it changes before anybody would use them again, ones in the arena that end
// with the call.
class PackedWeight {
 public:
  PackedWeight(const Context& ctx, const Tensor& weight)
      : own_({&allocate, &release, ctx.arena.get()}), forms_(ctx.packs_anew ? &own_ : &weight.storage().packed()) {}
  PackedWeight(const PackedWeight&) = delete;
  PackedWeight& operator=(const PackedWeight&) = delete;

  PackedForms* forms() { return forms_; }

 private:
  static void* allocate(void* arena, std::size_t bytes) { return static_cast<Arena*>(arena)->allocate(bytes); }
  static void release(void* arena, void* block, std::size_t bytes) {
    static_cast<Arena*>(arena)->release(block, bytes);
  }
  PackedForms own_;
  PackedForms* forms_;
};

}  // namespace wudao::ops
