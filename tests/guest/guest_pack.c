/* SPDX-License-Identifier: Apache-2.0 */
/*
 * guest_pack NAME EVERY LIMIT: every so many-th post-state of a packed archive of state tests,
 * LIMIT at most, to standard output as guest_case.h has it. Left out: BLS12-381 and KZG, which have
 * no portable form, and transactions of more than 10 million gas. Exit code 77 without the vectors.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guest_case.h"
#include "gyr_bytes.h"
#include "statetest_internal.h"
#include "vectors.h"

#define GAS_MAX 10000000

struct pack {
	uint64_t seen, every, count, limit;
	FILE *body;
};

static void put_word(FILE *to, uint64_t value)
{
	uint8_t bytes[8];

	gyr_store_le64(bytes, value);
	(void)fwrite(bytes, 1, sizeof bytes, to);
}

static void put_string(FILE *to, const void *bytes, size_t length)
{
	put_word(to, length);
	(void)fwrite(bytes, 1, length, to);
}

static void put_number(FILE *to, const struct gyr_u256 *value)
{
	uint8_t bytes[32];

	gyr_u256_store_be(bytes, value);
	put_string(to, bytes, sizeof bytes);
}

static void put_blobs(FILE *to, const struct statetest_case *test,
		      const struct statetest_post *post)
{
	struct gyr_chain_config config = gyr_chain_config_default(1);
	struct gyr_blob_schedule blobs = post->fork >= GYR_FORK_PRAGUE ? config.blobs_prague
								       : config.blobs_cancun;
	json_t *given = json_object_get(test->blob_schedule, post->fork_name);
	const char *target = json_string_value(json_object_get(given, "target"));
	const char *max = json_string_value(json_object_get(given, "max"));
	const char *fraction = json_string_value(json_object_get(given, "baseFeeUpdateFraction"));

	if (target != NULL)
		(void)statetest_u64(&blobs.target, target);
	if (max != NULL)
		(void)statetest_u64(&blobs.max, max);
	if (fraction != NULL)
		(void)statetest_u64(&blobs.update_fraction, fraction);
	put_word(to, blobs.target);
	put_word(to, blobs.max);
	put_word(to, blobs.update_fraction);
}

static void put_case(FILE *to, const struct statetest_case *test, const struct statetest_post *post)
{
	put_word(to, post->fork);
	put_word(to, test->chain_id);
	put_word(to, test->block.number);
	put_word(to, test->block.timestamp);
	put_word(to, test->block.gas_limit);
	put_word(to, test->block.base_fee);
	put_word(to, test->block.excess_blob_gas);
	put_blobs(to, test, post);
	put_string(to, test->block.fee_recipient.bytes, 20);
	put_string(to, test->block.prev_randao.bytes, 32);
	put_number(to, &test->block.difficulty);
	put_string(to, test->sender.bytes, 20);
	put_string(to, post->tx, post->tx_length);
	put_string(to, post->root.bytes, 32);
	put_string(to, post->logs.bytes, 32);
	put_word(to, post->exception == NULL);
	put_word(to, test->account_count);
	for (size_t i = 0; i < test->account_count; i++) {
		const struct statetest_account *account = &test->accounts[i];

		put_string(to, account->address.bytes, 20);
		put_word(to, account->nonce);
		put_number(to, &account->balance);
		put_string(to, account->code, account->code_length);
		put_word(to, account->slot_count);
		for (size_t s = 0; s < account->slot_count; s++) {
			put_number(to, &account->slots[s].key);
			put_number(to, &account->slots[s].value);
		}
	}
}

static bool is_wanted(struct pack *pack, const struct statetest_post *post)
{
	struct gyr_slice raw = { post->tx, post->tx_length };
	struct gyr_txn_rules rules;
	struct gyr_txn txn;

	gyr_txn_rules_init(&rules, post->fork, 1);
	rules.length_max = SIZE_MAX;
	if (gyr_txn_parse(&txn, raw, &rules) == GYR_VERDICT_OK && txn.gas_limit > GAS_MAX)
		return false;
	return pack->seen++ % pack->every == 0 && pack->count < pack->limit;
}

static void visit(void *context, const char *path, json_t *root)
{
	static const char *const left_out[] = {
		"bls",		 "eip2537", "kzg", "4844", "oint_evaluation", "PrecompileAbsence",
		"recompsEIP2929"
	};
	struct pack *pack = context;
	const char *name, *fork;
	json_t *given, *posts, *post;
	size_t index;

	for (size_t i = 0; i < GYR_COUNT(left_out); i++)
		if (strstr(path, left_out[i]) != NULL)
			return;
	json_object_foreach(root, name, given)
	{
		struct statetest_case test = { .file = path, .name = name };

		if (!statetest_case_read(&test, given))
			abort();
		json_object_foreach(test.post, fork, posts)
		{
			json_array_foreach(posts, index, post)
			{
				struct statetest_post one = { .index = (unsigned)index };

				if (!statetest_post_read(&one, fork, post))
					abort();
				if (is_wanted(pack, &one)) {
					pack->count++;
					put_case(pack->body, &test, &one);
				}
				free(one.tx);
			}
		}
		statetest_case_free(&test);
	}
}

int main(int argc, char **argv)
{
	struct pack pack = { .body = tmpfile() };
	char block[65536];
	size_t length;

	if (argc != 4 || pack.body == NULL)
		return 2;
	pack.every = strtoull(argv[2], NULL, 10);
	pack.limit = strtoull(argv[3], NULL, 10);
	if (pack.every == 0 || vectors_each(argv[1], "", visit, &pack) < 0)
		return 77;
	put_word(stdout, GUEST_MAGIC);
	put_word(stdout, pack.count);
	rewind(pack.body);
	while ((length = fread(block, 1, sizeof block, pack.body)) > 0)
		(void)fwrite(block, 1, length, stdout);
	(void)fclose(pack.body);
	return fflush(stdout) != 0;
}
