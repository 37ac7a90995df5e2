#include "wudao/backend/cpu/workspace.h"

#include <cstddef>
#include <new>

#include "wudao/base/error.h"

namespace wudao::cpu {
namespace {

constexpr std::align_val_t kAlignment{64};

struct Buffer {
  void* data = nullptr;
  std::int64_t bytes = 0;

  Buffer() = default;
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(); }

  void release() {
    ::operator delete(data, kAlignment);
    data = nullptr;
    bytes = 0;
  }

  void grow(std::int64_t wanted) {
    release();
    data = ::operator new(static_cast<std::size_t>(wanted), kAlignment, std::nothrow);
    if (data == nullptr) throw OutOfMemory(text("work space: cannot allocate ", wanted, " bytes for one thread."));
    bytes = wanted;
  }
};

thread_local Buffer buffers[static_cast<int>(Workspace::kCount)];

}  // namespace

void* workspace(Workspace slot, std::int64_t bytes) {
  Buffer& buffer = buffers[static_cast<int>(slot)];
  if (bytes > buffer.bytes) buffer.grow(bytes);
  return buffer.data;
}

}  // namespace wudao::cpu
