// What can be asked of filling, and what comes back: sequences of which some tokens are given and the others drawn.
//
// A picture is drawn so: its text and the mark of its beginning are given, its codes are drawn one after the other, each
// from the ids that are codes. A box of it is completed so: what lies around the box is given, the codes inside are
// drawn at their own positions (Ding et al. 2021, CogView, section 2; Ding et al. 2022, CogView2, section 3.3).
#pragma once

#include <cstdint>
#include <vector>

#include "wudao/infer/feed.h"
#include "wudao/infer/head.h"
#include "wudao/infer/request.h"

namespace wudao::infer {

// A place in a sequence. A given one holds its id; any other takes an id of [first, end), or `stop`, which ends the
// sequence there.
struct Slot {
  std::int32_t id = -1;  // -1: to be drawn
  std::int32_t position = 0;
  std::int32_t first = 0, end = 0;
  std::int32_t stop = -1;  // -1: the sequence ends with its last slot
  bool given() const { return id >= 0; }
};

// `known` goes through the model once for all samples; its tokens see each other all (`bidirectional`) or what came
// before them. Each slot sees `known` and the slots before it. The first slot is given: what is drawn is drawn from what
// the model says at the slot before.
struct Sequence {
  std::vector<Token> known;
  bool bidirectional = false;
  std::vector<Slot> slots;
};

// With guidance g every slot is drawn from b + g (a - b): a are the logits of the sequence that is asked for, b those of
// `plain`, which lacks what the picture is to be guided by and has the same slots at positions of its own; what is drawn
// goes into both (Ho and Salimans 2022, "Classifier-free diffusion guidance"; Gafni et al. 2022, "Make-A-Scene").
struct Request {
  Sequence asked;
  Sequence plain;  // not looked at where g is 1
};

struct FillOptions {
  Sampling sampling;
  double guidance = 1.0;
  std::int64_t num_samples = 1;
  std::uint64_t seed = 0;
  std::int64_t max_streams = 32;  // sequences that go through the model together; results do not depend on it
};

struct Filled {
  std::int64_t sequence = 0, sample = 0;
  std::vector<std::int32_t> ids;  // that were drawn, in the order of their slots
};

// The ids from the first that any slot may take to the last.
Ids drawable(const std::vector<Request>& requests);

// ConfigError or ShapeError naming the argument.
void check(const model::GLMConfig& config, const std::vector<Request>& requests, const FillOptions& options);

}  // namespace wudao::infer
