#include "wudao/backend/cpu/gemm/onednn_primitives.h"

#include <array>
#include <string_view>
#include <unordered_map>

#include "wudao/backend/cpu/workspace.h"

namespace wudao::cpu::gemm::onednn {
namespace {

using Desc = dnnl::memory::desc;

// Shapes with many values (lengths of samples) would fill the memory with compiled code: past this all are dropped.
constexpr std::size_t kMaxPrimitives = 1024;

dnnl::memory::data_type type_of(DType dtype) {
  return dtype == DType::kBFloat16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

// Never destroyed: threads may still hold primitives when the process ends.
const dnnl::engine& engine() {
  static const dnnl::engine& cpu = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return cpu;
}

struct Key {
  std::array<std::int64_t, 6> fields;
  bool operator==(const Key&) const = default;
};

struct HashKey {
  std::size_t operator()(const Key& key) const {
    std::uint64_t hash = 0x9E3779B97F4A7C15u;
    for (std::int64_t field : key.fields)
      hash = (hash ^ static_cast<std::uint64_t>(field)) * 0xD6E8FEB86659FD93u, hash ^= hash >> 32;
    return hash;
  }
};

// One primitive with the memory objects whose pointers each call sets.
struct Prepared {
  dnnl::primitive primitive;
  dnnl::memory a, b, c, scratchpad;
  std::int64_t scratchpad_bytes = 0;
};

struct ThreadState {
  dnnl::stream stream{engine()};
  std::unordered_map<Key, Prepared, HashKey> primitives;
};

ThreadState& thread_state() {
  static thread_local ThreadState state;
  return state;
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attr;
}

// Of a matrix without gaps.
Desc dense_layout(dnnl::memory::data_type type, std::int64_t rows, std::int64_t cols, bool by_rows) {
  return Desc({rows, cols}, type, by_rows ? dnnl::memory::dims{cols, 1} : dnnl::memory::dims{1, rows});
}

// Steps through the library's candidates to the blocked kernels ("brg"), whose row bits do not depend on the number of
// rows. Left to itself the library picks others for other strides and shapes.
void require_blocked_kernel(dnnl::matmul::primitive_desc& candidate) {
  while (!std::string_view(candidate.impl_info_str()).starts_with("brg:")) {
    if (!candidate.next_impl())
      throw InternalError(
          "matmul: oneDNN has no blocked kernel for this shape. Set WUDAO_MATMUL=plain and report this.");
  }
}

Prepared prepare_matmul(const First& a, const Second& b) {
  const Desc a_desc = dense_layout(type_of(a.dtype), a.rows, a.cols, a.by_rows);
  const Desc b_desc = dense_layout(type_of(a.dtype), a.cols, b.cols, b.by_rows);
  const Desc c_desc = dense_layout(dnnl::memory::data_type::f32, a.rows, b.cols, true);
  dnnl::matmul::primitive_desc chosen(engine(), a_desc, b_desc, c_desc, attributes());
  require_blocked_kernel(chosen);
  return {dnnl::matmul(chosen),
          dnnl::memory(a_desc, engine(), nullptr),
          dnnl::memory(b_desc, engine(), nullptr),
          dnnl::memory(c_desc, engine(), nullptr),
          dnnl::memory(chosen.scratchpad_desc(), engine(), nullptr),
          static_cast<std::int64_t>(chosen.scratchpad_desc().get_size())};
}

// The primitive under `key`, made by `make` when it is not there yet.
template <class Make>
Prepared& prepared(const Key& key, Make make) {
  auto& primitives = thread_state().primitives;
  const auto found = primitives.find(key);
  if (found != primitives.end()) return found->second;
  if (primitives.size() >= kMaxPrimitives) primitives.clear();
  return primitives.emplace(key, make()).first->second;
}

// The C call: the C++ one allocates a map and a vector each time.
void run(const Prepared& p) {
  p.scratchpad.set_data_handle(workspace(Workspace::kLibrary, p.scratchpad_bytes));
  const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p.a.get()},
                                  {DNNL_ARG_DST, p.c.get()},
                                  {DNNL_ARG_SCRATCHPAD, p.scratchpad.get()},
                                  {DNNL_ARG_WEIGHTS, p.b.get()}};
  const dnnl_status_t status = dnnl_primitive_execute(p.primitive.get(), thread_state().stream.get(), 4, args);
  dnnl::error::wrap_c_api(status, "could not run a primitive");
}

dnnl_cpu_isa_t isa_of(CpuLevel level) {
  switch (level) {
    case CpuLevel::kBaseline:
      return dnnl_cpu_isa_sse41;
    case CpuLevel::kAvx2:
      return dnnl_cpu_isa_avx2;
    case CpuLevel::kAvx512:
      return dnnl_cpu_isa_avx512_core;
    case CpuLevel::kAvx512Vnni:
      return dnnl_cpu_isa_avx512_core_vnni;
    default:
      return dnnl_cpu_isa_avx512_core_bf16;
  }
}

}  // namespace

void cap_instruction_set(CpuLevel level) {
  if (dnnl_set_max_cpu_isa(isa_of(level)) == dnnl_success) return;
  fail<ConfigError>("environment", "WUDAO_CPU_ISA", "to limit oneDNN before anything else in the process has used it",
                    text("a request for ", name_of(level), " too late"),
                    "Import wudao_rt first, or set ONEDNN_MAX_CPU_ISA.");
}

void matmul(const First& a, const Second& b, float* c) {
  const Key key = {{a.dtype == DType::kBFloat16, a.rows, a.cols, b.cols, a.by_rows, b.by_rows}};
  Prepared& p = prepared(key, [&] { return prepare_matmul(a, b); });
  p.a.set_data_handle(const_cast<void*>(a.data));
  p.b.set_data_handle(const_cast<void*>(b.data));
  p.c.set_data_handle(c);
  run(p);
}

std::string description(DType dtype) {
  std::string kernel;
  guarded([&] {
    using Tag = dnnl::memory::format_tag;
    const Desc a({64, 64}, type_of(dtype), Tag::ab), b = a, c({64, 64}, dnnl::memory::data_type::f32, Tag::ab);
    kernel = dnnl::matmul::primitive_desc(engine(), a, b, c, attributes()).impl_info_str();
  });
  const dnnl_version_t* version = dnnl_version();
  return text("oneDNN ", version->major, ".", version->minor, ".", version->patch, " ", kernel);
}

}  // namespace wudao::cpu::gemm::onednn
