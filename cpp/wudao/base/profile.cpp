#include "wudao/base/profile.h"

#include <chrono>

namespace wudao {
namespace {

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace

Profile::Span::Span(Profile* profile, std::string_view name, std::string_view where, const char* phase, int worker)
    : profile_(profile), name_(name), where_(where), phase_(phase), worker_(worker) {
  if (profile_ != nullptr) begin_ = now();
}

Profile::Span::~Span() {
  if (profile_ == nullptr) return;
  const std::int64_t end = now();
  const std::lock_guard lock(profile_->mutex_);
  profile_->events_.push_back({std::string(name_), std::string(where_), phase_, worker_, begin_, end});
}

std::vector<ProfileEvent> Profile::events() const {
  const std::lock_guard lock(mutex_);
  return events_;
}

}  // namespace wudao
