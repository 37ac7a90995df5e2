// Known answers of Random123 (Salmon et al., SC'11), philox4x32 with ten rounds.
#include "check.h"
#include "wudao/base/philox.h"

using wudao::philox::Key;
using wudao::philox::Words;

namespace {

void check_words(const Words& got, const Words& want) {
  for (int i = 0; i < 4; ++i) CHECK_EQUAL(got.v[i], want.v[i]);
}

}  // namespace

TEST(philox_gives_the_known_answer_for_zeros) {
  check_words(wudao::philox::philox4x32({{0, 0, 0, 0}}, 0, 0), {{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}});
}

TEST(philox_gives_the_known_answer_for_ones) {
  const std::uint32_t f = 0xffffffffu;
  check_words(wudao::philox::philox4x32({{f, f, f, f}}, f, f), {{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}});
}

TEST(philox_places_index_step_and_stream_in_the_counter) {
  const Key key{0x0123456789abcdefu, 7, 9};
  check_words(wudao::philox::draw(key, 0x500000003u), wudao::philox::philox4x32({{3, 5, 7, 9}}, 0x89abcdefu, 0x01234567u));
}

TEST(philox_uniform_stays_below_one) {
  CHECK_EQUAL(wudao::philox::uniform(0xffffffffu), 0x1.fffffep-1f);
  CHECK_EQUAL(wudao::philox::uniform(0), 0.0f);
}
