/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The accelerator class: which code serves each precompile primitive and the hash. A driver
 * (drivers/accel/…) offers some entries; gyr_accel_init takes for each entry the first driver that
 * offers it and passes the self-test, else the portable one, and keeps why. The self-test runs
 * vectors with known answers and seeded inputs on which driver and portable code must agree.
 *
 * Cold: start-up only (some 20 ms, one thread). The tables that come out are read-only and may be
 * used by any thread; struct gyr_accel must outlive their use.
 */
#ifndef GYR_ACCEL_H
#define GYR_ACCEL_H

#include "gyr_keccak.h"
#include "gyr_precompile.h"

#define GYR_ACCEL_REASON_MAX 160

/* What a driver offers: the entries that are not NULL. */
struct gyr_accel_offer {
	struct gyr_precompile_ops precompile;
	const struct gyr_keccak_ops *keccak;
};

struct gyr_accel_driver {
	const char *name;
	/*
	 * Fills an offer that is all zeros. 0, or a negative gyr_err with its cause where this
	 * machine lacks something. May be called again; the entries stay valid for ever.
	 */
	int (*open)(struct gyr_accel_offer *offer);
};

/* Who serves a precompile. */
struct gyr_accel_choice {
	const char *driver; /* "portable", a driver's name, or NULL where nobody serves it */
	/* Why a driver that offers it was not taken, as a sentence for the log; "" otherwise. */
	char reason[GYR_ACCEL_REASON_MAX];
};

struct gyr_accel {
	struct gyr_precompile_ops precompile;
	const struct gyr_keccak_ops *keccak;
	struct gyr_accel_choice choice[GYR_PRECOMPILE_COUNT];
	struct gyr_accel_choice keccak_choice;
};

/*
 * Chooses among the drivers, in order of preference; with none of them everything is portable.
 * keccak may be NULL, or a table that this CPU runs (drivers/accel/keccak_simd finds one); a
 * driver's own offer comes after it. -GYR_ERR_MISMATCH when the portable code itself fails a
 * vector: nothing may be executed. A precompile that nobody serves is no error here
 * (gyr_precompile_missing).
 */
GYR_MUST_USE int gyr_accel_init(struct gyr_accel *accel,
				const struct gyr_accel_driver *const *drivers, size_t driver_count,
				const struct gyr_keccak_ops *keccak);

/*
 * The self-test alone: whether ops serves one precompile right. 0, or -GYR_ERR_MISMATCH with the
 * vector in the cause chain.
 */
GYR_MUST_USE int gyr_accel_test(const struct gyr_precompile_ops *ops, enum gyr_precompile which);

#endif
