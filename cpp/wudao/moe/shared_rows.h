// Rows in memory that ranks share: who wants a row copies it from where the other has it, in the order of its own
// products. No messages, no passes in between.
#pragma once

#include "wudao/comm/commons.h"
#include "wudao/moe/neighbours.h"

namespace wudao::moe {

// Where rows lie: in the room of which slot, and as which row of it.
struct Place {
  std::vector<int> slot;
  Counts row;
  void push(int s, std::int64_t n) {
    slot.push_back(s);
    row.push_back(n);
  }
};

struct Places {
  Place token;  // for each row of this rank's experts: the token that it is of
  Place sent;   // the same: the row among those of its room
  Place made;   // for each row of this rank's room: that of the expert
};

// The slots of a supernode share memory: rows from slot s of every supernode lie in the room of slot s of this one.
class SharedRows {
 public:
  SharedRows(comm::Commons& commons, const Neighbours& here) : commons_(commons), here_(here) {}

  Tensor room(const Shape& shape, DType dtype);
  // `counts`: rows in this rank's room from each supernode, by (expert here, shard of their rank); `token`: of each of
  // these rows, by (supernode, expert, shard). Returns for every rank its counts by (expert of this rank, shard).
  std::vector<Counts> place(const std::vector<Counts>& counts, const std::int64_t* token, std::int64_t experts,
                            const std::vector<ShardRange>& shards, Places& places);
  // Publishes `rows`, this rank's, and returns those that lie at `place`.
  Tensor pull(Context& ctx, const Tensor& rows, const Place& place);

 private:
  comm::Commons& commons_;
  Neighbours here_;
};

}  // namespace wudao::moe
