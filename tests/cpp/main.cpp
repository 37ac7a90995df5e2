#include <cstdio>
#include <string_view>

#include "check.h"
#include "planted.h"

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

int list() {
  for (const check::Case& test : check::cases()) std::printf("%s\n", test.name);
  return 0;
}

int run_named(std::string_view name) {
  for (const check::Case& test : check::cases()) {
    if (name == test.name) return run(test);
  }
  std::fprintf(stderr, "no such case\n");
  return 1;
}

int run_all() {
  int failures = 0;
  for (const check::Case& test : check::cases()) failures += run(test);
  return failures == 0 && !check::cases().empty() ? 0 : 1;
}

// Shows pytest that a failing check is seen as one.
void failing() { CHECK_EQUAL(1, 2); }

}  // namespace

// Nothing: all cases. NAME: one case. --list, --fail, or --plant FAULT.
int main(int count, char** arguments) {
  if (count == 1) return run_all();
  const std::string_view first = arguments[1];
  if (first == "--list") return list();
  if (first == "--fail") return run({"failing", &failing});
  if (first == "--plant" && count == 3) return plant(arguments[2]) ? 0 : 1;
  return run_named(first);
}
