// Cross-entropy of the output projection. Per batch of counted rows:
//   1. logits tile by tile; each tile leaves, per row, its largest logit m and sum of exp(z - m), and exp(z - m) itself
//   2. per row: logsumexp from the tiles in order, the loss, and the score gradient dz = weight (softmax - onehot)
//   3. dh = dz W;  4. the batch's share of dW = sum over shards of dz_s^T h_s
#include <cmath>

#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/linear_shards.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"
#include "wudao/backend/cpu/kernels/output_loss_plan.h"

namespace wudao::WUDAO_ISA {
namespace {

template <class T>
constexpr std::int64_t bytes_of(std::int64_t count) {
  return count * static_cast<std::int64_t>(sizeof(T));
}

// What one tile leaves behind of one row.
template <class T>
struct TileSum {
  T largest, sum;
};

// Everything that the steps share. `row` lists the counted rows; positions below count among them.
template <class T>
struct Work {
  const kernels::OutputLoss& p;
  const cpu::gemm::PackedB& weight;
  std::int64_t counted, columns;
  std::int64_t* row;
  char* h;            // (counted, in) compute: the counted rows of h
  TileSum<T>* tiles;  // (rows of a batch, panels)
  T* target;          // (counted,) logit of the target
  double* loss;       // (counted,) unweighted
};

void list_rows(const kernels::OutputLoss& p, std::int64_t* row) {
  for (std::int64_t n = 0; n < p.rows; ++n) {
    if (p.weights[n] != 0.0) *row++ = n;
  }
}

void copy_bytes(char* to, const char* from, std::int64_t bytes) {
  __builtin_memcpy(to, from, static_cast<std::size_t>(bytes));
}

template <class T>
void gather(const Work<T>& w) {
  const std::int64_t bytes = w.p.in * static_cast<std::int64_t>(size_of(w.p.compute));
  parallel_for(w.p.pool, (w.counted + kLossChunk - 1) / kLossChunk, [&](std::int64_t chunk) {
    const std::int64_t end = smaller((chunk + 1) * kLossChunk, w.counted);
    for (std::int64_t i = chunk * kLossChunk; i < end; ++i) {
      copy_bytes(w.h + i * bytes, static_cast<const char*>(w.p.h) + w.row[i] * bytes, bytes);
    }
  });
}

// Logits of `rows` counted rows from `begin` on, columns of one panel; exp(z - m) goes to z unless that is null.
template <class T>
void logits_tile(const Work<T>& w, int panel, std::int64_t begin, std::int64_t rows, T* z, TileSum<T>* sums) {
  const cpu::Panel cols = cpu::panel_of(w.weight, panel);
  const std::int64_t in = w.p.in, valid = larger(0, smaller(cols.size, w.columns - cols.begin));
  T* tile = tile_memory<T>(rows * cols.size);
  const cpu::gemm::Operand h = {element(w.h, w.p.compute, begin * in), w.p.compute, rows, in, in, 1};
  cpu::gemm::provider().multiply_packed(h, w.weight, panel, {tile, cols.size, false});
  for (std::int64_t i = 0; i < rows; ++i) {
    T* line = tile + i * cols.size;
    const std::int64_t target = w.p.targets[w.row[begin + i]] - cols.begin;
    if (target >= 0 && target < cols.size) w.target[begin + i] = line[target];
    TileSum<T>& sum = sums[i * w.weight.panels];
    sum.largest = largest_of_row(line, valid);
    sum.sum = exponential_row(line, sum.largest, valid);
    if (z == nullptr) continue;
    clear_row(line + valid, cols.size - valid);
    copy_row(line, z + i * w.p.vocab, cols.size);
  }
}

// Step 1 for counted rows [begin, begin + rows). z: (rows, vocab), or null when only the sums are wanted.
template <class T>
void make_logits(const Work<T>& w, std::int64_t begin, std::int64_t rows, T* z, TileSum<T>* sums) {
  for_each_tile(w.p.pool, rows, w.weight.panels, [&](int panel, std::int64_t first, std::int64_t count) {
    T* there = z == nullptr ? nullptr : z + first * w.p.vocab + cpu::panel_of(w.weight, panel).begin;
    logits_tile(w, panel, begin + first, count, there, sums + first * w.weight.panels + panel);
  });
}

// logsumexp of a row from its tiles, in order.
template <class T>
double logsumexp(const TileSum<T>* tiles, int count) {
  double largest = static_cast<double>(tiles[0].largest), sum = 0;
  for (int t = 1; t < count; ++t)
    largest = tiles[t].largest > largest ? static_cast<double>(tiles[t].largest) : largest;
  for (int t = 0; t < count; ++t) {
    if (tiles[t].sum > 0)
      sum += static_cast<double>(tiles[t].sum) * ::exp(static_cast<double>(tiles[t].largest) - largest);
  }
  return largest + ::log(sum);
}

// Step 2 for one counted row: its loss, and dz from the exponentials in z. dz may be z itself.
template <class T>
void finish_row(const Work<T>& w, std::int64_t i, const TileSum<T>* tiles, T* z, void* dz) {
  const double lse = logsumexp(tiles, w.weight.panels), weight = w.p.weights[w.row[i]];
  w.loss[i] = lse - static_cast<double>(w.target[i]);
  if (z == nullptr) return;
  for (int t = 0; t < w.weight.panels; ++t) {
    const cpu::Panel cols = cpu::panel_of(w.weight, t);
    const double factor = tiles[t].sum > 0 ? weight * ::exp(static_cast<double>(tiles[t].largest) - lse) : 0.0;
    scale_row(z + cols.begin, static_cast<T>(factor), cols.size);
  }
  z[w.p.targets[w.row[i]]] = static_cast<T>(weight * ::expm1(-w.loss[i]));
  if (dz != z) store_row(z, dz, w.p.compute, 0, w.p.vocab);
}

template <class T>
void finish_rows(const Work<T>& w, std::int64_t begin, std::int64_t rows, const TileSum<T>* sums, T* z, char* dz) {
  constexpr std::int64_t kRows = 8;
  const std::int64_t line = w.p.vocab * static_cast<std::int64_t>(size_of(w.p.compute));
  parallel_for(w.p.pool, (rows + kRows - 1) / kRows, [&](std::int64_t task) {
    for (std::int64_t i = task * kRows; i < smaller((task + 1) * kRows, rows); ++i) {
      T* values = z == nullptr ? nullptr : z + i * w.p.vocab;
      finish_row(w, begin + i, sums + i * w.weight.panels, values, z == nullptr ? nullptr : dz + i * line);
    }
  });
}

// Step 3: dh = dz W, written to where the rows came from.
template <class T>
void make_dh(const Work<T>& w, std::int64_t begin, std::int64_t rows, const char* dz) {
  const kernels::OutputLoss& p = w.p;
  const auto& weight =
      cpu::packed_weight(*p.packed, cpu::WeightUse::kBackward, {p.weight, p.vocab, p.in, p.compute}, *p.pool);
  for_each_tile(p.pool, rows, weight.panels, [&](int panel, std::int64_t first, std::int64_t count) {
    const cpu::Panel cols = cpu::panel_of(weight, panel);
    T* tile = tile_memory<T>(count * cols.size);
    const cpu::gemm::Operand a = {element(dz, p.compute, first * p.vocab), p.compute, count, p.vocab, p.vocab, 1};
    cpu::gemm::provider().multiply_packed(a, weight, panel, {tile, cols.size, false});
    for (std::int64_t i = 0; i < count; ++i) {
      store_row(tile + i * cols.size, p.dh, p.compute, w.row[begin + first + i] * p.in + cols.begin, cols.size);
    }
  });
}

// Memory for the nodes of the tree that wait between batches; node 0 is the result itself.
class WaitingNodes {
 public:
  explicit WaitingNodes(const kernels::OutputLoss& p)
      : p_(p), bytes_(p.vocab * p.in * static_cast<std::int64_t>(size_of(accumulator_of(p.compute)))) {
    node_[0] = p.dweight;
  }
  ~WaitingNodes() {
    for (int i = 1; i < count_; ++i) p_.release(p_.arena, node_[i], bytes_);
  }
  WaitingNodes(const WaitingNodes&) = delete;
  WaitingNodes& operator=(const WaitingNodes&) = delete;

  void provide(int count) {
    for (; count_ < count; ++count_) node_[count_] = p_.allocate(p_.arena, bytes_);
  }
  void* const* data() const { return node_; }

 private:
  const kernels::OutputLoss& p_;
  std::int64_t bytes_;
  void* node_[64];
  int count_ = 1;
};

// Chunks whose score gradients are held at the same time.
struct Batch {
  std::int64_t begin, end;
  ShardRows* parts;
  int count;
};

std::int64_t batch_rows(const kernels::OutputLoss& p) {
  return larger(kLossChunk, kScoreBytes / (p.vocab * static_cast<std::int64_t>(size_of(p.compute))));
}

// Takes chunks from the walk while they fit.
template <class T>
Batch next_batch(const Work<T>& w, ChunkWalk& walk, const char* dz) {
  const std::int64_t most = batch_rows(w.p), chunks = w.p.shards + w.p.rows / kLossChunk + 1;
  Batch batch = {0, 0, static_cast<ShardRows*>(cpu::workspace(cpu::Workspace::kParts, bytes_of<ShardRows>(chunks))), 0};
  for (bool first = true; !walk.done(); first = false) {
    const Chunk chunk = walk.current(w.counted);
    if (first) batch.begin = chunk.begin;
    if (!first && chunk.end - batch.begin > most) break;
    batch.parts[batch.count++] = {element(dz, w.p.compute, (chunk.begin - batch.begin) * w.p.vocab),
                                  element(w.h, w.p.compute, chunk.begin * w.p.in), chunk.end - chunk.begin, chunk.opens,
                                  chunk.closes};
    batch.end = chunk.end;
    walk.advance(chunk);
  }
  return batch;
}

// Steps 1 and 2. float32 and float64 logits turn into dz where they lie; bfloat16 needs room for a chunk of float32.
template <class T>
void score_batch(const Work<T>& w, const Batch& batch, char* dz, T* logits) {
  const bool in_place = static_cast<void*>(logits) == static_cast<void*>(dz);
  const std::int64_t rows = batch.end - batch.begin, step = in_place ? larger(rows, 1) : kLossChunk;
  for (std::int64_t first = 0; first < rows; first += step) {
    const std::int64_t count = smaller(step, rows - first);
    make_logits(w, batch.begin + first, count, logits, w.tiles);
    finish_rows(w, batch.begin + first, count, w.tiles, logits,
                const_cast<char*>(element(dz, w.p.compute, first * w.p.vocab)));
  }
}

template <class T>
void make_gradients(const Work<T>& w) {
  const kernels::OutputLoss& p = w.p;
  const std::int64_t most = smaller(batch_rows(p), larger(w.counted, 1));
  const Block scores(p, most * p.vocab * static_cast<std::int64_t>(size_of(p.compute)));
  const bool in_place = p.compute == accumulator_of(p.compute);
  const Block chunk(p, in_place ? 0 : bytes_of<T>(smaller(kLossChunk, most) * p.vocab));
  char* dz = scores.as<char>();
  T* logits = in_place ? scores.as<T>() : chunk.as<T>();
  WaitingNodes nodes(p);
  ChunkWalk walk(p, w.row);
  for (std::int64_t closed = 0; !walk.done();) {
    const bool open = walk.current(w.counted).opens == false;
    const Batch batch = next_batch(w, walk, dz);
    score_batch(w, batch, dz, logits);
    make_dh(w, batch.begin, batch.end - batch.begin, dz);
    ShardProduct product = {batch.parts, batch.count, p.vocab, p.in,    p.vocab, p.in,
                            p.compute,   closed,      open,    nullptr, p.pool};
    nodes.provide(nodes_in_memory(product));
    product.nodes = nodes.data();
    shard_product(product);
    for (int i = 0; i < batch.count; ++i) closed += batch.parts[i].closes ? 1 : 0;
  }
}

template <class T>
void clear_uncounted(const kernels::OutputLoss& p) {
  const std::int64_t bytes = p.in * static_cast<std::int64_t>(size_of(p.compute));
  for (std::int64_t n = 0; n < p.rows; ++n) {
    if (p.row_loss != nullptr && p.weights[n] == 0.0) p.row_loss[n] = 0;
    if (p.dh == nullptr || p.weights[n] != 0.0) continue;
    __builtin_memset(static_cast<char*>(p.dh) + n * bytes, 0, static_cast<std::size_t>(bytes));
  }
}

// Each shard's loss in the order of its rows.
template <class T>
void add_losses(const Work<T>& w) {
  const std::int64_t shard_rows = w.p.rows / w.p.shards;
  for (int s = 0; s < w.p.shards; ++s) w.p.loss[s] = 0;
  for (std::int64_t i = 0; i < w.counted; ++i) {
    const std::int64_t n = w.row[i];
    w.p.loss[n / shard_rows] += w.p.weights[n] * w.loss[i];
    if (w.p.row_loss != nullptr) w.p.row_loss[n] = w.loss[i];
  }
}

template <class T>
void run(const kernels::OutputLoss& p) {
  const auto& weight =
      cpu::packed_weight(*p.packed, cpu::WeightUse::kForward, {p.weight, p.vocab, p.in, p.compute}, *p.pool);
  const std::int64_t counted = counted_rows(p), columns = p.logit_columns > 0 ? p.logit_columns : p.vocab;
  const bool gradients = p.dh != nullptr;
  const std::int64_t held = gradients ? smaller(batch_rows(p), counted) : counted;
  const Block row(p, bytes_of<std::int64_t>(counted)), target(p, bytes_of<T>(counted)),
      loss(p, bytes_of<double>(counted));
  const Block h(p, counted * p.in * static_cast<std::int64_t>(size_of(p.compute)));
  const Block tiles(p, bytes_of<TileSum<T>>(held * weight.panels));
  const Work<T> w = {p,
                     weight,
                     counted,
                     columns,
                     row.as<std::int64_t>(),
                     h.as<char>(),
                     tiles.as<TileSum<T>>(),
                     target.as<T>(),
                     loss.as<double>()};
  list_rows(p, w.row);
  gather(w);
  clear_uncounted<T>(p);
  if (gradients) {
    make_gradients(w);
  } else {
    make_logits<T>(w, 0, counted, nullptr, w.tiles);
    finish_rows<T>(w, 0, counted, w.tiles, nullptr, nullptr);
  }
  add_losses(w);
}

}  // namespace

void output_loss(const kernels::OutputLoss& p) {
  if (p.compute == DType::kFloat64) return run<double>(p);
  run<float>(p);
}

}  // namespace wudao::WUDAO_ISA
