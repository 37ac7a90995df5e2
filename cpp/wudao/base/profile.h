// What ran when: spans of time, for a trace that people look at.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace wudao {

struct ProfileEvent {
  std::string name;   // the op: "linear"
  std::string where;  // the layer: "layer 3"
  const char* phase;  // "forward", "backward", "update"
  int worker;         // of the thread pool
  std::int64_t begin, end;  // nanoseconds of the steady clock
};

class Profile {
 public:
  // Measures from its making to its end; does nothing without a profile. The texts must outlive it.
  class Span {
   public:
    Span(Profile* profile, std::string_view name, std::string_view where, const char* phase, int worker = 0);
    ~Span();
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   private:
    Profile* profile_;
    std::string_view name_, where_;
    const char* phase_;
    int worker_;
    std::int64_t begin_ = 0;
  };

  std::vector<ProfileEvent> events() const;

 private:
  mutable std::mutex mutex_;
  std::vector<ProfileEvent> events_;
};

}  // namespace wudao
