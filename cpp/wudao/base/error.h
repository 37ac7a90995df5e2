// The one exception hierarchy. Every message reads: `op: argument: what was expected, what came. What to do.`
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>

namespace wudao {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class ShapeError : public Error { using Error::Error; };
class DTypeError : public Error { using Error::Error; };
class ConfigError : public Error { using Error::Error; };
class DeviceError : public Error { using Error::Error; };
class OutOfMemory : public Error { using Error::Error; };
class CommError : public Error { using Error::Error; };
class CheckpointError : public Error { using Error::Error; };
class InternalError : public Error { using Error::Error; };

// Joins its arguments into one string: text("rows ", 3).
template <class... Parts>
std::string text(const Parts&... parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

// Throws E with the house pattern. `op` and `argument` are spelled as the user calls them.
template <class E>
[[noreturn]] void fail(std::string_view op, std::string_view argument, const std::string& expected,
                       const std::string& got, std::string_view advice = "") {
  throw E(text(op, ": ", argument, ": expected ", expected, ", got ", got, ".", advice.empty() ? "" : " ", advice));
}

}  // namespace wudao
