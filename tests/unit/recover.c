/* SPDX-License-Identifier: Apache-2.0 */
/* The recovery class: how a driver is chosen, the self-test, the shadow check, the stub. */
#include "gyr_test.h"

#include <string.h>

#include "gyr_err.h"
#include "gyr_recover.h"
#include "gyr_recover_portable.h"
#include "gyr_recover_secp256k1.h"
#include "gyr_recover_stub.h"

static alignas(64) uint8_t memory[4 << 20];

/* The portable driver with one lie: it answers `lie_at` wrongly when the batch is that large. */
static unsigned lie_at;
static unsigned fini_count;

static uint64_t lying_batch(void *context, struct gyr_address *address, uint8_t (*public_key)[64],
			    const struct gyr_recover_request *in, unsigned count)
{
	uint64_t valid = gyr_recover_portable.batch(context, address, public_key, in, count);

	if (lie_at < count)
		address[lie_at].bytes[19] ^= 1;
	return valid;
}

static int refusing_init(void *context, const uint8_t seed[GYR_RECOVER_SEED_LENGTH])
{
	(void)context;
	(void)seed;
	GYR_FAIL(GYR_ERR_UNSUPPORTED, "this machine cannot");
}

static void counting_fini(void *context)
{
	fini_count++;
	gyr_recover_portable.fini(context);
}

static struct gyr_recover_ops liar(void)
{
	struct gyr_recover_ops ops = gyr_recover_portable;

	ops.name = "liar";
	ops.batch = lying_batch;
	ops.fini = counting_fini;
	return ops;
}

static int choose(struct gyr_recover *recover, const struct gyr_recover_ops *const *candidates,
		  unsigned count, const char *forced, uint64_t shadow_every)
{
	struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);
	struct gyr_recover_conf conf = {
		.candidates = candidates,
		.candidate_count = count,
		.reference = &gyr_recover_portable,
		.forced = forced,
		.shadow_every = shadow_every,
	};
	int error = gyr_recover_init(recover, &arena, &conf);

	assert_true(arena.used <= gyr_recover_memory(&conf));
	return error;
}

static void the_first_driver_that_works_is_chosen(void **state)
{
	struct gyr_recover_ops refusing = gyr_recover_portable;
	const struct gyr_recover_ops *candidates[] = { &gyr_recover_stub, &refusing,
						       &gyr_recover_secp256k1 };
	struct gyr_recover recover;

	(void)state;
	refusing.name = "refusing";
	refusing.init = refusing_init;
	assert_int_equal(choose(&recover, candidates, 3, NULL, 10), 0);
	assert_ptr_equal(recover.ops, &gyr_recover_secp256k1);
	assert_string_equal(recover.reason, "refusing: this machine cannot");
	gyr_recover_fini(&recover);

	assert_int_equal(choose(&recover, candidates, 2, "auto", 10), 0);
	assert_ptr_equal(recover.ops, &gyr_recover_portable);
	assert_true(recover.shadow_every == 0); /* nothing to compare with */
	gyr_recover_fini(&recover);

	assert_int_equal(choose(&recover, candidates, 3, "portable", 10), 0);
	assert_ptr_equal(recover.ops, &gyr_recover_portable);
	assert_string_equal(recover.reason, "");
	gyr_recover_fini(&recover);
}

static void forcing_a_driver_that_cannot_run_fails(void **state)
{
	struct gyr_recover_ops refusing = gyr_recover_portable;
	const struct gyr_recover_ops *candidates[] = { &refusing };
	struct gyr_recover recover;

	(void)state;
	refusing.name = "refusing";
	refusing.init = refusing_init;
	assert_int_equal(choose(&recover, candidates, 1, "refusing", 0), -GYR_ERR_UNSUPPORTED);
	assert_int_equal(choose(&recover, candidates, 1, "nothing", 0), -GYR_ERR_CONFIG);
	gyr_err_clear();
}

static void a_driver_that_fails_the_self_test_is_not_chosen(void **state)
{
	struct gyr_recover_ops ops = liar();
	const struct gyr_recover_ops *candidates[] = { &ops };
	struct gyr_recover recover;

	(void)state;
	for (lie_at = 0; lie_at < GYR_RECOVER_BATCH_MAX; lie_at += 21) {
		fini_count = 0;
		assert_int_equal(choose(&recover, candidates, 1, NULL, 10), 0);
		assert_ptr_equal(recover.ops, &gyr_recover_portable);
		assert_non_null(strstr(recover.reason, "driver liar fails vector"));
		assert_int_equal(fini_count, 1);
		gyr_recover_fini(&recover);
		assert_int_equal(choose(&recover, candidates, 1, "liar", 10), -GYR_ERR_MISMATCH);
		gyr_err_clear();
	}
}

/* A valid signature: of the hash 5 under the nonce 2 and the key that follows. */
static void valid_request(struct gyr_recover_request *request)
{
	static const uint8_t x2[32] = { 0xc6, 0x04, 0x7f, 0x94, 0x41, 0xed, 0x7d, 0x6d,
					0x30, 0x45, 0x40, 0x6e, 0x95, 0xc0, 0x7c, 0xd8,
					0x5c, 0x77, 0x8e, 0x4b, 0x8c, 0xef, 0x3c, 0xa7,
					0xab, 0xac, 0x09, 0xb9, 0x5c, 0x70, 0x9e, 0xe5 };

	memset(request, 0, sizeof *request);
	request->hash[31] = 5;
	memcpy(request->r, x2, 32);
	request->s[31] = 9;
}

static void the_shadow_check_repeats_one_in_n_and_stops_on_a_difference(void **state)
{
	struct gyr_recover_ops ops = liar();
	const struct gyr_recover_ops *candidates[] = { &ops };
	struct gyr_recover_request in[GYR_RECOVER_BATCH_MAX];
	struct gyr_address address[GYR_RECOVER_BATCH_MAX];
	struct gyr_recover recover;
	uint64_t valid = 0;

	(void)state;
	for (unsigned i = 0; i < GYR_COUNT(in); i++)
		valid_request(&in[i]);
	lie_at = GYR_RECOVER_BATCH_MAX;
	assert_int_equal(choose(&recover, candidates, 1, NULL, 100), 0);
	assert_ptr_equal(recover.ops, &ops);
	for (int i = 0; i < 10; i++)
		assert_int_equal(gyr_recover_batch(&recover, &valid, address, NULL, in, 64), 0);
	assert_true(valid == UINT64_MAX);
	assert_int_equal(recover.request_count, 640);
	assert_int_equal(recover.shadow_count, 6);
	/* The 60 th of the next batch is due: a lie elsewhere passes, one there does not. */
	lie_at = 58;
	assert_int_equal(gyr_recover_batch(&recover, &valid, address, NULL, in, 58), 0);
	lie_at = 1;
	assert_int_equal(gyr_recover_batch(&recover, &valid, address, NULL, in, 4),
			 -GYR_ERR_MISMATCH);
	assert_non_null(strstr(gyr_err_cause(), "differ"));
	gyr_err_clear();
	gyr_recover_fini(&recover);
}

static void the_shadow_check_covers_known_senders(void **state)
{
	const struct gyr_recover_ops *candidates[] = { &gyr_recover_secp256k1 };
	struct gyr_recover_request in;
	struct gyr_address address, other = { { 1 } };
	struct gyr_recover recover;
	uint64_t valid;

	(void)state;
	valid_request(&in);
	assert_int_equal(choose(&recover, candidates, 1, NULL, 1), 0);
	assert_int_equal(gyr_recover_batch(&recover, &valid, &address, NULL, &in, 1), 0);
	assert_true(valid == 1);
	assert_int_equal(gyr_recover_shadow(&recover, &in, true, &address), 0);
	assert_int_equal(gyr_recover_shadow(&recover, &in, false, &other), 0);
	assert_int_equal(gyr_recover_shadow(&recover, &in, false, &address), -GYR_ERR_MISMATCH);
	assert_int_equal(gyr_recover_shadow(&recover, &in, true, &other), -GYR_ERR_MISMATCH);
	assert_int_equal(recover.shadow_count, 5);
	gyr_err_clear();
	gyr_recover_fini(&recover);
}

static void the_stub_takes_the_sender_from_r(void **state)
{
	const struct gyr_recover_ops *candidates[] = { &gyr_recover_secp256k1, &gyr_recover_stub };
	struct gyr_recover_request in[3] = { 0 };
	struct gyr_address address[3];
	uint8_t key[3][64];
	struct gyr_recover recover;
	uint64_t valid;

	(void)state;
	for (int i = 0; i < 20; i++)
		in[0].r[12 + i] = in[2].r[12 + i] = (uint8_t)(i + 1);
	in[2].parity = 4;
	assert_int_equal(choose(&recover, candidates, 2, "stub", 1), 0);
	assert_int_equal(gyr_recover_batch(&recover, &valid, address, key, in, 3), 0);
	assert_true(valid == 1);
	assert_memory_equal(address[0].bytes, in[0].r + 12, 20);
	gyr_recover_fini(&recover);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_driver_that_works_is_chosen),
		cmocka_unit_test(forcing_a_driver_that_cannot_run_fails),
		cmocka_unit_test(a_driver_that_fails_the_self_test_is_not_chosen),
		cmocka_unit_test(the_shadow_check_repeats_one_in_n_and_stops_on_a_difference),
		cmocka_unit_test(the_shadow_check_covers_known_senders),
		cmocka_unit_test(the_stub_takes_the_sender_from_r),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
