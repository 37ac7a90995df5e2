// Balance losses from sums over groups, and the slopes by which they pull at the router.
//
//   switch        mean over groups of E sum_e f_e P_e;  f_e = choices of e / (k T_g), P_e = mean of p_te   (Fedus 2021)
//   gshard        mean over groups of 1/E sum_e (first choices of e / T_g) P_e                           (Lepikhin
//   2020) importance    mean over groups of CV^2 of I_e = sum_t w_te before drops (Shazeer 2017) load          mean
//   over groups of CV^2 of L_e = sum_t Phi((z_te - threshold_te) / std_te); kNoisy     (Shazeer 2017) z mean over all
//   tokens of logsumexp(z)^2                                                    (Zoph 2022) sequence      switch, a
//   sequence for a group                                                       (DeepSeek-V3 2024) global_batch  switch,
//   the whole batch for a group                                                       (Qiu 2025)
//
// CV^2(x) = variance / (mean^2 + 1e-10), over experts. Choices are counted before drops and have no slope.
#pragma once

#include "wudao/moe/gate/gate.h"

namespace wudao::moe {

double switch_loss(const Gate& gate, const GroupSums& sums);
double gshard_loss(const GroupSums& sums);
double importance_loss(const GroupSums& sums);
double load_loss(const GroupSums& sums);
double z_loss(const GroupSums& all);

// d switch / d p_te for a token of a group; of group `row` of `sums`.
double switch_slope(const Gate& gate, const GroupSums& sums, std::int64_t row, std::int64_t e);
double gshard_slope(const GroupSums& sums, std::int64_t row, std::int64_t e);
// d CV^2 / d x_e for every group and expert, divided by the number of groups.
std::vector<double> variation_slopes(const GroupSums& sums, const std::vector<ExactSum>& x);

}  // namespace wudao::moe
