#include "wudao/comm/reduce.h"

#include <algorithm>
#include <cstring>

#include "wudao/base/error.h"

namespace wudao::comm {
namespace {

template <class T>
void join(T* into, const T* from, std::int64_t size, Reduce op) {
  for (std::int64_t i = 0; i < size; ++i) {
    switch (op) {
      case Reduce::kSum:
        into[i] += from[i];
        break;
      case Reduce::kMax:
        into[i] = std::max(into[i], from[i]);
        break;
      case Reduce::kMin:
        into[i] = std::min(into[i], from[i]);
        break;
    }
  }
}

// Parts [begin, end) into part `begin`.
template <class T>
void tree(T* data, std::int64_t size, int begin, int end, Reduce op) {
  if (end - begin < 2) return;
  int half = 1;
  while (2 * half < end - begin) half *= 2;
  tree(data, size, begin, begin + half, op);
  tree(data, size, begin + half, end, op);
  join(data + begin * size, data + (begin + half) * size, size, op);
}

template <class T>
void reduce(const Tensor& data, int parts, Reduce op) {
  tree(data.data<T>(), data.size() / parts, 0, parts, op);
}

}  // namespace

void reduce_rows(const Tensor& data, int parts, Reduce op) {
  switch (data.dtype()) {
    case DType::kFloat32:
      return reduce<float>(data, parts, op);
    case DType::kFloat64:
      return reduce<double>(data, parts, op);
    case DType::kInt32:
      return reduce<std::int32_t>(data, parts, op);
    case DType::kInt64:
      return reduce<std::int64_t>(data, parts, op);
    default:
      throw InternalError(text("reduce: ", name_of(data.dtype()), " cannot be summed."));
  }
}

void copy_bytes(const Tensor& from, const Tensor& to) {
  if (from.bytes() > 0) std::memcpy(to.raw(), from.raw(), from.bytes());
}

}  // namespace wudao::comm
