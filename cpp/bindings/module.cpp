// wudao_rt._core: one bind_<family>(module) per file of this folder, listed by the build in families.def.
#include <pybind11/pybind11.h>

namespace py = pybind11;

#define WUDAO_FAMILY(name) void bind_##name(py::module_& m);
#include "families.def"
#undef WUDAO_FAMILY

PYBIND11_MODULE(_core, m) {
  m.doc() = "The engine of wudao_rt. Use it through the package, which documents and checks.";
#define WUDAO_FAMILY(name) bind_##name(m);
#include "families.def"
#undef WUDAO_FAMILY
}
