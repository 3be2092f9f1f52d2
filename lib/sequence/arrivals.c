/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_arrivals.h"

#include "gyr_bytes.h"
#include "gyr_err.h"

#define MARK (UINT64_C(1) << 63)

void gyr_arrivals_init(struct gyr_arrivals *arrivals, uint64_t *memory, uint32_t count_max)
{
	*arrivals = (struct gyr_arrivals){ .next = 1, .undecided = memory, .count_max = count_max };
}

uint32_t gyr_arrivals_list(uint64_t *out, const struct gyr_arrivals *arrivals)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < arrivals->count; i++)
		if ((arrivals->undecided[i] & MARK) == 0)
			out[count++] = arrivals->undecided[i];
	gyr_assert(count == arrivals->count - arrivals->marked_count);
	return count;
}

static int pass_over(struct gyr_arrivals *arrivals, uint64_t arrival)
{
	if (arrivals->count == arrivals->count_max && arrivals->marked_count != 0) {
		arrivals->count = gyr_arrivals_list(arrivals->undecided, arrivals);
		arrivals->marked_count = 0;
	}
	if (arrivals->count == arrivals->count_max)
		GYR_FAIL(GYR_ERR_LIMIT,
			 "the log leaves more than %u arrivals undecided: raise "
			 "sequence.park_count to what it was when that was written",
			 arrivals->count_max);
	arrivals->undecided[arrivals->count++] = arrival;
	return 0;
}

int gyr_arrivals_resume(struct gyr_arrivals *arrivals, uint64_t next, struct gyr_slice undecided)
{
	arrivals->next = next;
	arrivals->count = 0;
	arrivals->marked_count = 0;
	for (size_t i = 0; i < undecided.length; i += sizeof(uint64_t))
		GYR_TRY(pass_over(arrivals, gyr_load_le64(undecided.data + i)));
	return 0;
}

/* Marks it where it is listed: they are in order. */
static void mark(struct gyr_arrivals *arrivals, uint64_t arrival)
{
	uint32_t low = 0;
	uint32_t high = arrivals->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if ((arrivals->undecided[middle] & ~MARK) < arrival)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == arrivals->count || arrivals->undecided[low] != arrival)
		return;
	arrivals->undecided[low] |= MARK;
	arrivals->marked_count++;
	if (arrivals->marked_count == arrivals->count) {
		arrivals->count = 0;
		arrivals->marked_count = 0;
	}
}

int gyr_arrivals_decide_other(struct gyr_arrivals *arrivals, uint64_t arrival)
{
	if (arrival < arrivals->next) {
		mark(arrivals, arrival);
		return 0;
	}
	if (arrival - arrivals->next > arrivals->count_max)
		GYR_FAIL(GYR_ERR_LOG_DAMAGED, "arrival %llu follows arrival %llu",
			 (unsigned long long)arrival, (unsigned long long)arrivals->next - 1);
	for (uint64_t passed = arrivals->next; passed < arrival; passed++)
		GYR_TRY(pass_over(arrivals, passed));
	arrivals->next = arrival + 1;
	return 0;
}
