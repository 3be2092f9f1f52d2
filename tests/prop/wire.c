/* SPDX-License-Identifier: Apache-2.0 */
/* Every message: what decodes encodes to the same bytes; nothing is read beyond the body. */
#include "gyr_test.h"

#include <string.h>

#include "gyr_wire.h"

#define MESSAGES(X)                                                                                \
	X(hello, HELLO)                                                                            \
	X(submit, SUBMIT)                                                                          \
	X(chunk_begin, CHUNK_BEGIN)                                                                \
	X(chunk, CHUNK)                                                                            \
	X(status, STATUS)                                                                          \
	X(ping, PING)                                                                              \
	X(rerequest, REREQUEST)                                                                    \
	X(goodbye, GOODBYE)                                                                        \
	X(challenge, CHALLENGE)                                                                    \
	X(welcome, WELCOME)                                                                        \
	X(ordered, ORDERED)                                                                        \
	X(durable, DURABLE)                                                                        \
	X(executed, EXECUTED)                                                                      \
	X(skipped, SKIPPED)                                                                        \
	X(rejected, REJECTED)                                                                      \
	X(status_reply, STATUS_REPLY)                                                              \
	X(pong, PONG)                                                                              \
	X(void, VOID)                                                                              \
	X(rate, RATE)                                                                              \
	X(closed, CLOSED)

static uint64_t seed;

/* Mostly small bytes and zeros, so that a good part passes the checks of fields. */
static uint8_t *random_body(size_t length)
{
	uint8_t *body = malloc(length + 1); /* exact, so that ASan sees a read beyond */
	uint64_t style = gyr_test_random(&seed) % 4;

	assert_non_null(body);
	for (size_t i = 0; i < length; i++) {
		uint64_t r = gyr_test_random(&seed);

		body[i] = style == 0   ? 0
			  : style == 1 ? (uint8_t)((r & 15) == 0 ? r >> 8 & 3 : 0)
			  : style == 2 ? (uint8_t)((r & 31) == 0 ? r >> 8 : 0)
				       : (uint8_t)(r >> 8);
	}
	return realloc(body, length == 0 ? 1 : length);
}

#define CHECK(name, NAME)                                                                          \
	static void name##_round_trips(void **state)                                               \
	{                                                                                          \
		unsigned good = 0;                                                                 \
                                                                                                   \
		(void)state;                                                                       \
		for (unsigned i = 0; i < 4000; i++) {                                              \
			struct gyr_wire_##name message;                                            \
			size_t extra = i % 3 == 0 ? 0 : gyr_test_random(&seed) % 80;               \
			size_t length = i % 7 == 0 ? extra : GYR_WIRE_##NAME##_BYTES + extra;      \
			uint8_t *body = random_body(length);                                       \
			uint8_t back[512];                                                         \
			size_t used;                                                               \
                                                                                                   \
			assert_non_null(body);                                                     \
			if (#NAME[0] == 'C' && length >= 24 && i % 2 == 0)                         \
				gyr_store_be32(body + 20, 1 + i); /* CHUNK_BEGIN wants a length */ \
			if (#NAME[0] == 'R' && length == 8 && i % 2 == 0)                          \
				gyr_store_be32(body + 4, 1 + i % 256); /* REREQUEST a count */     \
			if (gyr_wire_##name##_decode(&message, body, length) == GYR_VERDICT_OK) {  \
				good++;                                                            \
				used = gyr_wire_##name##_encode(back, sizeof back, &message, 0);   \
				assert_int_equal(used, length + GYR_WIRE_BLOCK_BYTES);             \
				assert_int_equal(back[0], GYR_WIRE_##NAME);                        \
				assert_int_equal(gyr_load_be16(back + 2), length);                 \
				assert_memory_equal(back + GYR_WIRE_BLOCK_BYTES, body, length);    \
				assert_int_equal(                                                  \
					gyr_wire_##name##_encode(back, used - 1, &message, 0), 0); \
			} else {                                                                   \
				assert_true(length + 1 > GYR_WIRE_##NAME##_BYTES ||                \
					    gyr_wire_##name##_decode(&message, body, length) ==    \
						    GYR_VERDICT_MESSAGE_TRUNCATED);                \
			}                                                                          \
			free(body);                                                                \
		}                                                                                  \
		assert_true(good > 20);                                                            \
	}

MESSAGES(CHECK)

int main(void)
{
#define ROW(name, NAME) cmocka_unit_test(name##_round_trips),
	const struct CMUnitTest tests[] = { MESSAGES(ROW) };

	seed = gyr_test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
