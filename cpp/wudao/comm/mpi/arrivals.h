// Finds out who does not come. Every rank counts the collectives that it entered; when one of them waits for longer
// than the deadline, it asks all others where they are.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "wudao/comm/mpi/library.h"

namespace wudao::comm::mpi {

// One operation as people know it.
struct Call {
  std::string communicator;                   // "world", "world/0"
  std::string op;                             // "all_reduce"
  long number = 0;                            // of the communicator's calls, from 1
  const std::vector<int>* members = nullptr;  // their ranks in the world
};

class Arrivals {
 public:
  // `comm` is a communicator of all ranks for nothing else.
  Arrivals(std::shared_ptr<Library> library, void* comm, std::chrono::duration<double> deadline);
  ~Arrivals();
  Arrivals(const Arrivals&) = delete;
  Arrivals& operator=(const Arrivals&) = delete;

  // Waits until `*request` is done. CommError naming the missing ranks when the deadline passes.
  void wait(void** request, const Call& call);
  void wait(const std::function<bool()>& done, const Call& call);
  int rank() const { return rank_; }

 private:
  bool done(void** request, const Call& call);
  void answer();  // the questions that have come
  void post(const std::string& words, int to, int tag);
  [[noreturn]] void expire(const Call& call);
  // Where those ranks are that have not entered the call; `waits`: all of them wait themselves, in another call.
  std::string missing(const Call& call, bool* waits);
  std::string idle(const std::vector<int>& members);  // of the other ranks, those that are in no call
  // The answers by rank.
  std::map<int, std::string> ask(const std::string& communicator, const std::vector<int>& ranks);
  bool read(int tag, int* from, std::string* words);

  std::shared_ptr<Library> library_;
  void* comm_;
  std::chrono::duration<double> deadline_;
  int rank_ = 0, size_ = 0;
  Call current_;                         // what this rank waits in
  std::map<std::string, long> entered_;  // calls of each communicator that this rank has entered
};

}  // namespace wudao::comm::mpi
