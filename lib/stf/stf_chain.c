/* SPDX-License-Identifier: Apache-2.0 */
#include "stf_internal.h"

struct gyr_chain_config gyr_chain_config_default(uint64_t chain_id)
{
	return (struct gyr_chain_config){
		.chain_id = chain_id,
		.base_fee_initial = 1000000000,
		.base_fee_floor = 0,
		.base_fee_change_denominator = 8,
		.base_fee_elasticity = 2,
		.blobs_cancun = { .target = 3, .max = 6, .update_fraction = 3338477 },
		.blobs_prague = { .target = 6, .max = 9, .update_fraction = 5007716 },
	};
}

enum gyr_fork gyr_chain_fork(const struct gyr_chain_config *config, uint64_t number,
			     uint64_t timestamp)
{
	unsigned fork = GYR_FORK_COUNT - 1;

	while (fork > 0 &&
	       (config->forks[fork].number > number || config->forks[fork].timestamp > timestamp))
		fork--;
	return (enum gyr_fork)fork;
}

static uint64_t divide(gyr_u128 a, uint64_t b)
{
	struct gyr_u256 quotient, wide = { { (uint64_t)a, (uint64_t)(a >> 64), 0, 0 } };
	struct gyr_u256 divisor = gyr_u256_from_u64(b);

	gyr_u256_div(&quotient, &wide, &divisor);
	return gyr_u256_to_u64_saturating(&quotient);
}

uint64_t gyr_stf_next_base_fee(const struct gyr_chain_config *config,
			       const struct gyr_stf_parent *parent)
{
	uint64_t target = divide(parent->gas_limit, config->base_fee_elasticity);
	uint64_t fee = parent->base_fee, part, difference;

	if (target != 0 && parent->gas_used != target) {
		bool above = parent->gas_used > target;

		difference = above ? parent->gas_used - target : target - parent->gas_used;
		part = divide((gyr_u128)fee * difference, target);
		part = divide(part, config->base_fee_change_denominator);
		if (above)
			fee = fee > UINT64_MAX - gyr_max_u64(part, 1) ? UINT64_MAX
								      : fee + gyr_max_u64(part, 1);
		else
			fee -= gyr_min_u64(part, fee);
	}
	return gyr_max_u64(fee, config->base_fee_floor);
}

const struct gyr_blob_schedule *stf_blob_schedule(const struct gyr_chain_config *config,
						  enum gyr_fork fork)
{
	return fork >= GYR_FORK_PRAGUE ? &config->blobs_prague : &config->blobs_cancun;
}

/*
 * fake_exponential(1, excess, fraction) of EIP-4844: its Taylor series in integers. The terms
 * shrink once their index exceeds excess / fraction; a product beyond 256 bits saturates, which no
 * chain can reach.
 */
struct gyr_u256 stf_blob_base_fee(uint64_t excess, const struct gyr_blob_schedule *schedule)
{
	struct gyr_u256 sum = gyr_u256_from_u64(0), term, divisor;
	struct gyr_u256 fraction = gyr_u256_from_u64(schedule->update_fraction);

	term = fraction;
	for (uint64_t i = 1; !gyr_u256_is_zero(&term) && i < 4096; i++) {
		(void)gyr_u256_add(&sum, &sum, &term);
		if (gyr_u256_mul_u64(&term, &term, excess)) {
			gyr_u256_not(&sum, &(struct gyr_u256){ { 0, 0, 0, 0 } });
			return sum;
		}
		(void)gyr_u256_mul_u64(&divisor, &fraction, i);
		gyr_u256_div(&term, &term, &divisor);
	}
	gyr_u256_div(&sum, &sum, &fraction);
	return sum;
}
