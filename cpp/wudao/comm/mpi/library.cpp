#include "wudao/comm/mpi/library.h"

#include <dlfcn.h>

#include <algorithm>

#include "wudao/base/error.h"

namespace wudao::comm::mpi {
namespace {

constexpr int kTextSize = 8192;

void* open_file(const std::string& path, const char* argument) {
  void* const handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle != nullptr) return handle;
  const char* why = dlerror();
  fail<CommError>("mpi", argument, text("a library that opens: ", path), why == nullptr ? "nothing" : why,
                  "`wudao-rt mpi list` shows what was found; `wudao-rt mpi build` makes a plugin for your MPI.");
}

}  // namespace

std::shared_ptr<Library> Library::open(const std::string& plugin, const std::string& library) {
  void* const mpi = library.empty() ? nullptr : open_file(library, "library");
  void* const handle = open_file(plugin, "plugin");
  using Open = decltype(&wudao_mpi_open);
  const auto open = reinterpret_cast<Open>(dlsym(handle, "wudao_mpi_open"));
  if (open == nullptr) fail<CommError>("mpi", "plugin", "wudao_mpi_open in " + plugin, "none", "Build it again.");
  const char* missing = "";
  const WudaoMpi* const table = open(mpi == nullptr ? handle : mpi, &missing);
  if (table == nullptr) {
    fail<CommError>("mpi", "library", text(missing, " in ", library.empty() ? plugin : library), "none",
                    "MPI 3.1 or newer is needed.");
  }
  if (table->version != kWudaoMpiVersion) {
    fail<CommError>("mpi", "plugin", text("version ", int{kWudaoMpiVersion}), text(table->version, " in ", plugin),
                    "Run `wudao-rt mpi build` again.");
  }
  return std::shared_ptr<Library>(new Library(table, plugin));
}

void Library::check(int error, const char* what) const {
  if (error == 0) return;
  std::string words(kTextSize, '\0');
  table_->describe(error, words.data(), kTextSize);
  throw CommError(text(what, ": MPI failed: ", words.c_str(), " (", version(), ")."));
}

std::string Library::version() const {
  std::string words(kTextSize, '\0');
  if (table_->library(words.data(), kTextSize) != 0) return "an MPI that does not give its version";
  words.resize(words.find('\0'));
  words.resize(std::min(words.find('\n'), words.size()));
  for (char& c : words) c = c == '\t' ? ' ' : c;
  return words;
}

bool Library::start() {
  int initialized = 0, finalized = 0, serialized = 1;
  check(table_->state(&initialized, &finalized), "mpi");
  if (finalized != 0) {
    throw CommError("mpi: MPI_Finalize was called in this process, after which MPI cannot be used. Finalise it later.");
  }
  if (initialized != 0) return false;
  check(table_->start(&serialized), "mpi");
  started_here_ = true;
  return true;
}

bool Library::ended() const {
  int initialized = 0, finalized = 0;
  return table_->state(&initialized, &finalized) != 0 || finalized != 0;
}

void Library::replace_window(void* old, void* fresh) {
  const std::lock_guard lock(calls_);
  if (old != nullptr) {
    std::erase(windows_, old);
    check(table_->unshare(old), "commons");
  }
  windows_.push_back(fresh);
}

void Library::finish() {
  if (!started_here_ || ended()) return;
  const std::lock_guard lock(calls_);
  for (void* window : windows_) table_->unshare(window);
  table_->finish();
}

void Library::abort(int code) { table_->abort(code); }

}  // namespace wudao::comm::mpi
