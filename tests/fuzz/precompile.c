/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a call: the first byte says which precompile, the second the fork, the rest is the
 * input. Whatever costs at most a fixed amount of gas is run through both tables: no crash, no
 * want of memory, equal answers.
 */
#include "gyr_fuzz.h"

#include "accel_tables.h"

#define GAS_MAX	   200000
#define OUTPUT_MAX (1 << 17)

struct answer {
	enum gyr_precompile_status status;
	size_t length;
	uint8_t output[OUTPUT_MAX];
};

static uint8_t scratch_memory[1 << 20];

static void ask(struct answer *answer, const struct gyr_precompile_ops *ops,
		const struct gyr_precompile_rules *rules, enum gyr_precompile which,
		struct gyr_slice input)
{
	size_t size = gyr_precompile_scratch_size(rules, GAS_MAX);
	struct gyr_arena scratch = gyr_arena_over(scratch_memory, size);

	gyr_assert(size <= sizeof scratch_memory);
	answer->status = gyr_precompile_run(ops, rules, which, answer->output,
					    sizeof answer->output, &answer->length, &scratch,
					    input);
	gyr_assert(answer->status != GYR_PRECOMPILE_NO_MEMORY);
	gyr_assert(answer->status == GYR_PRECOMPILE_OK || answer->length == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct gyr_accel accel;
	static struct answer portable;
	static struct answer fast;
	static bool ready;

	if (!ready) {
		ready = accel_tables_init(&accel);
		gyr_assert(ready);
	}
	if (size < 2)
		return 0;
	enum gyr_precompile which = (enum gyr_precompile)(data[0] % GYR_PRECOMPILE_COUNT);
	struct gyr_precompile_rules rules = gyr_precompile_rules_of(
		(enum gyr_precompile_fork)(data[1] % GYR_PRECOMPILE_FORK_COUNT));
	struct gyr_slice input = { data + 2, size - 2 };
	struct gyr_address address = gyr_precompile_address(which);

	if (gyr_precompile_at(&rules, &address) != which ||
	    gyr_precompile_gas(&rules, which, input) > GAS_MAX ||
	    !accel_tables_serves(&accel.precompile, which))
		return 0;
	ask(&fast, &accel.precompile, &rules, which, input);
	if (!accel_tables_serves(&gyr_precompile_portable, which))
		return 0;
	ask(&portable, &gyr_precompile_portable, &rules, which, input);
	gyr_assert(fast.status == portable.status && fast.length == portable.length);
	gyr_assert(memcmp(fast.output, portable.output, fast.length) == 0);
	return 0;
}
