// Draws a token from scores.
#pragma once

#include <cstdint>

#include "wudao/infer/rules.h"

namespace wudao::infer {

// The ids that top-k, then top-p leave over, best first when a filter is on (ties: lower id first), else by id. Banned
// ids never stay. top-p keeps the fewest best ids whose probability, of what top-k left, reaches p.
std::vector<std::int32_t> candidates(const Scores& scores, const Sampling& sampling);

// Divides scores by a positive temperature, the best one set to 0 first so that nothing overflows.
void heat(double temperature, Scores& scores);

// A uniform number in [0, 1) with 53 bits: a function of the seed, the sample's number within its prompt and the token's
// number within the sample, never of the place in the batch.
double uniform(std::uint64_t seed, std::int64_t sample, std::int64_t token);

// softmax(scores / temperature) over the candidates, drawn by inverse distribution function. Temperature 0: the best.
std::int32_t draw(Scores scores, const Sampling& sampling, double uniform);

}  // namespace wudao::infer
