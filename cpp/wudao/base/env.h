// Environment variables are read here and nowhere else, so that one table (docs/environment.md) can list them all.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace wudao {

struct EnvVariable {
  const char* name;
  const char* meaning;
  const char* fallback;  // what happens when it is unset
};

// Every variable that the engine reads.
const std::vector<EnvVariable>& env_variables();

// The value of a registered variable; empty and unset are the same. Asking for an unregistered one is an InternalError.
std::optional<std::string> env(const char* name);

// The same as a whole number in [low, high]; anything else is a ConfigError naming the variable.
std::optional<long> env_integer(const char* name, long low, long high);

}  // namespace wudao
