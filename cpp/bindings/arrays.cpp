#include "arrays.h"

#include "wudao/base/error.h"
#include "wudao/ops/add.h"

namespace wudao::python {
namespace {

Shape shape_of(const py::array& array) { return Shape(array.shape(), array.shape() + array.ndim()); }

// The array, kept alive by the tensor that borrows its memory. The last reference may go on any thread.
std::shared_ptr<void> keep(py::array array) {
  return {new py::object(std::move(array)), [](void* object) {
            const py::gil_scoped_acquire gil;
            delete static_cast<py::object*>(object);
          }};
}

Tensor borrow(const py::array& array, DType dtype) {
  return Tensor::borrow(const_cast<void*>(array.data()), shape_of(array), dtype, keep(array));
}

py::array as_array(const char* op, const char* argument, const py::handle& object) {
  py::array array = py::array::ensure(object);
  if (!array) {
    PyErr_Clear();
    fail<DTypeError>(op, argument, "an array of numbers", std::string(py::str(py::type::handle_of(object))));
  }
  return array;
}

std::string dtype_name(const py::array& array) { return py::str(array.dtype()); }

py::dtype numpy_dtype(DType dtype) {
  if (dtype == DType::kBool) return py::dtype("bool");
  if (dtype == DType::kBFloat16) return py::dtype("uint16");
  return py::dtype(name_of(dtype));
}

}  // namespace

DType parse_dtype(const std::string& name) {
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kFloat16, DType::kFloat64}) {
    if (name == name_of(dtype)) return dtype;
  }
  fail<ConfigError>("dtype", "name", "float32, bfloat16, float16 or float64", '"' + name + '"', "Choose one of them.");
}

kernels::NormScaling parse_norm_scaling(const char* op, const std::string& name) {
  using enum kernels::NormScaling;
  for (const auto& [known, scaling] : {std::pair{"none", kNone}, {"row", kRow}, {"tensor", kTensor}}) {
    if (name == known) return scaling;
  }
  fail<ConfigError>(op, "scaling", "none, row or tensor", '"' + name + '"', "Choose one of them.");
}

Tensor int32_tensor(const char* op, const char* argument, const py::handle& object) {
  const py::array array = as_array(op, argument, object);
  const char kind = array.dtype().kind();
  if (kind != 'i' && kind != 'u') fail<DTypeError>(op, argument, "whole numbers (int32)", dtype_name(array));
  using Int32 = py::array_t<std::int32_t, py::array::c_style | py::array::forcecast>;
  const Int32 values(array);
  if (array.dtype().itemsize() >= 4 && !array.dtype().is(values.dtype())) {
    const bool same = py::module_::import("numpy").attr("array_equal")(array, values).cast<bool>();
    if (!same) fail<DTypeError>(op, argument, "numbers that fit int32", dtype_name(array) + " values beyond it");
  }
  return borrow(values, DType::kInt32);
}

Tensor bool_tensor(const char* op, const char* argument, const py::handle& object) {
  const py::array array = as_array(op, argument, object);
  if (array.dtype().kind() != 'b') {
    fail<DTypeError>(op, argument, "bool (True = visible)", dtype_name(array), "Use mask.astype(bool).");
  }
  return borrow(py::array_t<bool, py::array::c_style | py::array::forcecast>(array), DType::kBool);
}

Tensor uint8_tensor(const char* op, const char* argument, const py::handle& object) {
  const py::array array = as_array(op, argument, object);
  if (!array.dtype().is(py::dtype::of<std::uint8_t>())) fail<DTypeError>(op, argument, "uint8", dtype_name(array));
  // Codes are read as words of four; a file may have put them anywhere.
  const bool aligned = reinterpret_cast<std::uintptr_t>(array.data()) % alignof(std::uint32_t) == 0;
  const py::array words = aligned ? array : py::array(array.attr("copy")());
  return borrow(py::array_t<std::uint8_t, py::array::c_style | py::array::forcecast>(words), DType::kUInt8);
}

Tensor float_tensor(const char* op, const char* argument, const py::handle& object, DType dtype) {
  const py::array array = as_array(op, argument, object);
  const char kind = array.dtype().kind();
  if (kind != 'f' && kind != 'i' && kind != 'u' && kind != 'b') {
    fail<DTypeError>(op, argument, name_of(dtype), dtype_name(array), "Use .astype.");
  }
  if (dtype == DType::kFloat64) {
    return borrow(py::array_t<double, py::array::c_style | py::array::forcecast>(array), dtype);
  }
  return borrow(py::array_t<float, py::array::c_style | py::array::forcecast>(array), DType::kFloat32);
}

py::array to_numpy(const Tensor& tensor) {
  auto* owner = new Tensor(tensor);
  const py::capsule base(owner, [](void* held) { delete static_cast<Tensor*>(held); });
  return py::array(numpy_dtype(tensor.dtype()), tensor.shape(), tensor.raw(), base);
}

py::array to_numpy_read_only(const Tensor& tensor) {
  py::array array = to_numpy(tensor);
  array.attr("setflags")(py::arg("write") = false);
  return array;
}

py::array to_numpy_widened(Context& ctx, const Tensor& tensor) {
  if (tensor.dtype() != DType::kBFloat16 && tensor.dtype() != DType::kFloat16) return to_numpy(tensor);
  return to_numpy(ops::convert(ctx, tensor, DType::kFloat32));
}

}  // namespace wudao::python
