#include <cstdio>
#include <cstring>

#include "check.h"

namespace {

int run(const check::Case& test) {
  try {
    test.body();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: %s\n", test.name, error.what());
    return 1;
  }
  std::printf("%s passed\n", test.name);
  return 0;
}

// Shows pytest that a failing check is seen as one.
void planted() { CHECK_EQUAL(1, 2); }

}  // namespace

int main(int count, char** arguments) {
  if (count == 2 && std::strcmp(arguments[1], "--list") == 0) {
    for (const check::Case& test : check::cases()) std::printf("%s\n", test.name);
    return 0;
  }
  if (count == 2 && std::strcmp(arguments[1], "--planted-failure") == 0) return run({"planted", &planted});
  int failures = 0, found = 0;
  for (const check::Case& test : check::cases()) {
    if (count == 2 && std::strcmp(arguments[1], test.name) != 0) continue;
    ++found;
    failures += run(test);
  }
  if (found == 0) std::fprintf(stderr, "no such case\n");
  return failures == 0 && found > 0 ? 0 : 1;
}
