// Which provider runs, and what it says of itself.
#include <cstdlib>

#ifdef WUDAO_WITH_ONEDNN
#include <omp.h>
#endif

#include "gemm_cases.h"
#include "wudao/base/error.h"

using namespace gemm_cases;

namespace {

bool contains(const std::string& all, const std::string& part) { return all.find(part) != std::string::npos; }

// WUDAO_MATMUL for the length of a test.
class Wanted {
 public:
  explicit Wanted(const char* name) : before_(std::getenv("WUDAO_MATMUL") ? std::getenv("WUDAO_MATMUL") : "") {
    setenv("WUDAO_MATMUL", name, 1);
  }
  ~Wanted() { setenv("WUDAO_MATMUL", before_.c_str(), 1); }

 private:
  std::string before_;
};

}  // namespace

TEST(gemm_provider_is_the_one_asked_for) {
  for (const Provider* provider : all_providers()) {
    const Wanted wanted(provider->name);
    CHECK_EQUAL(&choose_provider(), provider);
  }
}

TEST(gemm_provider_unasked_is_the_first_built) {
  const Wanted wanted("");
  CHECK_EQUAL(&choose_provider(), all_providers().front());
}

TEST(gemm_unknown_provider_is_a_clear_error) {
  const Wanted wanted("mkl");
  const std::string message = MESSAGE_OF(ConfigError, choose_provider());
  CHECK(contains(message, "environment: WUDAO_MATMUL: expected one of the matrix providers built in ("));
  CHECK(contains(message, "plain"));
  CHECK(contains(message, "got \"mkl\""));
}

TEST(gemm_providers_name_the_instructions_that_run) {
  const std::string level = name_of(cpu_level());
  for (DType dtype : kTypes) CHECK(contains(plain_provider().describe(dtype), "wudao_rt " + level));
#ifdef WUDAO_WITH_ONEDNN
  const std::string float32 = onednn_provider().describe(DType::kFloat32),
                    bfloat16 = onednn_provider().describe(DType::kBFloat16);
  const bool runs_onednn = level.starts_with("avx512");
  CHECK(contains(float32, runs_onednn ? "oneDNN 3.2.0 brg:avx512_core" : "wudao_rt " + level));
  if (level == "avx512_bf16") CHECK(contains(bfloat16, "brg:avx512_core_bf16"));
  if (level != "avx512_bf16") CHECK(contains(bfloat16, "bfloat16 widened"));
#endif
}

#ifdef WUDAO_WITH_CBLAS
constexpr bool kCblas = true;
#else
constexpr bool kCblas = false;
#endif

// OpenBLAS under its own name where it runs, and the reason where it may not.
TEST(gemm_cblas_says_what_runs_and_why) {
  for (const Provider* provider : all_providers()) {
    if (std::string(provider->name) != "cblas") continue;
    for (DType dtype : {DType::kFloat32, DType::kBFloat16}) {
      const std::string kernel = provider->describe(dtype);
      CHECK(contains(kernel, "OpenBLAS"));
      if (contains(kernel, "wudao_rt"))
        CHECK(contains(kernel, "would use more") || contains(kernel, "does not treat rows alike"));
    }
  }
  CHECK_EQUAL(kCblas, contains(MESSAGE_OF(ConfigError, (Wanted("mkl"), choose_provider())), "cblas"));
}

// Nothing to leave alone where oneDNN was not built.
TEST(gemm_leaves_the_threads_of_openmp_as_they_were) {
#ifdef WUDAO_WITH_ONEDNN
  omp_set_num_threads(7);
  const Matrix a(20, 30, DType::kFloat32, true, 1), b(30, 40, DType::kFloat32, true, 2);
  Output c(20, 40, DType::kFloat32, 0.0);
  onednn_provider().multiply(a.operand(), b.operand(), c.result(false));
  CHECK_EQUAL(omp_get_max_threads(), 7);
#endif
}
