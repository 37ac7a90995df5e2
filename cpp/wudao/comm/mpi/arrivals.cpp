#include "wudao/comm/mpi/arrivals.h"

#include <algorithm>
#include <cstring>
#include <iterator>
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
constexpr const char* kOutside = "outside of any collective";
constexpr const char* kSilent = "does not answer (it computes, sleeps or is stopped)";

std::string shown(const Call& call) { return text(call.op, " #", call.number, " of ", call.communicator); }

void add(std::string& list, int rank, const std::string& where) {
  list += text(list.empty() ? "" : "; ", "rank ", rank, " ", where);
}

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
    post(text(number, " ", current_.op.empty() ? kOutside : "in " + shown(current_)), from, kAnswer);
  }
}

std::map<int, std::string> Arrivals::ask(const std::string& communicator, const std::vector<int>& ranks) {
  for (const int r : ranks) post(communicator, r, kQuestion);
  std::map<int, std::string> answers;
  const auto begin = Clock::now();
  // Others may have run out of patience at the same moment: they get their answers too.
  const auto over = [&] { return Clock::now() - begin > (answers.size() >= ranks.size() ? kLastAnswers : kPatience); };
  while (!over()) {
    int from = 0;
    std::string words;
    while (read(kAnswer, &from, &words)) answers[from] = words;
    answer();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return answers;
}

std::string Arrivals::missing(const Call& call, bool* waits) {
  std::vector<int> others;
  std::copy_if(call.members->begin(), call.members->end(), std::back_inserter(others),
               [&](int r) { return r != rank_; });
  const std::map<int, std::string> answers = ask(call.communicator, others);
  std::string found;
  *waits = true;
  for (const int r : others) {
    const auto answer = answers.find(r);
    if (answer == answers.end()) {
      add(found, r, kSilent);
      *waits = false;
      continue;
    }
    const std::string& words = answer->second;
    if (std::stol(words) >= call.number && words.find(call.op) != std::string::npos) continue;
    add(found, r, "is " + words.substr(words.find(' ') + 1));
    *waits &= words.find(kOutside) == std::string::npos;
  }
  return found;
}

std::string Arrivals::idle(const std::vector<int>& members) {
  std::vector<int> others;
  for (int r = 0; r < size_; ++r) {
    if (std::find(members.begin(), members.end(), r) == members.end()) others.push_back(r);
  }
  if (others.empty()) return {};
  const std::map<int, std::string> answers = ask("world", others);
  std::string found;
  for (const int r : others) {
    const auto answer = answers.find(r);
    if (answer == answers.end()) {
      add(found, r, kSilent);
    } else if (answer->second.find(kOutside) != std::string::npos) {
      add(found, r, std::string("is ") + kOutside);
    }
  }
  return found;
}

// A rank that waits for others is not to blame: those may be in no communicator of the call's.
void Arrivals::expire(const Call& call) {
  bool waits = false;
  std::string who = missing(call, &waits);
  const std::string further = waits ? idle(*call.members) : "";
  if (!further.empty()) who += (who.empty() ? "" : "; ") + further;
  throw CommError(text(shown(call), ": waited for ", deadline_.count(),
                       " s: ", who.empty() ? "every rank is there, but the exchange does not end" : who,
                       ". Look at those ranks' output; WUDAO_COMM_TIMEOUT sets the limit."));
}

}  // namespace wudao::comm::mpi
