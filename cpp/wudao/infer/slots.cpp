#include "wudao/infer/slots.h"

#include <algorithm>
#include <cmath>

namespace wudao::infer {
namespace {

constexpr std::string_view kOp = "fill";

void require(bool good, std::string_view argument, const std::string& expected, const std::string& got) {
  if (!good) fail<ConfigError>(kOp, argument, expected, got);
}

void check_position(std::int64_t position, std::int64_t rows) {
  require(position >= 0 && position < rows, "positions", text("numbers from 0 to ", rows - 1), text(position));
}

void check_slot(const model::GLMConfig& config, const Slot& slot) {
  const std::int64_t ids = predicted_ids(config);
  check_position(slot.position, position_rows(config));
  if (slot.given()) return require(slot.id < config.vocab_size, "ids", text("below ", config.vocab_size), text(slot.id));
  require(slot.first >= 0 && slot.first < slot.end && slot.end <= ids, "allowed", text("a range of ids below ", ids),
          text(slot.first, " to ", slot.end));
  require(slot.stop < ids, "stop", text("an id below ", ids), text(slot.stop));
}

void check_sequence(const model::GLMConfig& config, const Sequence& sequence) {
  require(!sequence.slots.empty() && sequence.slots.front().given(), "slots", "a first slot that is given", "none");
  for (const Token& token : sequence.known) {
    require(token.id >= 0 && token.id < config.vocab_size, "ids", text("0 to ", config.vocab_size - 1), text(token.id));
    check_position(token.position, position_rows(config));
  }
  for (const Slot& slot : sequence.slots) check_slot(config, slot);
}

// Makes `ids` hold [first, end) too.
void widen(Ids& ids, std::int64_t first, std::int64_t end) {
  if (ids.count() == 0) ids = {first, end};
  ids = {std::min(ids.first, first), std::max(ids.end, end)};
}

}  // namespace

Ids drawable(const std::vector<Request>& requests) {
  Ids ids;
  for (const Request& request : requests) {
    for (const Slot& slot : request.asked.slots) {
      if (slot.given()) continue;
      widen(ids, slot.first, slot.end);
      if (slot.stop >= 0) widen(ids, slot.stop, slot.stop + 1);
    }
  }
  return ids;
}

void check(const model::GLMConfig& config, const std::vector<Request>& requests, const FillOptions& options) {
  require(options.num_samples >= 1, "n", "a whole number of at least 1", text(options.num_samples));
  require(options.max_streams >= 1, "max_streams", "a whole number of at least 1", text(options.max_streams));
  require(options.sampling.temperature >= 0 && std::isfinite(options.sampling.temperature), "temperature",
          "a number of at least 0 (0: always the most probable one)", text(options.sampling.temperature));
  require(options.sampling.top_k >= 0, "top_k", "a whole number of at least 0 (0: all)", text(options.sampling.top_k));
  require(std::isfinite(options.guidance), "guidance", "a number (1: none)", text(options.guidance));
  for (const Request& request : requests) {
    check_sequence(config, request.asked);
    if (options.guidance == 1.0) continue;
    check_sequence(config, request.plain);
    require(request.plain.slots.size() == request.asked.slots.size(), "plain", "as many slots as the sequence has",
            text(request.plain.slots.size()));
  }
}

}  // namespace wudao::infer
