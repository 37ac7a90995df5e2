// NumPy arrays to tensors and back.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "wudao/kernels/rows.h"
#include "wudao/tensor/context.h"

namespace wudao::python {

namespace py = pybind11;

// "float32", "bfloat16", "float16" or "float64"; ConfigError otherwise.
DType parse_dtype(const std::string& name);
// "none", "row" or "tensor"; ConfigError naming `op` otherwise.
kernels::NormScaling parse_norm_scaling(const char* op, const std::string& name);

// The array's values without a copy where it is contiguous and of that type already; `op` and `argument` name it in
// errors. Integer arrays are taken for int32 when every value fits; floats become float32 or float64 as asked.
Tensor int32_tensor(const char* op, const char* argument, const py::handle& array);
Tensor bool_tensor(const char* op, const char* argument, const py::handle& array);
Tensor uint8_tensor(const char* op, const char* argument, const py::handle& array);
Tensor float_tensor(const char* op, const char* argument, const py::handle& array, DType dtype);

// A NumPy array that owns a reference to the tensor's storage; float32, float64, float16, int32 or bool; bfloat16 as uint16.
py::array to_numpy(const Tensor& tensor);
py::array to_numpy_read_only(const Tensor& tensor);
// The same of a bfloat16 or float16 tensor widened to float32; others as they are.
py::array to_numpy_widened(Context& ctx, const Tensor& tensor);

}  // namespace wudao::python
