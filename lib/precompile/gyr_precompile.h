/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ethereum's precompiled contracts up to Osaka: which addresses are active, what a call costs, and
 * what it returns, exact to the byte. Pure: no state, no clock, no memory but the caller's output
 * and scratch; any thread may call with its own of both.
 *
 * The order of a call is fixed: gyr_precompile_at, then gyr_precompile_gas (a few hundred
 * instructions whatever the input says), and only when that much gas was paid gyr_precompile_run.
 * The work of a run is bounded by the gas that was paid for it.
 *
 * The primitives come from a table, so that a machine can bring faster ones; every entry of every
 * table gives equal results (lib/accel proves it at start-up). gyr_precompile_portable is plain C.
 */
#ifndef GYR_PRECOMPILE_H
#define GYR_PRECOMPILE_H

#include "gyr_base.h"

enum gyr_precompile {
	GYR_PRECOMPILE_ECRECOVER,     /* 0x01 */
	GYR_PRECOMPILE_SHA256,	      /* 0x02 */
	GYR_PRECOMPILE_RIPEMD160,     /* 0x03 */
	GYR_PRECOMPILE_IDENTITY,      /* 0x04 */
	GYR_PRECOMPILE_MODEXP,	      /* 0x05 EIP-198, 2565, 7823, 7883 */
	GYR_PRECOMPILE_BN254_ADD,     /* 0x06 EIP-196, 1108 */
	GYR_PRECOMPILE_BN254_MUL,     /* 0x07 EIP-196, 1108 */
	GYR_PRECOMPILE_BN254_PAIRING, /* 0x08 EIP-197, 1108 */
	GYR_PRECOMPILE_BLAKE2F,	      /* 0x09 EIP-152 */
	GYR_PRECOMPILE_KZG,	      /* 0x0a EIP-4844, point evaluation */
	GYR_PRECOMPILE_BLS_G1_ADD,    /* 0x0b EIP-2537, this and the next six */
	GYR_PRECOMPILE_BLS_G1_MSM,    /* 0x0c */
	GYR_PRECOMPILE_BLS_G2_ADD,    /* 0x0d */
	GYR_PRECOMPILE_BLS_G2_MSM,    /* 0x0e */
	GYR_PRECOMPILE_BLS_PAIRING,   /* 0x0f */
	GYR_PRECOMPILE_BLS_MAP_G1,    /* 0x10 */
	GYR_PRECOMPILE_BLS_MAP_G2,    /* 0x11 */
	GYR_PRECOMPILE_P256_VERIFY,   /* 0x100 EIP-7951 */
	GYR_PRECOMPILE_COUNT,
	GYR_PRECOMPILE_NONE = GYR_PRECOMPILE_COUNT,
};

/* Forks at which the set or a price changed; a fork between two has the rules of the earlier. */
enum gyr_precompile_fork {
	GYR_PRECOMPILE_FRONTIER,
	GYR_PRECOMPILE_BYZANTIUM,
	GYR_PRECOMPILE_ISTANBUL,
	GYR_PRECOMPILE_BERLIN,
	GYR_PRECOMPILE_CANCUN,
	GYR_PRECOMPILE_PRAGUE,
	GYR_PRECOMPILE_OSAKA,
	GYR_PRECOMPILE_FORK_COUNT,
};

enum gyr_precompile_modexp_pricing {
	GYR_PRECOMPILE_MODEXP_EIP198,
	GYR_PRECOMPILE_MODEXP_EIP2565,
	GYR_PRECOMPILE_MODEXP_EIP7883,
};

/* What a chain's fork says; one of the presets, or a chain's own mixture. */
struct gyr_precompile_rules {
	uint32_t enabled; /* bit 1 << enum gyr_precompile */
	enum gyr_precompile_modexp_pricing modexp_pricing;
	bool modexp_capped;  /* EIP-7823: no length above 1024 bytes */
	bool bn254_repriced; /* EIP-1108 */
};

enum gyr_precompile_status {
	GYR_PRECOMPILE_OK,
	/* The input is bad: the call fails and its gas is gone. An outcome like any other. */
	GYR_PRECOMPILE_FAILED,
	/*
	 * Scratch or output is smaller than gyr_precompile_scratch_size and _output_size ask for.
	 * Never an outcome of a transaction: whoever sized the memory was wrong.
	 */
	GYR_PRECOMPILE_NO_MEMORY,
};

/* The cap of EIP-7823 on each of modexp's three lengths, in bytes. */
#define GYR_PRECOMPILE_MODEXP_LENGTH_MAX 1024

/* The longest answer of any precompile but identity and modexp, in bytes (BLS12-381 G2). */
#define GYR_PRECOMPILE_FIXED_OUTPUT_MAX 256

/*
 * The primitives. All integers are big-endian bytes as they stand in the call's input. Lengths were
 * checked by gyr_precompile_run, values were not. An entry may use scratch from the arena it is
 * given (the caller takes it back) and keeps nothing between calls.
 */
struct gyr_precompile_ops {
	const char *name;

	/*
	 * Recovers the address that signed hash; parity is 0 or 1. False when r or s is 0 or not
	 * below the group order, or no key recovers. A high s is valid here.
	 */
	bool (*ecrecover)(struct gyr_address *address, const uint8_t hash[32], const uint8_t r[32],
			  const uint8_t s[32], unsigned parity);
	void (*sha256)(uint8_t digest[32], const uint8_t *data, size_t length);
	void (*ripemd160)(uint8_t digest[20], const uint8_t *data, size_t length);
	/*
	 * result = base^(exponent * 2^(8 * exponent_zero_count)) mod modulus, padded to
	 * modulus.length bytes. No length is 0 but base's or exponent's; modulus may be 0 in value
	 * (the result is 0 then); anything^0 is 1 mod modulus.
	 */
	enum gyr_precompile_status (*modexp)(uint8_t *result, struct gyr_arena *scratch,
					     struct gyr_slice base, struct gyr_slice exponent,
					     uint64_t exponent_zero_count,
					     struct gyr_slice modulus);
	enum gyr_precompile_status (*bn254_add)(uint8_t result[64], const uint8_t points[128]);
	enum gyr_precompile_status (*bn254_mul)(uint8_t result[64], const uint8_t point_scalar[96]);
	/* one = whether the product of pair_count pairings is 1; pairs of 192 bytes. */
	enum gyr_precompile_status (*bn254_pairing)(bool *one, struct gyr_arena *scratch,
						    const uint8_t *pairs, size_t pair_count);
	/* EIP-152's F on host-order words. */
	void (*blake2f)(uint64_t h[8], const uint64_t m[16], const uint64_t t[2], bool final,
			uint32_t round_count);
	/* OK when proof shows that the polynomial of commitment is y at z; 48, 32, 32, 48 bytes. */
	enum gyr_precompile_status (*kzg_verify)(const uint8_t commitment[48], const uint8_t z[32],
						 const uint8_t y[32], const uint8_t proof[48]);
	enum gyr_precompile_status (*bls_g1_add)(uint8_t result[128], const uint8_t points[256]);
	enum gyr_precompile_status (*bls_g1_msm)(uint8_t result[128], struct gyr_arena *scratch,
						 const uint8_t *terms, size_t term_count);
	enum gyr_precompile_status (*bls_g2_add)(uint8_t result[256], const uint8_t points[512]);
	enum gyr_precompile_status (*bls_g2_msm)(uint8_t result[256], struct gyr_arena *scratch,
						 const uint8_t *terms, size_t term_count);
	enum gyr_precompile_status (*bls_pairing)(bool *one, struct gyr_arena *scratch,
						  const uint8_t *pairs, size_t pair_count);
	enum gyr_precompile_status (*bls_map_g1)(uint8_t result[128], const uint8_t element[64]);
	enum gyr_precompile_status (*bls_map_g2)(uint8_t result[256], const uint8_t element[128]);
	/* EIP-7951: whether (r, s) signs hash for the key (x, y); each 32 bytes, in this order. */
	bool (*p256_verify)(const uint8_t hash_r_s_x_y[160]);
};

/* Plain C; entries that have no portable form yet are NULL (gyr_precompile_missing tells). */
extern const struct gyr_precompile_ops gyr_precompile_portable;

/* The preset of a fork. */
struct gyr_precompile_rules gyr_precompile_rules_of(enum gyr_precompile_fork fork);

/* The active precompile at an address, or GYR_PRECOMPILE_NONE. */
enum gyr_precompile gyr_precompile_at(const struct gyr_precompile_rules *rules,
				      const struct gyr_address *address);

/* The address of a precompile, active or not. */
struct gyr_address gyr_precompile_address(enum gyr_precompile which);

/* A lower-case word, for example "bn254-pairing". */
const char *gyr_precompile_name(enum gyr_precompile which);

/*
 * The first active precompile that the table cannot serve, or GYR_PRECOMPILE_NONE. To be asked at
 * start-up: gyr_precompile_run asserts that what it is asked to run is there.
 */
enum gyr_precompile gyr_precompile_missing(const struct gyr_precompile_ops *ops,
					   const struct gyr_precompile_rules *rules);

/*
 * The gas of a call, in constant time; UINT64_MAX where it does not fit 64 bits. Input that the
 * precompile will refuse has a price too (some of it 0).
 */
uint64_t gyr_precompile_gas(const struct gyr_precompile_rules *rules, enum gyr_precompile which,
			    struct gyr_slice input);

/* The bytes of output that a call may write. Only after its gas was paid: it is bounded by that. */
size_t gyr_precompile_output_size(enum gyr_precompile which, struct gyr_slice input);

/*
 * The scratch with which no call that costs at most gas_limit answers NO_MEMORY. Some 160 KiB from
 * Osaka on, whatever the limit; before, modexp's operands grow with the square root of the gas
 * (1.2 MiB for 30 million).
 */
size_t gyr_precompile_scratch_size(const struct gyr_precompile_rules *rules, uint64_t gas_limit);

/*
 * Runs an active precompile whose gas was paid. On OK *output_length bytes of output are the
 * return data (0 for an ecrecover or P256VERIFY that says no); on FAILED it is 0. Output must not
 * overlap input. Scratch is given back before the return.
 */
enum gyr_precompile_status gyr_precompile_run(const struct gyr_precompile_ops *ops,
					      const struct gyr_precompile_rules *rules,
					      enum gyr_precompile which, uint8_t *output,
					      size_t output_size, size_t *output_length,
					      struct gyr_arena *scratch, struct gyr_slice input);

#endif
