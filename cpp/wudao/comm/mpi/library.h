// An MPI library behind the plugin of its ABI, opened at run time.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "wudao/comm/mpi/plugin/plugin.h"

namespace wudao::comm::mpi {

class Library {
 public:
  // `plugin` is the file of the plugin, `library` that of MPI; empty: the plugin brings it along. CommError where
  // either does not open or fit.
  static std::shared_ptr<Library> open(const std::string& plugin, const std::string& library);

  const WudaoMpi& table() const { return *table_; }
  std::string version() const;  // the first line of what it says of itself
  // Throws CommError with MPI's words for `error`, unless it is 0.
  void check(int error, const char* what) const;

  // Initialises MPI unless somebody has. Returns whether it was done here.
  bool start();
  bool ended() const;
  // Windows have to go before MPI does, on all their ranks at once; null: none.
  void replace_window(void* old, void* fresh);
  void finish();         // if it was initialised here and nobody finalised it
  void abort(int code);  // ends all ranks of the job

  std::mutex& calls() { return calls_; }  // held around every call: MPI was asked for one thread at a time

 private:
  Library(const WudaoMpi* table, std::string plugin) : table_(table), plugin_(std::move(plugin)) {}
  const WudaoMpi* table_;
  std::string plugin_;
  bool started_here_ = false;
  std::vector<void*> windows_;
  std::mutex calls_;
};

}  // namespace wudao::comm::mpi
