/* SPDX-License-Identifier: Apache-2.0 */
#include "gyr_accel.h"

#include <stdio.h>
#include <string.h>

#include "accel_test.h"
#include "gyr_err.h"

typedef void any_function(void);

/* Where the table keeps a precompile's primitive; 0, where the name lies, for one without. */
static const size_t offset_of[GYR_PRECOMPILE_COUNT] = {
	[GYR_PRECOMPILE_ECRECOVER] = offsetof(struct gyr_precompile_ops, ecrecover),
	[GYR_PRECOMPILE_SHA256] = offsetof(struct gyr_precompile_ops, sha256),
	[GYR_PRECOMPILE_RIPEMD160] = offsetof(struct gyr_precompile_ops, ripemd160),
	[GYR_PRECOMPILE_MODEXP] = offsetof(struct gyr_precompile_ops, modexp),
	[GYR_PRECOMPILE_BN254_ADD] = offsetof(struct gyr_precompile_ops, bn254_add),
	[GYR_PRECOMPILE_BN254_MUL] = offsetof(struct gyr_precompile_ops, bn254_mul),
	[GYR_PRECOMPILE_BN254_PAIRING] = offsetof(struct gyr_precompile_ops, bn254_pairing),
	[GYR_PRECOMPILE_BLAKE2F] = offsetof(struct gyr_precompile_ops, blake2f),
	[GYR_PRECOMPILE_KZG] = offsetof(struct gyr_precompile_ops, kzg_verify),
	[GYR_PRECOMPILE_BLS_G1_ADD] = offsetof(struct gyr_precompile_ops, bls_g1_add),
	[GYR_PRECOMPILE_BLS_G1_MSM] = offsetof(struct gyr_precompile_ops, bls_g1_msm),
	[GYR_PRECOMPILE_BLS_G2_ADD] = offsetof(struct gyr_precompile_ops, bls_g2_add),
	[GYR_PRECOMPILE_BLS_G2_MSM] = offsetof(struct gyr_precompile_ops, bls_g2_msm),
	[GYR_PRECOMPILE_BLS_PAIRING] = offsetof(struct gyr_precompile_ops, bls_pairing),
	[GYR_PRECOMPILE_BLS_MAP_G1] = offsetof(struct gyr_precompile_ops, bls_map_g1),
	[GYR_PRECOMPILE_BLS_MAP_G2] = offsetof(struct gyr_precompile_ops, bls_map_g2),
	[GYR_PRECOMPILE_P256_VERIFY] = offsetof(struct gyr_precompile_ops, p256_verify),
};

_Static_assert(offsetof(struct gyr_precompile_ops, name) == 0, "no primitive lies at offset 0");
_Static_assert(sizeof(gyr_precompile_portable.sha256) == sizeof(any_function *),
	       "function pointers are of one size");

/* Takes one entry from an offer; false when the offer has none. */
static bool take_entry(struct gyr_precompile_ops *to, const struct gyr_precompile_ops *from,
		       enum gyr_precompile which)
{
	any_function *entry;

	if (offset_of[which] == 0)
		return false;
	memcpy(&entry, (const uint8_t *)from + offset_of[which], sizeof entry);
	if (entry == NULL)
		return false;
	memcpy((uint8_t *)to + offset_of[which], &entry, sizeof entry);
	return true;
}

/* Keeps the chain's innermost cause as the reason, and ends the chain. */
static void keep_reason(struct gyr_accel_choice *choice, const char *driver)
{
	(void)snprintf(choice->reason, sizeof choice->reason, "%s is not used: %s", driver,
		       gyr_err_cause());
	gyr_err_clear();
}

static void consider(struct gyr_accel *accel, const struct gyr_accel_driver *driver,
		     const struct gyr_accel_offer *offer, enum gyr_precompile which)
{
	struct gyr_accel_choice *choice = &accel->choice[which];
	struct gyr_precompile_ops trial = accel->precompile;

	/* the first that passed stays */
	if (choice->driver != NULL && strcmp(choice->driver, "portable") != 0)
		return;
	if (!take_entry(&trial, &offer->precompile, which))
		return;
	if (gyr_accel_test(&trial, which) < 0) {
		keep_reason(choice, driver->name);
		return;
	}
	(void)take_entry(&accel->precompile, &offer->precompile, which);
	choice->driver = driver->name;
}

static void consider_keccak(struct gyr_accel *accel, const struct gyr_keccak_ops *keccak)
{
	if (keccak == NULL || accel->keccak != &gyr_keccak_portable)
		return;
	if (accel_test_keccak(keccak) < 0) {
		keep_reason(&accel->keccak_choice, keccak->name);
		return;
	}
	accel->keccak = keccak;
	accel->keccak_choice.driver = keccak->name;
}

int gyr_accel_init(struct gyr_accel *accel, const struct gyr_accel_driver *const *drivers,
		   size_t driver_count, const struct gyr_keccak_ops *keccak)
{
	*accel = (struct gyr_accel){
		.precompile = gyr_precompile_portable,
		.keccak = &gyr_keccak_portable,
		.keccak_choice.driver = gyr_keccak_portable.name,
	};
	accel->precompile.name = "accel";
	for (unsigned which = 0; which < GYR_PRECOMPILE_COUNT; which++) {
		struct gyr_precompile_rules only = { .enabled = 1u << which };

		if (gyr_precompile_missing(&gyr_precompile_portable, &only) != GYR_PRECOMPILE_NONE)
			continue;
		GYR_TRY(gyr_accel_test(&gyr_precompile_portable, (enum gyr_precompile)which));
		accel->choice[which].driver = "portable";
	}
	GYR_TRY(accel_test_keccak(&gyr_keccak_portable));
	consider_keccak(accel, keccak);
	for (size_t i = 0; i < driver_count; i++) {
		struct gyr_accel_offer offer = { .keccak = NULL };

		if (drivers[i]->open(&offer) < 0) {
			for (unsigned which = 0; which < GYR_PRECOMPILE_COUNT; which++) {
				if (accel->choice[which].reason[0] == '\0')
					(void)snprintf(accel->choice[which].reason,
						       GYR_ACCEL_REASON_MAX, "%s cannot open: %s",
						       drivers[i]->name, gyr_err_cause());
			}
			gyr_err_clear();
			continue;
		}
		for (unsigned which = 0; which < GYR_PRECOMPILE_COUNT; which++)
			consider(accel, drivers[i], &offer, (enum gyr_precompile)which);
		consider_keccak(accel, offer.keccak);
	}
	return 0;
}
