// Mixtures of codes: softmax of scores with Gumbel noise, a row a task, sums in double in the order of the codes.
#include "wudao/backend/cpu/kernels/types.h"
#include "wudao/backend/cpu/simd/parallel.h"
#include "wudao/kernels/gumbel.h"

namespace wudao::WUDAO_ISA {
namespace {

template <class T>
struct Row {
  Row(const kernels::GumbelMixture& p, std::int64_t n)
      : products(static_cast<const T*>(p.products) + n * p.codes),
        squares(static_cast<const T*>(p.squares)),
        mixture(static_cast<T*>(p.mixture) + n * p.codes),
        codes(p.codes) {
    for (std::int64_t k = 0; k < codes; ++k) largest = score(k) > largest ? score(k) : largest;
    double total = 0;
    for (std::int64_t k = 0; k < codes; ++k) total += __builtin_exp(score(k) - largest);
    log_total = __builtin_log(total);
  }

  double score(std::int64_t k) const {
    return 2.0 * static_cast<double>(products[k]) - static_cast<double>(squares[k]);
  }
  // log(codes p), p without noise.
  double log_share(std::int64_t k) const {
    return score(k) - largest - log_total + __builtin_log(static_cast<double>(codes));
  }
  double divergence() const {
    double sum = 0;
    for (std::int64_t k = 0; k < codes; ++k) sum += share(k) * log_share(k);
    return sum;
  }
  double share(std::int64_t k) const { return __builtin_exp(score(k) - largest - log_total); }

  const T *products, *squares;
  T* mixture;
  std::int64_t codes;
  double largest = -__builtin_inf(), log_total = 0;
};

WUDAO_INLINE double gumbel(const philox::Key& key, std::int64_t index) {
  const double u = static_cast<double>(philox::uniform_at(key, static_cast<std::uint64_t>(index))) + 0x1.0p-25;
  return -__builtin_log(-__builtin_log(u));  // u lies within (0, 1)
}

template <class T>
void mix(const kernels::GumbelMixture& p, std::int64_t n, const Row<T>& row) {
  double largest = -__builtin_inf(), total = 0;
  for (std::int64_t k = 0; k < p.codes; ++k) {
    const double noise = p.noise ? gumbel(p.key, (p.first + n) * p.codes + k) : 0.0;
    row.mixture[k] = static_cast<T>((row.score(k) - row.largest + noise) / p.tau);
    largest = static_cast<double>(row.mixture[k]) > largest ? static_cast<double>(row.mixture[k]) : largest;
  }
  for (std::int64_t k = 0; k < p.codes; ++k) total += __builtin_exp(static_cast<double>(row.mixture[k]) - largest);
  for (std::int64_t k = 0; k < p.codes; ++k)
    row.mixture[k] = static_cast<T>(__builtin_exp(static_cast<double>(row.mixture[k]) - largest) / total);
}

template <class T>
void slopes(const kernels::GumbelMixture& p, std::int64_t n, const Row<T>& row) {
  auto* const slope = static_cast<T*>(p.slope) + n * p.codes;
  double mean = 0;
  for (std::int64_t k = 0; k < p.codes; ++k)
    mean += static_cast<double>(row.mixture[k]) * static_cast<double>(slope[k]);
  const double divergence = p.weight != 0.0 ? row.divergence() : 0.0;
  for (std::int64_t k = 0; k < p.codes; ++k) {
    double s = static_cast<double>(row.mixture[k]) * (static_cast<double>(slope[k]) - mean) / p.tau;
    if (p.weight != 0.0) s += p.weight * row.share(k) * (row.log_share(k) - divergence);
    slope[k] = static_cast<T>(2.0 * s);
  }
}

}  // namespace

void gumbel_forward(const kernels::GumbelMixture& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) {
    parallel_rows(p.pool, p.rows, p.codes, [&](std::int64_t n) {
      const Row<T> row(p, n);
      p.divergence[n] = row.divergence();
      mix<T>(p, n, row);
    });
  });
}

void gumbel_backward(const kernels::GumbelMixture& p) {
  with_accumulator(p.dtype, [&]<class T>(Type<T>) {
    parallel_rows(p.pool, p.rows, p.codes, [&](std::int64_t n) { slopes<T>(p, n, Row<T>(p, n)); });
  });
}

}  // namespace wudao::WUDAO_ISA
