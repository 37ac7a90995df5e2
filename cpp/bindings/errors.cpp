// The engine's exceptions become those of wudao_rt.errors, each of which is also the built-in kind that fits.
#include "wudao/base/error.h"

#include <pybind11/pybind11.h>

namespace py = pybind11;

namespace {

void raise(const char* name, const wudao::Error& error) {
  py::set_error(py::module_::import("wudao_rt.errors").attr(name), error.what());
}

void translate(std::exception_ptr pointer) {
  try {
    if (pointer) std::rethrow_exception(pointer);
  } catch (const wudao::ShapeError& error) {
    raise("ShapeError", error);
  } catch (const wudao::DTypeError& error) {
    raise("DTypeError", error);
  } catch (const wudao::ConfigError& error) {
    raise("ConfigError", error);
  } catch (const wudao::DeviceError& error) {
    raise("DeviceError", error);
  } catch (const wudao::OutOfMemory& error) {
    raise("OutOfMemory", error);
  } catch (const wudao::CommError& error) {
    raise("CommError", error);
  } catch (const wudao::CheckpointError& error) {
    raise("CheckpointError", error);
  } catch (const wudao::InternalError& error) {
    raise("InternalError", error);
  } catch (const wudao::Error& error) {
    raise("Error", error);
  }
}

}  // namespace

void bind_errors(py::module_&) { py::register_local_exception_translator(translate); }
