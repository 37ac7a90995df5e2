// Checks that every communicator makes, so that a mistake reads the same in a job of one and of thousands.
#pragma once

#include <string_view>

#include "wudao/comm/communicator.h"

namespace wudao::comm {

void check_rank(std::string_view op, std::string_view argument, int rank, int size);
void check_tag(std::string_view op, int tag);
void check_color(int color);
void check_gathered(const Tensor& mine, const Tensor& all, int size);
// One count for each rank, none negative, rows as many as counted, and the same to oneself as from oneself.
void check_blocks(const RowBlocks& send, const RowBlocks& receive, int rank, int size);

constexpr int kMaxTag = 8191;

}  // namespace wudao::comm
