// Faults on purpose, to show that each sanitizer build goes red. Only tests/sanitizers calls them.
#pragma once

#include <string_view>

// "overflow", "undefined" or "race"; false if the name is none of them.
bool plant(std::string_view fault);
