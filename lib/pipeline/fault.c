/* SPDX-License-Identifier: Apache-2.0 */
#include "fault.h"

static void copy_text(char *to, size_t size, const char *from)
{
	size_t length = 0;

	while (from[length] != '\0' && length + 1 < size)
		length++;
	memcpy(to, from, length);
	to[length] = '\0';
}

unsigned pipeline_fail(struct pipeline_fault *fault, const char *stage, int error)
{
	bool expected = false;

	gyr_assert(error < 0);
	if (!atomic_compare_exchange_strong_explicit(&fault->taken, &expected, true,
						     memory_order_relaxed, memory_order_relaxed))
		return 0;
	copy_text(fault->stage, sizeof fault->stage, stage);
	copy_text(fault->cause, sizeof fault->cause, gyr_err_cause());
	/* release: pairs with the acquire in pipeline_failed */
	atomic_store_explicit(&fault->error, error, memory_order_release);
	return 0;
}
