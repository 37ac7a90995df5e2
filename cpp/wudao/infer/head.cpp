#include "wudao/infer/head.h"

namespace wudao::infer {
namespace {

const void* advanced(const void* from, std::int64_t bytes) { return static_cast<const std::byte*>(from) + bytes; }

}  // namespace

void Head::limit(const Ids& ids) {
  ids_ = ids;
  packed_.clear();
}

void Head::narrow(kernels::LinearForward& p, kernels::QuantizedWeight& some) const {
  if (ids_.count() == p.out) return;
  p.out = ids_.count();
  p.packed = &packed_;
  if (p.quantized == nullptr) {
    const auto size = static_cast<std::int64_t>(size_of(accumulator_of(p.compute)));
    p.weight = advanced(p.weight, ids_.first * p.in * size);
    return;
  }
  some = *p.quantized;
  some.codes = advanced(some.codes, ids_.first * p.in * some.bits / 8);
  some.scales += ids_.first * (p.in / kernels::quantized_group(some.bits, p.in));
  some.packed = &packed_;
  p.quantized = &some;
}

}  // namespace wudao::infer
