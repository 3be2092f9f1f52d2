/* SPDX-License-Identifier: Apache-2.0 */
/* Every sender in a log again, from the signature: the log must not be trusted on who signed. */
#include <stdlib.h>
#include <string.h>

#include "gyr_err.h"
#include "gyr_txn.h"
#include "log_tool.h"

int senders_open(struct senders *senders, const struct gyr_operate_log_drivers *drivers)
{
	struct gyr_recover_conf conf = { .candidates = drivers->recover,
					 .candidate_count = drivers->recover_count,
					 .reference = drivers->recover_reference };
	struct gyr_arena arena;
	size_t size = gyr_round_up(gyr_recover_memory(&conf), 64) + 64;
	int error;

	memset(senders, 0, sizeof *senders);
	senders->drivers = drivers;
	senders->memory = aligned_alloc(64, size);
	if (senders->memory == NULL)
		GYR_FAIL(GYR_ERR_MEMORY, "no memory for recovery");
	arena = gyr_arena_over(senders->memory, size);
	error = gyr_recover_init(&senders->recover, &arena, &conf);
	if (error < 0) {
		free(senders->memory);
		senders->memory = NULL;
	}
	return error;
}

void senders_close(struct senders *senders)
{
	if (senders->memory == NULL)
		return;
	gyr_recover_fini(&senders->recover);
	free(senders->memory);
	senders->memory = NULL;
}

static void wrong(struct senders *senders, uint64_t position, const char *what)
{
	if (senders->wrong_count++ == 0) {
		senders->first_wrong_position = position;
		senders->first_wrong = what;
	}
}

static int recover_waiting(struct senders *senders)
{
	struct gyr_address found[GYR_RECOVER_BATCH_MAX];
	uint64_t valid = 0;

	if (senders->waiting_count == 0)
		return 0;
	GYR_TRY(gyr_recover_batch(&senders->recover, &valid, found, NULL, senders->requests,
				  senders->waiting_count));
	for (unsigned i = 0; i < senders->waiting_count; i++) {
		if ((valid >> i & 1) == 0)
			wrong(senders, senders->positions[i], "its signature recovers to no key");
		else if (!gyr_address_equal(&found[i], &senders->claimed[i]))
			wrong(senders, senders->positions[i], "it was signed by another sender");
	}
	senders->waiting_count = 0;
	return 0;
}

static void take_transaction(struct senders *senders, const struct gyr_log_record *record)
{
	struct gyr_log_tx header;
	struct gyr_txn_rules rules;
	struct gyr_txn txn;
	struct gyr_hash hash;
	struct gyr_recover_request *request = &senders->requests[senders->waiting_count];

	memcpy(&header, gyr_log_body(record), sizeof header);
	gyr_txn_rules_init(&rules, GYR_FORK_OSAKA, senders->chain_id);
	senders->checked_count++;
	if (gyr_txn_parse(&txn, gyr_log_tx_raw(record), &rules) != GYR_VERDICT_OK) {
		wrong(senders, record->position, "it is no transaction of this chain");
		return;
	}
	gyr_txn_hash(&hash, &txn, senders->drivers->keccak);
	if (!gyr_hash_equal(&hash, &header.hash)) {
		wrong(senders, record->position, "its hash is not the one in the log");
		return;
	}
	gyr_txn_signing_hash(&hash, &txn, senders->drivers->keccak);
	memset(request, 0, sizeof *request);
	memcpy(request->hash, hash.bytes, sizeof request->hash);
	memcpy(request->r, txn.r, sizeof request->r);
	memcpy(request->s, txn.s, sizeof request->s);
	request->parity = txn.parity;
	senders->claimed[senders->waiting_count] = header.sender;
	senders->positions[senders->waiting_count] = record->position;
	senders->waiting_count++;
}

int senders_visit(void *user, const struct gyr_log_record *record)
{
	struct senders *senders = user;

	if (record->kind == GYR_LOG_GENESIS) {
		struct gyr_log_genesis genesis;

		memcpy(&genesis, gyr_log_body(record), sizeof genesis);
		senders->chain_id = genesis.chain_id;
	}
	if (record->kind == GYR_LOG_TX)
		take_transaction(senders, record);
	if (senders->waiting_count == GYR_RECOVER_BATCH_MAX)
		return recover_waiting(senders);
	return 0;
}

int senders_finish(struct senders *senders)
{
	return recover_waiting(senders);
}
