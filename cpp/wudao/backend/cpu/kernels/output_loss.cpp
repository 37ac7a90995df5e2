// Cross-entropy of the output projection. Per batch of counted rows:
//   1. logits piece by piece; each piece leaves, per row, its largest logit m and sum of exp(z - m), and exp(z - m)
//   itself
//      in dz's place and type
//   2. per row: logsumexp from the pieces in order, the loss, and the score gradient dz = weight (softmax - onehot)
//   3. dh = dz W;  4. the batch's share of dW = sum over shards of dz_s^T h_s
#include <cmath>

#include "wudao/backend/cpu/gemm/plain/panel.h"
#include "wudao/backend/cpu/kernels/linear_codes.h"
#include "wudao/backend/cpu/kernels/linear_rows.h"
#include "wudao/backend/cpu/kernels/linear_shards.h"
#include "wudao/backend/cpu/kernels/linear_tiles.h"
#include "wudao/backend/cpu/kernels/output_loss_plan.h"
#include "wudao/backend/cpu/kernels/types.h"

namespace wudao::WUDAO_ISA {
namespace {

template <class T>
constexpr std::int64_t bytes_of(std::int64_t count) {
  return count * static_cast<std::int64_t>(sizeof(T));
}

// Everything that the steps share. `row` lists the counted rows; positions below count among them.
template <class T>
struct Work {
  const kernels::OutputLoss& p;
  const cpu::gemm::PackedB* weight;  // null where it is quantised
  std::int64_t counted, columns, pieces;
  std::int64_t* row;
  char* h;       // (counted, in) compute: the counted rows of h
  T* largest;    // (rows of a batch, pieces) what each piece leaves behind of a row: its largest logit,
  T* sum;        // (rows of a batch, pieces) and the sum of exp(z - largest)
  T* target;     // (counted,) logit of the target
  double* loss;  // (counted,) unweighted
};

template <class T>
std::int64_t pieces_of(std::int64_t columns) {
  return (columns + gemm::kPieceCols<T> - 1) / gemm::kPieceCols<T>;
}

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

// exp(z - m) of one row of a piece, of which `valid` columns count; to `kept` unless that is null. Returns m and the
// sum.
template <class T, class S>
WUDAO_INLINE void exponentials(const T* z, std::int64_t valid, std::int64_t cols, S* kept, T* largest, T* total) {
  constexpr int kN = Vec<T>::kWidth;
  constexpr T kLeast = -static_cast<T>(__builtin_huge_val());
  Vec<T> most = Vec<T>::splat(kLeast), sums = Vec<T>::splat(0);
  for_vectors<kN>(
      0, valid, [&](std::int64_t j, auto lanes) { most = larger_of(only(lanes, Vec<T>::load(z + j), kLeast), most); });
  const T m = maximum(most);
  for_vectors<kN>(0, valid, [&](std::int64_t j, auto lanes) {
    const Vec<T> e = exp(Vec<T>::load(z + j) - m);
    if (kept != nullptr) e.store(kept + j, lanes);
    sums += only(lanes, e, T{0});
  });
  if (kept != nullptr) __builtin_memset(kept + valid, 0, static_cast<std::size_t>(cols - valid) * sizeof(S));
  *largest = m, *total = sum(sums);
}

// Step 1 for a piece; `begin` is the first counted row of the chunk at work. dz: (rows of the chunk, vocab) or null.
template <class S, class T>
void keep_piece(const Work<T>& w, std::int64_t begin, const gemm::Piece<T>& piece, S* dz) {
  const std::int64_t valid = larger(0, smaller(piece.cols, w.columns - piece.col));
  for (std::int64_t r = 0; r < piece.rows; ++r) {
    const T* z = piece.sums + r * piece.line;
    const std::int64_t row = piece.row + r, target = w.p.targets[w.row[begin + row]] - piece.col;
    if (target >= 0 && target < piece.cols) w.target[begin + row] = z[target];
    const std::int64_t at = row * w.pieces + piece.col / gemm::kPieceCols<T>;
    S* kept = dz == nullptr ? nullptr : dz + row * w.p.vocab + piece.col;
    exponentials(z, valid, piece.cols, kept, w.largest + at, w.sum + at);
  }
}

// Step 1 for counted rows [begin, begin + rows).
template <class S, class T>
void make_logits(const Work<T>& w, std::int64_t begin, std::int64_t rows, S* dz) {
  for_each_tile(w.p.pool, rows, w.weight->panels, [&](int panel, std::int64_t first, std::int64_t count) {
    const std::int64_t in = w.p.in;
    const cpu::gemm::Operand h = {element(w.h, w.p.compute, (begin + first) * in), w.p.compute, count, in, in, 1};
    gemm::multiply_panel<T>(h, *w.weight, panel, [&](gemm::Piece<T> piece) {
      piece.row += first;
      keep_piece(w, begin, piece, dz);
    });
  });
}

// Step 1 for all counted rows and a weight of few bits, some rows at a time. There are no gradients.
void make_logits_of_codes(const Work<float>& w) {
  const kernels::OutputLoss& p = w.p;
  const std::int64_t most = smaller(kLossChunk, larger(w.counted, 1));
  const Block scores(p, bytes_of<float>(most * p.vocab)), work(p, kernels::digit_bytes(most, p.in));
  kernels::LinearForward layer = {};
  layer.y = scores.as<float>(), layer.work = work.as<char>();
  layer.compute = p.compute, layer.y_type = DType::kFloat32;
  layer.in = p.in, layer.out = p.vocab, layer.pool = p.pool, layer.quantized = p.quantized;
  for (std::int64_t begin = 0; begin < w.counted; begin += most) {
    layer.x = element(w.h, p.compute, begin * p.in);
    layer.rows = smaller(most, w.counted - begin);
    forward_codes(layer);
    parallel_for(p.pool, layer.rows, [&](std::int64_t r) {
      for (std::int64_t col = 0; col < p.vocab; col += gemm::kPieceCols<float>) {
        const std::int64_t cols = smaller(gemm::kPieceCols<float>, p.vocab - col);
        keep_piece(w, 0, {scores.as<float>() + r * p.vocab + col, p.vocab, begin + r, 1, col, cols},
                   static_cast<float*>(nullptr));
      }
    });
  }
}

// logsumexp of a row from its pieces, in order. What is left in `sum` is each piece's share of the whole over its own
// sum: the factor that makes probabilities of its exponentials.
template <class T>
double logsumexp(const T* largest, T* sum, std::int64_t pieces) {
  const T most = largest_of_row(largest, pieces);
  double total = 0;
  for_vectors<Vec<T>::kWidth>(0, pieces, [&](std::int64_t t, auto lanes) {
    const Vec<T> scale = exp(Vec<T>::load(largest + t, lanes) - most), part = scale * Vec<T>::load(sum + t, lanes);
    T parts[Vec<T>::kWidth];
    part.store(parts);
    for (std::int64_t i = 0; i < smaller(Vec<T>::kWidth, pieces - t); ++i) total += static_cast<double>(parts[i]);
    scale.store(sum + t, lanes);
  });
  scale_row(sum, static_cast<T>(1 / total), pieces);
  return static_cast<double>(most) + ::log(total);
}

// Step 2 for a counted row, whose pieces are `at` of the batch's: its loss, and dz from the exponentials.
template <class S, class T>
void finish_row(const Work<T>& w, std::int64_t i, std::int64_t at, S* dz) {
  T* const shares = w.sum + at * w.pieces;
  const double lse = logsumexp(w.largest + at * w.pieces, shares, w.pieces), weight = w.p.weights[w.row[i]];
  w.loss[i] = lse - static_cast<double>(w.target[i]);
  if (dz == nullptr) return;
  for (std::int64_t t = 0; t < w.pieces; ++t) {
    const std::int64_t col = t * gemm::kPieceCols<T>;
    const T factor = static_cast<T>(weight) * shares[t];
    for_vectors<Vec<T>::kWidth>(col, smaller(col + gemm::kPieceCols<T>, w.p.vocab), [&](std::int64_t j, auto lanes) {
      (Vec<T>::load(dz + j, lanes) * factor).store(dz + j, lanes);
    });
  }
  const T of_target[] = {static_cast<T>(weight * ::expm1(-w.loss[i]))};
  store_row(of_target, dz + w.p.targets[w.row[i]], w.p.compute, 0, 1);
}

template <class S, class T>
void finish_rows(const Work<T>& w, std::int64_t begin, std::int64_t rows, S* dz) {
  constexpr std::int64_t kRows = 8;
  parallel_for(w.p.pool, (rows + kRows - 1) / kRows, [&](std::int64_t task) {
    for (std::int64_t i = task * kRows; i < smaller((task + 1) * kRows, rows); ++i)
      finish_row(w, begin + i, i, dz == nullptr ? nullptr : dz + i * w.p.vocab);
  });
}

// Step 3: dh = dz W, written to where the rows came from.
template <class T>
void make_dh(const Work<T>& w, std::int64_t begin, std::int64_t rows, const char* dz) {
  const kernels::OutputLoss& p = w.p;
  const auto& weight = cpu::packed_weight(plain_gemm, *p.packed, cpu::WeightUse::kBackward,
                                          {p.weight, p.vocab, p.in, p.compute}, *p.pool);
  for_each_tile(p.pool, rows, weight.panels, [&](int panel, std::int64_t first, std::int64_t count) {
    const cpu::gemm::Operand a = {element(dz, p.compute, first * p.vocab), p.compute, count, p.vocab, p.vocab, 1};
    gemm::multiply_panel<T>(a, weight, panel, [&](const gemm::Piece<T>& piece) {
      for (std::int64_t r = 0; r < piece.rows; ++r) {
        const std::int64_t row = w.row[begin + first + piece.row + r];
        store_row(piece.sums + r * piece.line, p.dh, p.compute, row * p.in + piece.col, piece.cols);
      }
    });
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

// Steps 1 and 2, a chunk at a time: its score gradients stay in the last cache in between.
template <class S, class T>
void score_batch(const Work<T>& w, const Batch& batch, S* dz) {
  for (std::int64_t first = batch.begin; first < batch.end; first += kLossChunk) {
    const std::int64_t rows = smaller(kLossChunk, batch.end - first);
    S* const scores = dz + (first - batch.begin) * w.p.vocab;
    make_logits(w, first, rows, scores);
    finish_rows(w, first, rows, scores);
  }
}

template <class T>
void make_gradients(const Work<T>& w) {
  const kernels::OutputLoss& p = w.p;
  const std::int64_t most = smaller(batch_rows(p), larger(w.counted, 1));
  const Block scores(p, most * p.vocab * static_cast<std::int64_t>(size_of(p.compute)));
  char* dz = scores.as<char>();
  WaitingNodes nodes(p);
  ChunkWalk walk(p, w.row);
  for (std::int64_t closed = 0; !walk.done();) {
    const bool open = walk.current(w.counted).opens == false;
    const Batch batch = next_batch(w, walk, dz);
    with_type_like<T>(p.compute, [&](auto compute) {
      score_batch(w, batch, reinterpret_cast<typename decltype(compute)::type*>(dz));
    });
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
  const cpu::Weight floats = {p.weight, p.vocab, p.in, p.compute};
  const auto* weight = p.quantized != nullptr
                           ? nullptr
                           : &cpu::packed_weight(plain_gemm, *p.packed, cpu::WeightUse::kForward, floats, *p.pool);
  const std::int64_t counted = counted_rows(p), columns = p.logit_columns > 0 ? p.logit_columns : p.vocab;
  const bool gradients = p.dh != nullptr;
  const std::int64_t held = gradients ? smaller(kLossChunk, counted) : counted, pieces = pieces_of<T>(p.vocab);
  const Block row(p, bytes_of<std::int64_t>(counted)), target(p, bytes_of<T>(counted)),
      loss(p, bytes_of<double>(counted));
  const Block h(p, counted * p.in * static_cast<std::int64_t>(size_of(p.compute)));
  const Block largest(p, bytes_of<T>(held * pieces)), sum(p, bytes_of<T>(held * pieces));
  const Work<T> w = {p,
                     weight,
                     counted,
                     columns,
                     pieces,
                     row.as<std::int64_t>(),
                     h.as<char>(),
                     largest.as<T>(),
                     sum.as<T>(),
                     target.as<T>(),
                     loss.as<double>()};
  list_rows(p, w.row);
  gather(w);
  clear_uncounted<T>(p);
  if (gradients) {
    make_gradients(w);
  } else {
    if (weight != nullptr) make_logits<T>(w, 0, counted, static_cast<T*>(nullptr));
    if constexpr (sizeof(T) == 4) {
      if (weight == nullptr) make_logits_of_codes(w);
    }
    finish_rows<T>(w, 0, counted, static_cast<T*>(nullptr));
  }
  add_losses(w);
}

}  // namespace

void output_loss(const kernels::OutputLoss& p) {
  if (p.compute == DType::kFloat64) return run<double>(p);
  run<float>(p);
}

}  // namespace wudao::WUDAO_ISA
