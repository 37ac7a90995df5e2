// Memory that the ranks of one node share, for what would otherwise be copied into messages and out of them.
//
// A rank writes into its room and publishes; `publish` returns when all ranks have, and then each may read the rooms of
// all, until it publishes again. Two rooms take turns, so that a fast rank does not write over what others still read.
#pragma once

#include <cstddef>
#include <cstdint>

namespace wudao::comm {

class Commons {
 public:
  virtual ~Commons() = default;
  // Room for `bytes` that this rank publishes next.
  virtual void* room(std::size_t bytes) = 0;
  virtual void decline() = 0;  // this rank's rows are not worth a room: `publish` is false on all ranks
  virtual bool is_room(const void* data) const = 0;  // the one given last, not yet published
  // As many numbers as there are ranks, published with the room.
  virtual std::int64_t* numbers() = 0;
  // Waits for all ranks. False where one declined: only numbers are published then.
  virtual bool publish() = 0;
  virtual const void* of(int rank) const = 0;
  virtual const std::int64_t* numbers_of(int rank) const = 0;
};

}  // namespace wudao::comm
