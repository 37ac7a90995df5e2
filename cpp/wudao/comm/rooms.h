// All-to-all in memory that the ranks share: every rank reads its rows where the others have them.
#pragma once

#include "wudao/comm/communicator.h"

namespace wudao::comm {

// Rows that lie in the room of the commons already are copied once; few others are copied there first. False, on all
// ranks, where one sends many that do not; nothing has been exchanged then.
bool exchange_in_rooms(Communicator& comm, const RowBlocks& send, const RowBlocks& receive);

}  // namespace wudao::comm
