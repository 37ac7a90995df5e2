// One call of the attention kernels with its arrays, and the same by plain loops summed in T.
#pragma once

#include <limits>

#include "values.h"
#include "wudao/base/philox.h"
#include "wudao/kernels/attention.h"

namespace check {

struct AttentionCase {
  std::int64_t batch, heads, size, queries, past;
  DType dtype;
  double dropout = 0.0;
  std::int64_t spare = 0;  // keys beyond the last query

  std::int64_t keys() const { return past + queries + spare; }
  std::string text() const {
    return wudao::text("B", batch, " H", heads, " D", size, " Q", queries, " past ", past, " ", name_of(dtype),
                       " dropout ", dropout);
  }
};

inline std::vector<AttentionCase> attention_cases() {
  std::vector<AttentionCase> all;
  for (DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kFloat16, DType::kFloat64}) {
    all.push_back({1, 1, 1, 1, 0, dtype});
    all.push_back({2, 3, 5, 7, 0, dtype});
    all.push_back({2, 2, 64, 75, 0, dtype});
    all.push_back({1, 2, 32, 140, 0, dtype, 0.25});
    all.push_back({2, 1, 33, 20, 61, dtype, 0.5, 3});
    all.push_back({1, 2, 128, 40, 130, dtype});
  }
  return all;
}

struct AttentionRun {
  AttentionCase shape;
  Values q, k, v, y, softmax, dy, dq, dk, dv;
  std::vector<std::int32_t> sep;
  std::vector<std::uint8_t> mask;  // used when not empty
  std::int64_t first_sample = 0;

  explicit AttentionRun(const AttentionCase& s)
      : shape(s),
        q(Values::random(s.dtype, rows() * s.queries, 1)),
        k(Values::random(s.dtype, rows() * s.keys(), 2)),
        v(Values::random(s.dtype, rows() * s.keys(), 3)),
        y(s.dtype, q.size()),
        softmax(wudao::accumulator_of(s.dtype), static_cast<std::size_t>(2 * s.batch * s.heads * s.queries)),
        dy(Values::random(s.dtype, rows() * s.queries, 4)),
        dq(s.dtype, q.size()),
        dk(s.dtype, k.size()),
        dv(s.dtype, k.size()),
        sep(static_cast<std::size_t>(s.batch)) {}

  std::int64_t rows() const { return shape.batch * shape.heads * shape.size; }

  bool sees(std::int64_t b, std::int64_t i, std::int64_t j) const {
    if (!mask.empty()) return mask[static_cast<std::size_t>((b * shape.queries + i) * shape.keys() + j)] != 0;
    return j <= shape.past + i || j < sep[static_cast<std::size_t>(b)];
  }

  // The same visibility as an explicit mask.
  void use_mask() {
    std::vector<std::uint8_t> bytes;
    for (std::int64_t b = 0; b < shape.batch; ++b) {
      for (std::int64_t i = 0; i < shape.queries; ++i) {
        for (std::int64_t j = 0; j < shape.keys(); ++j) bytes.push_back(sees(b, i, j) ? 1 : 0);
      }
    }
    mask = bytes;
  }

  wudao::kernels::AttentionShape arguments() const {
    const bool explicit_form = !mask.empty();
    return {shape.batch,
            shape.heads,
            shape.size,
            shape.queries,
            shape.keys(),
            shape.past,
            explicit_form ? nullptr : sep.data(),
            explicit_form ? mask.data() : nullptr,
            shape.dtype,
            shape.dropout,
            {5, 2, 9},
            first_sample};
  }

  // (batch, rows, heads, size)
  wudao::kernels::Strided view(Values& x, std::int64_t length) const {
    return {x.data(), length * shape.heads * shape.size, shape.heads * shape.size, shape.size};
  }

  void forward(const wudao::kernels::Table& table, wudao::ThreadPool& pool) {
    const std::int64_t nq = shape.queries, nk = shape.keys();
    table.attention_forward({arguments(), view(q, nq), view(k, nk), view(v, nk), view(y, nq), softmax.data(), &pool});
  }

  void backward(const wudao::kernels::Table& table, wudao::ThreadPool& pool) {
    const std::int64_t nq = shape.queries, nk = shape.keys();
    table.attention_backward({arguments(), view(q, nq), view(k, nk), view(v, nk), view(y, nq), view(dy, nq),
                              view(dq, nq), view(dk, nk), view(dv, nk), softmax.data(), &pool});
  }

  // What a probability is multiplied by. The index is the one that backend/cpu/kernels/attention.h names.
  double kept(std::int64_t b, std::int64_t h, std::int64_t i, std::int64_t j) const {
    if (shape.dropout == 0.0) return 1;
    const auto pair = static_cast<std::uint64_t>((first_sample + b) * shape.heads + h);
    const std::uint64_t index =
        pair << 40 | static_cast<std::uint64_t>(shape.past + i) << 20 | static_cast<std::uint64_t>(j);
    return wudao::philox::uniform_at({5, 2, 9}, index) >= shape.dropout ? 1 / (1 - shape.dropout) : 0;
  }
};

struct AttentionResult {
  std::vector<double> y, dq, dk, dv;
};

template <class T>
class AttentionReference {
 public:
  explicit AttentionReference(const AttentionRun& run)
      : run_(run), s_(run.shape), y_(run.q.size()), dq_(run.q.size()), dk_(run.k.size()), dv_(run.k.size()) {
    for (std::int64_t b = 0; b < s_.batch; ++b) {
      for (std::int64_t h = 0; h < s_.heads; ++h) {
        for (std::int64_t i = 0; i < s_.queries; ++i) query(b, h, i);
      }
    }
  }

  AttentionResult result() const { return {wide(y_), wide(dq_), wide(dk_), wide(dv_)}; }

 private:
  static std::vector<double> wide(const std::vector<T>& x) { return {x.begin(), x.end()}; }

  std::size_t at(std::int64_t length, std::int64_t b, std::int64_t t, std::int64_t h) const {
    return static_cast<std::size_t>(((b * length + t) * s_.heads + h) * s_.size);
  }

  void query(std::int64_t b, std::int64_t h, std::int64_t i) {
    const auto size = static_cast<std::size_t>(s_.size), row = at(s_.queries, b, i, h);
    const auto keys = static_cast<std::size_t>(s_.keys());
    const T scale = 1 / std::sqrt(T(s_.size)), nothing = -std::numeric_limits<T>::infinity();
    std::vector<T> p(keys, nothing), dp(keys);
    T most = nothing, sum = 0, delta = 0;
    for (std::size_t j = 0; j < keys; ++j) {
      if (!run_.sees(b, i, static_cast<std::int64_t>(j))) continue;
      T score = 0;
      for (std::size_t d = 0; d < size; ++d)
        score += T(run_.q[row + d]) * scale * T(run_.k[at(s_.keys(), b, std::int64_t(j), h) + d]);
      p[j] = score;
      most = std::max(most, score);
    }
    for (T& x : p) sum += x = x == nothing ? 0 : std::exp(x - most);
    for (std::size_t j = 0; j < keys && sum > 0; ++j) {
      const std::size_t key = at(s_.keys(), b, std::int64_t(j), h);
      const T kept = T(run_.kept(b, h, i, std::int64_t(j)));
      p[j] /= sum;
      for (std::size_t d = 0; d < size; ++d) {
        y_[row + d] += p[j] * kept * T(run_.v[key + d]);
        dv_[key + d] += p[j] * kept * T(run_.dy[row + d]);
        dp[j] += T(run_.dy[row + d]) * T(run_.v[key + d]) * kept;
      }
      delta += p[j] * dp[j];
    }
    for (std::size_t j = 0; j < keys; ++j) {
      const std::size_t key = at(s_.keys(), b, std::int64_t(j), h);
      const T ds = p[j] == nothing || p[j] == 0 ? 0 : p[j] * (dp[j] - delta) * scale;
      for (std::size_t d = 0; d < size; ++d) {
        dq_[row + d] += ds * T(run_.k[key + d]);
        dk_[key + d] += ds * T(run_.q[row + d]);
      }
    }
  }

  const AttentionRun& run_;
  const AttentionCase& s_;
  std::vector<T> y_, dq_, dk_, dv_;
};

}  // namespace check
