#include "wudao/base/env.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "wudao/base/error.h"

namespace wudao {

const std::vector<EnvVariable>& env_variables() {
  static const std::vector<EnvVariable> table = {
      {"WUDAO_CPU_ISA",
       "caps our kernels and the matrix library: baseline, avx2, avx512, avx512_vnni, avx512_bf16, neon",
       "the highest level of the machine"},
      {"WUDAO_MATMUL", "who multiplies two activations: plain (our kernels), onednn or cblas",
       "plain on x86-64, else cblas"},
      {"WUDAO_NUM_THREADS", "threads of the pool", "cores that the process may use, shared with ranks of its node"},
      {"WUDAO_PIN_THREADS", "1 binds worker i to the i-th allowed processor", "0"},
      {"WUDAO_COMM_TIMEOUT", "seconds after which a collective that waits names the missing ranks and ends the job", "600"},
      {"WUDAO_COMM_SHARED", "0: ranks of one node exchange rows by messages, not in shared memory", "1"},
      {"WUDAO_MPI", "the MPI to use: mpich, standard, openmpi, or the path of its library", "the one that is loaded, else the first found"},
      {"OMP_NUM_THREADS", "upper bound of the default number of threads", "no bound"},
      {"OMPI_COMM_WORLD_LOCAL_SIZE", "ranks on this node, set by Open MPI's launcher", "one rank"},
      {"MPI_LOCALNRANKS", "ranks on this node, set by MPICH's launcher", "one rank"},
      {"LOCAL_WORLD_SIZE", "ranks on this node, set by other launchers", "one rank"},
      {"SLURM_STEP_TASKS_PER_NODE", "ranks on this node, set by srun", "one rank"},
      {"SLURM_NTASKS_PER_NODE", "ranks on this node, set by sbatch", "one rank"},
  };
  return table;
}

std::optional<std::string> env(const char* name) {
  for (const EnvVariable& variable : env_variables()) {
    if (std::strcmp(variable.name, name) != 0) continue;
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return std::string(value);
  }
  throw InternalError(text("env: ", name, " is not in the table of environment variables."));
}

std::optional<long> env_integer(const char* name, long low, long high) {
  const std::optional<std::string> value = env(name);
  if (!value) return std::nullopt;
  char* end = nullptr;
  errno = 0;
  const long number = std::strtol(value->c_str(), &end, 10);
  if (errno != 0 || *end != '\0' || number < low || number > high) {
    fail<ConfigError>("environment", name, text("a whole number from ", low, " to ", high), text('"', *value, '"'),
                      "Correct or unset it.");
  }
  return number;
}

}  // namespace wudao
