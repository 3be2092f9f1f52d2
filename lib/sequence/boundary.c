/* SPDX-License-Identifier: Apache-2.0 */
#include "sequence_internal.h"

#define NS_PER_S 1000000000ull

/* Beyond this many blocks of lag the bound is out of any wallet's reach anyway. */
#define FEE_BLOCKS_MAX 256

uint64_t sequence_fee_bound(uint64_t base_fee, uint64_t blocks)
{
	for (uint64_t i = 0; i < gyr_min_u64(blocks, FEE_BLOCKS_MAX); i++) {
		uint64_t step = gyr_max_u64(base_fee / 8, 1);

		if (base_fee > UINT64_MAX - step)
			return UINT64_MAX;
		base_fee += step;
	}
	return base_fee;
}

/* xoshiro256** (Blackman and Vigna, Scrambled linear pseudorandom number generators, 2021). */
static uint64_t random_u64(uint64_t state[4])
{
	uint64_t scaled = state[1] * 5;
	uint64_t result = ((scaled << 7) | (scaled >> 57)) * 9;
	uint64_t shifted = state[1] << 17;

	state[2] ^= state[0];
	state[3] ^= state[1];
	state[1] ^= state[2];
	state[0] ^= state[3];
	state[2] ^= shifted;
	state[3] = (state[3] << 45) | (state[3] >> 19);
	return result;
}

static struct gyr_log_stamp boundary_stamp(const struct gyr_sequence *sequence, uint64_t utc_ns)
{
	return (struct gyr_log_stamp){ .arrival = sequence->arrival_next - 1,
				       .receive_utc_ns = utc_ns };
}

bool sequence_close_mini(struct gyr_sequence *sequence, uint64_t utc_ns, enum gyr_log_reason reason)
{
	struct gyr_sequence_block *block = &sequence->block;
	struct gyr_log_stamp stamp = boundary_stamp(sequence, utc_ns);
	struct gyr_log_mini_block *body = gyr_log_reserve(sequence->log, GYR_LOG_MINI_BLOCK,
							  sizeof *body);

	gyr_assert(block->mini_tx_count > 0);
	if (body == NULL)
		return false;
	*body = (struct gyr_log_mini_block){
		.number = block->mini_number,
		.evm_number = block->number,
		.index = block->mini_count,
		.tx_count = block->mini_tx_count,
		.reason = reason,
	};
	(void)gyr_log_publish(sequence->log, &stamp);
	block->mini_number++;
	block->mini_count++;
	block->mini_tx_count = 0;
	gyr_metric_add(&sequence->counters.mini_blocks, 1);
	return true;
}

bool sequence_open_block(struct gyr_sequence *sequence, struct sequence_now now,
			 enum gyr_log_reason reason)
{
	struct gyr_sequence_block *block = &sequence->block;
	struct gyr_log_stamp stamp = boundary_stamp(sequence, now.utc_ns);
	struct gyr_log_evm_block *body;

	if (block->mini_tx_count > 0 && !sequence_close_mini(sequence, now.utc_ns, reason))
		return false;
	body = gyr_log_reserve(sequence->log, GYR_LOG_EVM_BLOCK, sizeof *body);
	if (body == NULL)
		return false;
	*body = (struct gyr_log_evm_block){
		.number = block->number + 1,
		.timestamp_s = gyr_max_u64(block->timestamp_s + 1, now.utc_ns / NS_PER_S),
		.gas_limit = sequence->conf.block_gas_limit,
		.fee_recipient = sequence->conf.fee_recipient,
		.reason = reason,
		.closed_tx_count = block->tx_count,
		.closed_mini_block_count = block->mini_count,
	};
	for (unsigned i = 0; i < 4; i++) {
		uint64_t word = random_u64(sequence->random);

		memcpy(body->prev_randao.bytes + (size_t)i * 8, &word, sizeof word);
	}
	block->number = body->number;
	block->timestamp_s = body->timestamp_s;
	(void)gyr_log_publish(sequence->log, &stamp);
	block->gas_reserved = 0;
	block->byte_count = 0;
	block->tx_count = 0;
	block->mini_count = 0;
	block->base_fee_bound = sequence_fee_bound(block->base_fee_bound, 1);
	/* on the edges of UTC seconds, counted on the monotonic clock: steps of UTC change nothing
	 */
	block->due_ns = now.ns + (NS_PER_S - now.utc_ns % NS_PER_S) +
			(uint64_t)(sequence->conf.block_s - 1) * NS_PER_S;
	gyr_metric_add(&sequence->counters.evm_blocks, 1);
	return true;
}

unsigned sequence_boundaries(struct gyr_sequence *sequence, bool *stalled, struct sequence_now now)
{
	struct gyr_sequence_block *block = &sequence->block;
	unsigned written = 0;

	if (block->mini_tx_count > 0 && now.ns >= block->mini_due_ns) {
		if (!sequence_close_mini(sequence, now.utc_ns, GYR_LOG_REASON_TIME)) {
			*stalled = true;
			return written;
		}
		written++;
	}
	if (now.ns >= block->due_ns && !sequence->stopping) {
		if (!sequence_open_block(sequence, now, GYR_LOG_REASON_TIME)) {
			*stalled = true;
			return written;
		}
		written++;
	}
	return written;
}
