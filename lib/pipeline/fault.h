/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a stage stops the server: the first one to fail leaves its error and its innermost cause
 * here; whoever owns the lanes looks at it, stops them and tells. Later failures are consequences
 * and are not kept. Any thread may fail, any thread may look.
 */
#ifndef PIPELINE_FAULT_H
#define PIPELINE_FAULT_H

#include <stdatomic.h>

#include "gyr_err.h"

struct pipeline_fault {
	_Atomic bool taken; /* by compare-and-swap: who may write the rest */
	_Atomic int error;  /* stored by the failing stage (release), loaded by all (acquire) */
	char stage[16];
	char cause[320];
};

/* Leaves the calling thread's cause chain for the owner; returns the items done: none. */
unsigned pipeline_fail(struct pipeline_fault *fault, const char *stage, int error);

/* 0, or the negative error that stopped the server. */
static inline int pipeline_failed(struct pipeline_fault *fault)
{
	/* acquire: pairs with the release in pipeline_fail; the texts come first */
	return atomic_load_explicit(&fault->error, memory_order_acquire);
}

#endif
