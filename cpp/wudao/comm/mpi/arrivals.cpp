#include "wudao/comm/mpi/arrivals.h"

#include <cstring>
#include <thread>

#include "wudao/base/error.h"
#include "wudao/base/spin.h"

namespace wudao::comm::mpi {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kQuestion = 1, kAnswer = 2;                    // tags
constexpr int kTextSize = 256;                               // bytes of a message
constexpr auto kPatience = std::chrono::milliseconds(3000);  // for answers
constexpr auto kLastAnswers = std::chrono::milliseconds(500);
constexpr auto kBetweenLooks = std::chrono::milliseconds(20);
constexpr int kSpins = 200;

std::string shown(const Call& call) { return text(call.op, " #", call.number, " of ", call.communicator); }

// Ranks that share a processor have to let each other run.
void rest(long turn) {
  if (turn < kSpins) {
    pause_briefly();
  } else if (turn < 20000) {
    std::this_thread::yield();
  } else {
    std::this_thread::sleep_for(std::chrono::microseconds(50));
  }
}

}  // namespace

Arrivals::Arrivals(std::shared_ptr<Library> library, void* comm, std::chrono::duration<double> deadline)
    : library_(std::move(library)), comm_(comm), deadline_(deadline) {
  library_->check(library_->table().place(comm_, &rank_, &size_), "mpi");
}

Arrivals::~Arrivals() {
  if (!library_->ended()) library_->table().release(comm_);
}

void Arrivals::wait(void** request, const Call& call) {
  wait([&] { return done(request, call); }, call);
}

void Arrivals::wait(const std::function<bool()>& done, const Call& call) {
  current_ = call;
  entered_[call.communicator] = call.number;
  const auto begin = Clock::now();
  auto looked = begin;
  for (long turn = 0; !done(); ++turn) {
    rest(turn);
    if (turn % 64 != 63) continue;
    const auto now = Clock::now();
    if (now - looked < kBetweenLooks) continue;
    looked = now;
    answer();
    if (now - begin > deadline_) expire(call);
  }
  current_ = {};
}

bool Arrivals::done(void** request, const Call& call) {
  const std::lock_guard lock(library_->calls());
  int done = 0;
  library_->check(library_->table().test(request, &done), call.op.c_str());
  return done != 0;
}

// A message of fixed size. It is small enough to leave at once; if the job ends before, nobody misses it.
void Arrivals::post(const std::string& words, int to, int tag) {
  auto* const message = new char[kTextSize]();  // lives until the process ends: the receiver may never come
  std::strncpy(message, words.c_str(), kTextSize - 1);
  void* request = nullptr;
  const std::lock_guard lock(library_->calls());
  library_->check(library_->table().send(comm_, message, kTextSize, to, tag, &request), "mpi");
  int done = 0;
  library_->check(library_->table().test(&request, &done), "mpi");
}

bool Arrivals::read(int tag, int* from, std::string* words) {
  const std::lock_guard lock(library_->calls());
  const WudaoMpi& mpi = library_->table();
  int there = 0;
  library_->check(mpi.probe(comm_, tag, &there, from), "mpi");
  if (there == 0) return false;
  char message[kTextSize];
  void* request = nullptr;
  library_->check(mpi.receive(comm_, message, kTextSize, *from, tag, &request), "mpi");
  for (int done = 0; done == 0;) library_->check(mpi.test(&request, &done), "mpi");
  *words = message;
  return true;
}

void Arrivals::answer() {
  int from = 0;
  std::string communicator;
  while (read(kQuestion, &from, &communicator)) {
    const auto found = entered_.find(communicator);
    const long number = found == entered_.end() ? 0 : found->second;
    post(text(number, " ", current_.op.empty() ? "outside of any collective" : "in " + shown(current_)), from, kAnswer);
  }
}

std::map<int, std::string> Arrivals::ask(const Call& call) {
  for (const int r : *call.members) {
    if (r != rank_) post(call.communicator, r, kQuestion);
  }
  std::map<int, std::string> answers;
  const auto begin = Clock::now();
  // Others may have run out of patience at the same moment: they get their answers too.
  const auto over = [&] {
    const bool all = answers.size() + 1 >= call.members->size();
    return Clock::now() - begin > (all ? kLastAnswers : kPatience);
  };
  while (!over()) {
    int from = 0;
    std::string words;
    while (read(kAnswer, &from, &words)) answers[from] = words;
    answer();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return answers;
}

void Arrivals::expire(const Call& call) {
  const std::map<int, std::string> answers = ask(call);
  std::string missing;
  const auto add = [&](int r, const std::string& where) {
    missing += text(missing.empty() ? "" : "; ", "rank ", r, " ", where);
  };
  for (const int r : *call.members) {
    if (r == rank_) continue;
    const auto found = answers.find(r);
    if (found == answers.end()) {
      add(r, "does not answer (it computes, sleeps or is stopped)");
      continue;
    }
    const std::string& words = found->second;
    if (std::stol(words) < call.number || words.find(call.op) == std::string::npos) {
      add(r, "is " + words.substr(words.find(' ') + 1));
    }
  }
  throw CommError(text(shown(call), ": waited for ", deadline_.count(),
                       " s: ", missing.empty() ? "every rank is there, but the exchange does not end" : missing,
                       ". Look at those ranks' output; WUDAO_COMM_TIMEOUT sets the limit."));
}

}  // namespace wudao::comm::mpi
