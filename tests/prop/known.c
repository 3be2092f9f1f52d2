/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of known senders against recovery: "yes" exactly where libsecp256k1 recovers that key,
 * in groups of 1 to 8, with true, false and missing hints, and where sums collide.
 */
#include "recover_cases.h"

#include "gyr_err.h"
#include "gyr_known_ifma.h"
#include "gyr_recover_secp256k1.h"
#include "known_kernels.h"

#define KEY_COUNT 24

static alignas(64) uint8_t oracle_memory[1 << 20];
static alignas(64) uint8_t memory[8 << 20];
static struct gyr_known known;
static bool usable;

static int open_driver(void **state)
{
	struct gyr_arena arena = gyr_arena_over(memory, sizeof memory);
	struct gyr_known_conf conf = {
		.ops = &gyr_known_ifma, .slot_count = KEY_COUNT, .lane_count = 2, .seed = { 7 }
	};

	(void)state;
	assert_int_equal(gyr_recover_secp256k1.init(oracle_memory, conf.seed), 0);
	assert_true(gyr_known_memory(&conf) <= sizeof memory);
	usable = gyr_known_init(&known, &arena, &conf, &gyr_recover_secp256k1, oracle_memory) == 0;
	if (!usable)
		(void)printf("# SKIPPED: %s\n", gyr_err_cause());
	gyr_err_clear();
	return 0;
}

/* A key with its table in a slot of the pool, and its secret where it has one. */
struct key {
	uint8_t secret[32];
	uint8_t public_key[64];
	uint8_t *table;
};

static struct key keys[KEY_COUNT];

static void set_key(struct key *key, const uint8_t public_key[64])
{
	memcpy(key->public_key, public_key, 64);
	key->table = known.tables + (size_t)(key - keys) * gyr_known_ifma.table_size;
	assert_true(gyr_known_ifma.build(known.shared, key->table, public_key));
}

/* Tiny secrets, their negatives, random ones. */
static void set_keys(uint64_t *seed)
{
	for (unsigned i = 0; i < KEY_COUNT; i++) {
		uint8_t key[64];
		struct gyr_secp_scalar d = { { 1 + i / 2 } };

		if (i % 2 == 1)
			gyr_secp_scalar_negate(&d, &d);
		gyr_secp_scalar_to_bytes(keys[i].secret, &d);
		if (i >= 12)
			do
				recover_random_bytes(keys[i].secret, 32, seed);
			while (!gyr_secp_public_key(key, keys[i].secret));
		assert_true(gyr_secp_public_key(key, keys[i].secret));
		set_key(&keys[i], key);
	}
}

static bool oracle_says(const struct gyr_recover_request *in, const struct key *key)
{
	struct gyr_address address;
	uint8_t recovered[1][64];

	return gyr_recover_secp256k1.batch(oracle_memory, &address, recovered, in, 1) != 0 &&
	       memcmp(recovered[0], key->public_key, 64) == 0;
}

static uint64_t check_count, yes_count, undecided_count;

struct question {
	struct gyr_recover_request request;
	const struct key *key;
	uint8_t nonce_y[32], s_inverse[32];
	bool with_y, with_inverse;
};

static void ask(const struct question *question, unsigned count)
{
	struct gyr_known_check check[GYR_KNOWN_GROUP_MAX] = { { .request = NULL } };
	enum gyr_known_answer answer[GYR_KNOWN_GROUP_MAX];

	for (unsigned i = 0; i < count; i++)
		check[i] = (struct gyr_known_check){
			.request = &question[i].request,
			.table = question[i].key->table,
			.nonce_y = question[i].with_y ? question[i].nonce_y : NULL,
			.s_inverse = question[i].with_inverse ? question[i].s_inverse : NULL,
		};
	memset(answer, 0xff, sizeof answer);
	gyr_known_check(&known, answer, check, count);
	for (unsigned i = 0; i < count; i++) {
		bool expected = oracle_says(&question[i].request, question[i].key);

		check_count++;
		yes_count += expected;
		if (answer[i] == GYR_KNOWN_UNDECIDED) {
			undecided_count++;
			assert_false(expected);
			continue;
		}
		assert_int_equal(answer[i], expected ? GYR_KNOWN_YES : GYR_KNOWN_NO);
	}
}

/* Hints as the signer would give them, or spoilt. */
static void set_hints(struct question *question, uint64_t *seed)
{
	struct gyr_secp_scalar s;
	struct gyr_secp_affine nonce;
	struct gyr_secp_field x;

	memset(question->nonce_y, 0, 32);
	memset(question->s_inverse, 0, 32);
	(void)gyr_secp_scalar_from_bytes(&s, question->request.s);
	gyr_secp_scalar_inverse(&s, &s);
	gyr_secp_scalar_to_bytes(question->s_inverse, &s);
	(void)gyr_secp_field_from_bytes(&x, question->request.r);
	if (gyr_secp_affine_from_x(&nonce, &x, (question->request.parity & 1) != 0))
		gyr_secp_field_to_bytes(question->nonce_y, &nonce.y);
	question->with_y = gyr_test_random(seed) % 2 == 0;
	question->with_inverse = gyr_test_random(seed) % 2 == 0;
	switch (gyr_test_random(seed) % 10) {
	case 0:
		question->nonce_y[gyr_test_random(seed) % 32] ^= 4;
		break;
	case 1:
		question->s_inverse[gyr_test_random(seed) % 32] ^= 4;
		break;
	case 2: /* the other root: on the curve, of the other parity */
		gyr_secp_field_negate(&nonce.y, &nonce.y, 1);
		gyr_secp_field_normalize(&nonce.y);
		gyr_secp_field_to_bytes(question->nonce_y, &nonce.y);
		break;
	case 3:
		memset(question->nonce_y, 0xff, 32);
		memset(question->s_inverse, 0xff, 32);
		break;
	case 4:
		gyr_secp_scalar_negate(&s, &s);
		gyr_secp_scalar_to_bytes(question->s_inverse, &s);
		break;
	default:
		break;
	}
}

static void damage(struct gyr_recover_request *request, uint64_t *seed)
{
	uint64_t bit = gyr_test_random(seed);
	struct gyr_secp_scalar s;

	switch (gyr_test_random(seed) % 16) {
	case 0:
		request->parity ^= 1;
		break;
	case 1:
		request->parity ^= 2;
		break;
	case 2:
		request->r[bit % 32] ^= (uint8_t)(1u << (bit >> 8) % 8);
		break;
	case 3:
		request->s[bit % 32] ^= (uint8_t)(1u << (bit >> 8) % 8);
		break;
	case 4:
		request->hash[bit % 32] ^= (uint8_t)(1u << (bit >> 8) % 8);
		break;
	case 5:
		(void)gyr_secp_scalar_from_bytes(&s, request->s);
		gyr_secp_scalar_negate(&s, &s);
		gyr_secp_scalar_to_bytes(request->s, &s);
		request->parity ^= 1;
		break;
	case 6:
		memset(bit % 2 == 0 ? request->r : request->s, bit % 3 == 0 ? 0 : 0xff, 32);
		break;
	case 7:
		request->parity = (uint8_t)(bit % 256);
		break;
	default:
		break;
	}
}

/* Row m - 1 of a window is m times its base, in every bit. */
static void check_window(const struct ifma_row *row, const struct gyr_secp_point *base_point,
			 unsigned count)
{
	struct gyr_secp_point multiple[GYR_SECP_AFFINE_COUNT_MAX], sum = { .infinity = true };
	struct gyr_secp_affine affine[GYR_SECP_AFFINE_COUNT_MAX], base;

	assert_true(count <= GYR_SECP_AFFINE_COUNT_MAX);
	gyr_secp_point_to_affine(&base, base_point, 1);
	for (unsigned i = 0; i < count; i++) {
		gyr_secp_point_add_affine(&sum, &sum, &base);
		multiple[i] = sum;
	}
	gyr_secp_point_to_affine(affine, multiple, count);
	for (unsigned i = 0; i < count; i++) {
		struct ifma_row expected;

		gyr_secp_field_to_words(expected.word, &affine[i].x);
		gyr_secp_field_to_words(expected.word + 4, &affine[i].y);
		assert_memory_equal(&row[i], &expected, sizeof expected);
	}
}

static void every_row_of_a_table_is_its_multiple_of_the_key(void **state)
{
	static struct known_table tables[2];
	const struct gyr_known_ops *ops[2] = { &gyr_known_ifma, &gyr_known_ifma_checked };
	uint64_t seed = gyr_test_seed();

	(void)state;
	if (!usable)
		skip();
	set_keys(&seed);
	for (unsigned k = 0; k < KEY_COUNT; k++) {
		struct gyr_secp_affine key;
		struct gyr_secp_point point;

		memset(tables, 0x5a, sizeof tables);
		for (int i = 0; i < 2; i++)
			assert_true(ops[i]->build(known.shared, &tables[i], keys[k].public_key));
		assert_memory_equal(&tables[0], &tables[1], sizeof tables[0]);
		assert_true(gyr_secp_affine_from_key(&key, keys[k].public_key));
		gyr_secp_point_from_affine(&point, &key);
		for (int slice = 0; slice < KNOWN_SLICE_COUNT; slice++)
			for (int w = 0; w < KNOWN_Q_WINDOWS; w++) {
				check_window(tables[0].row[slice] + KNOWN_Q_FIRST_ROW(w), &point,
					     1u << (KNOWN_Q_BITS(w) - 1));
				for (int i = 0; i < KNOWN_Q_BITS(w); i++)
					gyr_secp_point_double(&point, &point);
			}
	}
	keys[0].public_key[63] ^= 1; /* not on the curve */
	assert_false(gyr_known_ifma.build(known.shared, &tables[0], keys[0].public_key));
}

static uint64_t wanted(uint64_t usual)
{
	return getenv("GYR_LONG") != NULL ? usual * 50 : usual;
}

static void signatures_of_the_key_and_damaged_ones(void **state)
{
	static struct question question[GYR_KNOWN_GROUP_MAX];
	uint64_t seed = gyr_test_seed();

	(void)state;
	if (!usable)
		skip();
	set_keys(&seed);
	check_count = yes_count = undecided_count = 0;
	for (uint64_t done = 0; done < wanted(20000);) {
		unsigned count = 1 + (unsigned)(gyr_test_random(&seed) % GYR_KNOWN_GROUP_MAX);

		for (unsigned i = 0; i < count; i++) {
			struct question *q = &question[i];
			const struct key *signer = &keys[gyr_test_random(&seed) % KEY_COUNT];

			memset(q, 0, sizeof *q);
			recover_random_bytes(q->request.hash, 32, &seed);
			assert_true(gyr_secp_sign(q->request.r, q->request.s, &q->request.parity,
						  q->request.hash, signer->secret));
			q->key = gyr_test_random(&seed) % 8 == 0
					 ? &keys[gyr_test_random(&seed) % KEY_COUNT]
					 : signer;
			damage(&q->request, &seed);
			set_hints(q, &seed);
		}
		ask(question, count);
		done += count;
	}
	(void)printf("# %llu checks, %llu yes, %llu undecided\n", (unsigned long long)check_count,
		     (unsigned long long)yes_count, (unsigned long long)undecided_count);
	assert_true(yes_count > check_count / 3);
}

/* Special values, r + n, collisions, infinity: the key is what recovery gives, where it gives one.
 */
static void whatever_recovers_is_recognized(void **state)
{
	static struct recover_cases cases;
	static struct question question[GYR_KNOWN_GROUP_MAX];
	uint64_t *seed = &cases.seed;

	(void)state;
	if (!usable)
		skip();
	recover_cases_init(&cases, gyr_test_seed());
	set_keys(seed);
	check_count = yes_count = undecided_count = 0;
	for (uint64_t round = 0; round < wanted(900); round++) {
		unsigned count = 1 + (unsigned)(gyr_test_random(seed) % GYR_KNOWN_GROUP_MAX);

		for (unsigned i = 0; i < count; i++) {
			struct question *q = &question[i];
			struct gyr_address address;
			uint8_t recovered[1][64];

			memset(q, 0, sizeof *q);
			do
				recover_case(&cases, &q->request);
			while (gyr_recover_secp256k1.batch(oracle_memory, &address, recovered,
							   &q->request, 1) == 0 &&
			       gyr_test_random(seed) % 8 != 0);
			if (memcmp(recovered[0], (uint8_t[64]){ 0 }, 64) != 0)
				set_key(&keys[i], recovered[0]);
			q->key = &keys[i];
			if (gyr_test_random(seed) % 4 == 0)
				q->request.parity ^= (uint8_t)(gyr_test_random(seed) % 4);
			set_hints(q, seed);
		}
		ask(question, count);
		for (unsigned i = 0; i < count; i++) /* the same alone, from the same tables */
			ask(&question[i], 1);
	}
	(void)printf("# %llu checks, %llu yes, %llu undecided\n", (unsigned long long)check_count,
		     (unsigned long long)yes_count, (unsigned long long)undecided_count);
	assert_true(yes_count > check_count / 3);
}

/* R = infinity: m = -r d, for any r and s. Never yes; what reaches the sums is undecided. */
static void a_nonce_at_infinity_is_never_accepted(void **state)
{
	static struct question question[GYR_KNOWN_GROUP_MAX];
	uint64_t seed = gyr_test_seed();

	(void)state;
	if (!usable)
		skip();
	set_keys(&seed);
	undecided_count = yes_count = 0;
	for (unsigned round = 0; round < wanted(200); round++) {
		unsigned count = 1 + round % GYR_KNOWN_GROUP_MAX;

		for (unsigned i = 0; i < count; i++) {
			struct question *q = &question[i];
			struct gyr_secp_scalar r, d;

			memset(q, 0, sizeof *q);
			q->key = &keys[gyr_test_random(&seed) % KEY_COUNT];
			recover_random_bytes(q->request.r, 32, &seed);
			recover_random_bytes(q->request.s, 32, &seed);
			q->request.r[0] &= 0x7f;
			q->request.s[0] &= 0x7f;
			q->request.parity = (uint8_t)(gyr_test_random(&seed) % 2);
			(void)gyr_secp_scalar_from_bytes(&r, q->request.r);
			(void)gyr_secp_scalar_from_bytes(&d, q->key->secret);
			gyr_secp_scalar_mul(&r, &r, &d);
			gyr_secp_scalar_negate(&r, &r);
			gyr_secp_scalar_to_bytes(q->request.hash, &r);
		}
		ask(question, count);
	}
	assert_int_equal(yes_count, 0);
	assert_true(undecided_count > 0);
}

/* Tiny u1 and u2 over tiny keys: sums that meet each other and the tables' own points. */
static void tiny_multiples_collide_harmlessly(void **state)
{
	static struct question question[GYR_KNOWN_GROUP_MAX];
	uint64_t seed = gyr_test_seed();
	unsigned count = 0, number = 0;

	(void)state;
	if (!usable)
		skip();
	set_keys(&seed);
	yes_count = check_count = 0;
	for (int key = 0; key < 12; key += 1)
		for (int a = -6; a <= 6; a++)
			for (int b = -6; b <= 6; b++) {
				struct question *q = &question[count];
				struct gyr_secp_scalar u1 = { { (uint64_t)abs(a) } };
				struct gyr_secp_scalar u2 = { { (uint64_t)abs(b) } };
				struct gyr_secp_scalar r, s;
				struct gyr_secp_affine base, nonce;
				struct gyr_secp_point sum;

				if (b == 0)
					continue;
				if (a < 0)
					gyr_secp_scalar_negate(&u1, &u1);
				if (b < 0)
					gyr_secp_scalar_negate(&u2, &u2);
				assert_true(gyr_secp_affine_from_key(&base, keys[key].public_key));
				gyr_secp_point_multiply(&sum, &u1, &base, &u2);
				if (sum.infinity)
					continue;
				gyr_secp_point_to_affine(&nonce, &sum, 1);
				memset(q, 0, sizeof *q);
				q->key = &keys[key];
				gyr_secp_field_to_bytes(q->request.r, &nonce.x);
				q->request.parity = gyr_secp_field_is_odd(&nonce.y);
				/* s = r / u2, m = s u1 */
				(void)gyr_secp_scalar_from_bytes(&r, q->request.r);
				gyr_secp_scalar_inverse(&s, &u2);
				gyr_secp_scalar_mul(&s, &s, &r);
				gyr_secp_scalar_to_bytes(q->request.s, &s);
				gyr_secp_scalar_mul(&s, &s, &u1);
				gyr_secp_scalar_to_bytes(q->request.hash, &s);
				if (++count == 1 + number % GYR_KNOWN_GROUP_MAX) {
					ask(question, count);
					count = 0;
					number++;
				}
			}
	assert_true(yes_count > 500 && yes_count == check_count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_a_table_is_its_multiple_of_the_key),
		cmocka_unit_test(signatures_of_the_key_and_damaged_ones),
		cmocka_unit_test(whatever_recovers_is_recognized),
		cmocka_unit_test(a_nonce_at_infinity_is_never_accepted),
		cmocka_unit_test(tiny_multiples_collide_harmlessly),
	};

	return cmocka_run_group_tests(tests, open_driver, NULL);
}
