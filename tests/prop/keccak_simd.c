/* SPDX-License-Identifier: Apache-2.0 */
/* Every table of drivers/accel/keccak_simd equals the portable hash on random batches. */
#include "gyr_test.h"

#include <string.h>

#include "gyr_accel_keccak_simd.h"

#define BATCH_MAX 70

static uint64_t seed;
static uint8_t data[1 << 16];

/* Lengths near the block size are frequent; some messages are empty without a pointer. */
static struct gyr_slice message(void)
{
	size_t length;

	switch (gyr_test_random(&seed) % 5) {
	case 0:
		return (struct gyr_slice){ NULL, 0 };
	case 1:
		length = (size_t)(gyr_test_random(&seed) % 6) * GYR_KECCAK_RATE +
			 (size_t)(gyr_test_random(&seed) % 3);
		length -= length == 0 ? 0 : 1;
		break;
	case 2:
		length = (size_t)(gyr_test_random(&seed) % 5000);
		break;
	default:
		length = (size_t)(gyr_test_random(&seed) % 140);
	}
	return (struct gyr_slice){ data + gyr_test_random(&seed) % (sizeof data - 5000), length };
}

static void check(const struct gyr_keccak_ops *ops)
{
	struct gyr_slice messages[BATCH_MAX];
	struct gyr_hash got[BATCH_MAX + 1], want;

	for (int round = 0; round < 400; round++) {
		size_t count = (size_t)(gyr_test_random(&seed) % (round < 200 ? 17 : BATCH_MAX));

		for (size_t i = 0; i < count; i++)
			messages[i] = message();
		memset(got, 0xcc, sizeof got);
		ops->hash_many(got, messages, count);
		for (size_t i = 0; i < count; i++) {
			gyr_keccak256(&want, messages[i].data, messages[i].length);
			assert_memory_equal(&got[i], &want, sizeof want);
			ops->hash(&got[i], messages[i].data, messages[i].length);
			assert_memory_equal(&got[i], &want, sizeof want);
		}
		memset(&want, 0xcc, sizeof want);
		assert_memory_equal(&got[count], &want, sizeof want);
	}
}

static void every_table_equals_the_portable_one(void **state)
{
	const struct gyr_keccak_ops *ops;
	bool supported;

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)gyr_test_random(&seed);
	for (unsigned i = 0; (ops = gyr_accel_keccak_simd_variant(i, &supported)) != NULL; i++)
		if (supported)
			check(ops);
		else
			printf("# skipped: this CPU does not run %s\n", ops->name);
	check(gyr_accel_keccak_simd());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_table_equals_the_portable_one),
	};

	seed = gyr_test_seed();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
