// The communicator of one process alone: what it sends, it receives.
#pragma once

#include "wudao/comm/communicator.h"

namespace wudao::comm {

std::shared_ptr<Communicator> make_self();

}  // namespace wudao::comm
