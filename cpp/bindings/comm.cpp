// _core.Communicator: what processes say to each other, on NumPy arrays.
#include <pybind11/stl.h>

#include <chrono>
#include <cstring>

#include "arrays.h"
#include "runtime.h"
#include "wudao/base/env.h"
#include "wudao/base/error.h"
#include "wudao/comm/mpi/world.h"
#include "wudao/comm/self.h"

namespace wudao::python {
namespace {

using comm::Communicator;
using CommunicatorPtr = std::shared_ptr<Communicator>;

constexpr long kLongestTimeout = 30L * 24 * 3600;

// An array without gaps; rows of any element type travel as bytes.
py::array whole(const char* op, const py::handle& object) {
  py::array array = py::array::ensure(object, py::array::c_style);
  if (!array || array.dtype().kind() == 'O') {
    PyErr_Clear();
    fail<DTypeError>(op, "array", "an array of numbers", std::string(py::str(py::type::handle_of(object))));
  }
  return array;
}

Tensor as_bytes(py::array array, Shape shape) {
  return Tensor::borrow(const_cast<void*>(array.data()), std::move(shape), DType::kUInt8, nullptr);
}

Tensor as_bytes(const py::array& array) { return as_bytes(array, {static_cast<std::int64_t>(array.nbytes())}); }

// (rows, bytes of a row).
Tensor as_rows(const py::array& array) {
  const std::int64_t rows = array.shape(0);
  std::int64_t row = array.itemsize();
  for (py::ssize_t i = 1; i < array.ndim(); ++i) row *= array.shape(i);
  return as_bytes(array, {rows, row});
}

py::array empty_like(const py::array& array, std::vector<py::ssize_t> shape) {
  return py::array(array.dtype(), std::move(shape));
}

std::vector<py::ssize_t> shape_of(const py::array& array) { return {array.shape(), array.shape() + array.ndim()}; }

DType summable(const char* op, const py::array& array) {
  const std::string name = py::str(array.dtype());
  for (const DType dtype : {DType::kFloat32, DType::kFloat64, DType::kInt32, DType::kInt64}) {
    if (name == name_of(dtype)) return dtype;
  }
  fail<DTypeError>(op, "array", "float32, float64, int32 or int64", name, "Convert it.");
}

comm::Reduce parse_reduce(const char* op, const std::string& name) {
  if (name == "sum") return comm::Reduce::kSum;
  if (name == "max") return comm::Reduce::kMax;
  if (name == "min") return comm::Reduce::kMin;
  fail<ConfigError>(op, "op", "sum, max or min", '"' + name + '"');
}

py::array all_reduce(Communicator& self, const py::object& object, const std::string& op) {
  const py::array array = whole("all_reduce", object);
  const DType dtype = summable("all_reduce", array);
  const comm::Reduce reduce = parse_reduce("all_reduce", op);
  py::array out = array.attr("copy")();
  const Context ctx = runtime().context();
  const Tensor data = Tensor::borrow(out.mutable_data(), {out.size()}, dtype, nullptr);
  const py::gil_scoped_release release;
  self.all_reduce(ctx, data, reduce);
  return out;
}

py::array reduce_scatter(Communicator& self, const py::object& object, const std::string& op) {
  const py::array array = whole("reduce_scatter", object);
  const DType dtype = summable("reduce_scatter", array);
  const comm::Reduce reduce = parse_reduce("reduce_scatter", op);
  const Context ctx = runtime().context();
  const Tensor data = Tensor::borrow(const_cast<void*>(array.data()),
                                     Shape(array.shape(), array.shape() + array.ndim()), dtype, nullptr);
  Tensor mine;
  {
    const py::gil_scoped_release release;
    mine = self.reduce_scatter(ctx, data, reduce);
  }
  return to_numpy(mine);
}

py::array all_gather(Communicator& self, const py::object& object) {
  const py::array mine = whole("all_gather", object);
  std::vector<py::ssize_t> shape = shape_of(mine);
  shape.insert(shape.begin(), self.size());
  py::array all = empty_like(mine, std::move(shape));
  const Tensor from = as_bytes(mine), to = as_bytes(all);
  const py::gil_scoped_release release;
  self.all_gather(from, to);
  return all;
}

py::array broadcast(Communicator& self, const py::object& object, int root) {
  const py::array array = whole("broadcast", object);
  py::array out = array.attr("copy")();
  const Tensor data = as_bytes(out);
  const py::gil_scoped_release release;
  self.broadcast(data, root);
  return out;
}

void check_send_rows(const Communicator& self, const py::array& array, const std::vector<std::int64_t>& send) {
  std::int64_t total = 0;
  for (const std::int64_t rows : send) total = rows < 0 ? -1 : (total < 0 ? total : total + rows);
  const bool fits = array.ndim() > 0 && static_cast<int>(send.size()) == self.size() && total == array.shape(0);
  if (fits) return;
  fail<ShapeError>("all_to_all_v", "send_rows",
                   text("one number for each of ", self.size(), " ranks, at least 0, in all the rows of the array (",
                        array.ndim() > 0 ? array.shape(0) : 0, ")"),
                   text(send.size(), " numbers with a sum of ", total));
}

// Rows to every rank, and room for those that come.
struct RowsOnTheirWay {
  py::array sent, received;
  std::vector<std::int64_t> send_rows, receive_rows;

  RowsOnTheirWay(Communicator& comm, const py::object& object, const std::vector<std::int64_t>& rows)
      : sent(whole("all_to_all_v", object)), send_rows(rows) {
    check_send_rows(comm, sent, send_rows);
    {
      const py::gil_scoped_release release;
      receive_rows = comm.exchange_counts(runtime().context(), send_rows);
    }
    std::vector<py::ssize_t> shape = shape_of(sent);
    shape[0] = 0;
    for (const std::int64_t count : receive_rows) shape[0] += count;
    received = empty_like(sent, std::move(shape));
  }

  comm::RowBlocks outgoing() const { return {as_rows(sent), send_rows}; }
  comm::RowBlocks incoming() const { return {as_rows(received), receive_rows}; }
  py::tuple result() const { return py::make_tuple(received, receive_rows); }
};

py::tuple all_to_all_v(Communicator& self, const py::object& object, const std::vector<std::int64_t>& send_rows) {
  const RowsOnTheirWay rows(self, object, send_rows);
  const comm::RowBlocks from = rows.outgoing(), to = rows.incoming();
  {
    const py::gil_scoped_release release;
    self.all_to_all_v(from, to);
  }
  return rows.result();
}

// An exchange that was started; the arrays live until it is waited for.
struct Pending {
  RowsOnTheirWay rows;
  std::unique_ptr<comm::Request> request;

  py::tuple wait() {
    {
      const py::gil_scoped_release release;
      request->wait();
    }
    return rows.result();
  }
};

std::unique_ptr<Pending> start_all_to_all_v(Communicator& self, const py::object& object,
                                            const std::vector<std::int64_t>& send_rows) {
  auto pending = std::make_unique<Pending>(Pending{RowsOnTheirWay(self, object, send_rows), nullptr});
  pending->request = self.start_all_to_all_v(pending->rows.outgoing(), pending->rows.incoming());
  return pending;
}

void send(Communicator& self, const py::object& object, int to, int tag) {
  const py::array array = whole("send", object);
  const Tensor data = as_bytes(array);
  const py::gil_scoped_release release;
  self.send(data, to, tag);
}

py::array receive(Communicator& self, const py::object& like, int from, int tag) {
  const py::array array = whole("receive", like);
  py::array out = empty_like(array, shape_of(array));
  const Tensor data = as_bytes(out);
  const py::gil_scoped_release release;
  self.receive(data, from, tag);
  return out;
}

py::dict counters(Communicator& self) {
  const comm::Counters& c = self.counters();
  return py::dict(py::arg("messages_intra") = c.messages_intra, py::arg("messages_inter") = c.messages_inter,
                  py::arg("bytes_intra") = c.bytes_intra, py::arg("bytes_inter") = c.bytes_inter);
}

// For benches: seconds of one exchange of `bytes` with every rank, the fastest way or by messages alone, from rows that
// are there already into memory that is.
double exchange_seconds(Communicator& self, std::int64_t bytes, int times, bool messages) {
  const py::gil_scoped_release release;
  const Context ctx = runtime().context();
  const std::int64_t ranks = self.size();
  const std::vector<std::int64_t> rows(static_cast<std::size_t>(ranks), bytes);
  comm::Commons* const commons = messages ? nullptr : self.commons();
  const Tensor sent = ctx.zeros({ranks * bytes}, DType::kUInt8), got = ctx.zeros({ranks * bytes}, DType::kUInt8);
  for (int room = 0; commons != nullptr && room < 2; ++room) {  // pages are there before the clock runs
    std::memset(commons->room(sent.bytes()), room, sent.bytes());
    commons->publish();
  }
  self.barrier();
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < times; ++i) {
    const Tensor from =
        commons == nullptr ? sent : Tensor::borrow(commons->room(sent.bytes()), sent.shape(), sent.dtype(), nullptr);
    if (messages) {
      self.start_all_to_all_v({from, rows}, {got, rows})->wait();
    } else {
      self.all_to_all_v({from, rows}, {got, rows});
    }
  }
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / times;
}

// The one MPI library of the process, once it is open.
std::shared_ptr<comm::mpi::Library>& opened() {
  static auto* library = new std::shared_ptr<comm::mpi::Library>;
  return *library;
}

CommunicatorPtr open_mpi(const std::string& plugin, const std::string& library, std::uintptr_t handle) {
  const auto timeout = static_cast<double>(env_integer("WUDAO_COMM_TIMEOUT", 1, kLongestTimeout).value_or(600));
  const bool shared = env_integer("WUDAO_COMM_SHARED", 0, 1).value_or(1) == 1;
  if (opened() == nullptr) opened() = comm::mpi::Library::open(plugin, library);
  const py::gil_scoped_release release;
  return comm::mpi::open_world(opened(), {reinterpret_cast<const void*>(handle), timeout, shared});
}

std::string mpi_version(const std::string& plugin, const std::string& library) {
  return comm::mpi::Library::open(plugin, library)->version();
}

void finish_mpi() {
  if (opened() == nullptr) return;
  const py::gil_scoped_release release;
  opened()->finish();
}

void abort_mpi(int code) {
  if (opened() != nullptr && !opened()->ended()) opened()->abort(code);
}

}  // namespace
}  // namespace wudao::python

void bind_comm(pybind11::module_& m) {
  namespace py = pybind11;
  using namespace wudao::python;
  py::class_<Pending>(m, "Pending").def("wait", &Pending::wait);
  py::class_<Communicator, CommunicatorPtr>(m, "Communicator")
      .def_property_readonly("rank", &Communicator::rank)
      .def_property_readonly("size", &Communicator::size)
      .def_property_readonly("counters", &counters)
      .def("describe", &Communicator::describe)
      .def("barrier", &Communicator::barrier, py::call_guard<py::gil_scoped_release>())
      .def("broadcast", &broadcast, py::arg("array"), py::arg("root") = 0)
      .def("all_gather", &all_gather, py::arg("array"))
      .def("all_reduce", &all_reduce, py::arg("array"), py::arg("op") = "sum")
      .def("reduce_scatter", &reduce_scatter, py::arg("array"), py::arg("op") = "sum")
      .def("all_to_all_v", &all_to_all_v, py::arg("array"), py::arg("send_rows"))
      .def("start_all_to_all_v", &start_all_to_all_v, py::arg("array"), py::arg("send_rows"), py::keep_alive<0, 1>())
      .def("send", &send, py::arg("array"), py::arg("to"), py::arg("tag") = 0)
      .def("receive", &receive, py::arg("like"), py::arg("from_"), py::arg("tag") = 0)
      .def("split", &Communicator::split, py::arg("color"), py::arg("key") = 0,
           py::call_guard<py::gil_scoped_release>())
      .def("exchange_seconds", &exchange_seconds, py::arg("bytes"), py::arg("times"), py::arg("messages"))
      .def("set_supernode", &Communicator::set_supernode, py::arg("size"));
  m.def("self_communicator", &wudao::comm::make_self, "Return the communicator of this process alone.");
  m.def("open_mpi", &open_mpi, py::arg("plugin"), py::arg("library"), py::arg("handle") = 0,
        "Open MPI's world, or copy the communicator that `handle` points to.");
  m.def("mpi_version", &mpi_version, py::arg("plugin"), py::arg("library"),
        "Return what an MPI library says of itself, without initialising it.");
  m.def("finish_mpi", &finish_mpi, "Finalise MPI if it was initialised here.");
  m.def("abort_mpi", &abort_mpi, py::arg("code"), "End all ranks of the job.");
}
