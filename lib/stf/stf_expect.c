/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is about to be executed, told ahead: records are brought near, and the slots of mappings are
 * guessed. A call of the same function of the same contract hashes the same kind of messages: its
 * sender's address, a word of its data, a constant or an earlier hash, twice one of them. These
 * patterns are learnt from transactions that had to hash for themselves; then the hashes of many
 * transactions are computed side by side. A wrong guess costs a hash and nothing else.
 */
#include "stf_internal.h"

#define DATA_WORDS_MAX 8 /* of a call's data that a pattern may name */

static const uint8_t *word_of(const uint8_t *input, unsigned half)
{
	return input + (size_t)32 * half;
}

static void sender_word(uint8_t out[32], const struct gyr_address *sender)
{
	memset(out, 0, 12);
	memcpy(out + 12, sender->bytes, 20);
}

static struct stf_pattern *pattern_of(struct gyr_stf *stf, uint32_t code, struct gyr_slice data)
{
	uint32_t selector = gyr_load_be32(data.data);
	uint32_t mix = (code * 0x9e3779b1u) ^ (selector * 0x85ebca6bu);

	return &stf->patterns[(mix ^ mix >> 15) % STF_PATTERN_COUNT];
}

static bool is_for(const struct stf_pattern *pattern, uint32_t code, struct gyr_slice data)
{
	return pattern->code == code && pattern->selector == gyr_load_be32(data.data);
}

/* The code that a call runs, where its patterns are worth having; 0: none. */
static uint32_t code_called(const struct gyr_stf *stf, const struct gyr_account *to,
			    const struct gyr_txn *txn)
{
	if (to == NULL || to->code == 0 || txn->is_create || txn->data.length < 4 ||
	    gyr_state_code_at(&stf->state, to->code)->delegated)
		return 0;
	return to->code;
}

/* Says where a word of a message came from. */
static struct stf_source explain(const struct gyr_stf *stf, const uint8_t *word,
				 const uint8_t *places, unsigned noted)
{
	struct gyr_slice data = stf->tx.txn->data;
	uint8_t sender[32];

	sender_word(sender, &stf->tx.sender);
	if (memcmp(word, sender, 32) == 0)
		return (struct stf_source){ .kind = STF_SOURCE_SENDER };
	for (unsigned i = 0; i < DATA_WORDS_MAX && 36 + (size_t)32 * i <= data.length; i++)
		if (memcmp(word, data.data + 4 + (size_t)32 * i, 32) == 0)
			return (struct stf_source){ .kind = STF_SOURCE_DATA, .index = (uint8_t)i };
	for (unsigned i = 0; i < noted; i++)
		if (places[i] != STF_TEMPLATES_MAX &&
		    memcmp(word, stf->memo.noted[i].hash.bytes, 32) == 0)
			return (struct stf_source){ .kind = STF_SOURCE_HASH, .index = places[i] };
	return (struct stf_source){ .kind = STF_SOURCE_CONSTANT };
}

static bool same(const struct stf_template *a, const struct stf_template *b)
{
	if (a->owner != b->owner)
		return false;
	for (unsigned half = 0; half < 2; half++)
		if (a->source[half].kind != b->source[half].kind ||
		    a->source[half].index != b->source[half].index ||
		    memcmp(a->constant[half], b->constant[half], 32) != 0)
			return false;
	return true;
}

/* Adds a template unless it is there; returns its place, STF_TEMPLATES_MAX for none. */
static uint8_t add(struct stf_pattern *pattern, const struct stf_template *template)
{
	for (uint8_t i = 0; i < pattern->count; i++)
		if (same(&pattern->templates[i], template))
			return i;
	if (pattern->count == STF_TEMPLATES_MAX)
		return STF_TEMPLATES_MAX;
	pattern->templates[pattern->count] = *template;
	return pattern->count++;
}

void stf_learn(struct gyr_stf *stf)
{
	uint32_t code = code_called(stf, stf->tx.to_account, stf->tx.txn);
	uint8_t places[GYR_KECCAK_NOTED_MAX];
	struct stf_pattern *pattern;

	if (code == 0)
		return;
	pattern = pattern_of(stf, code, stf->tx.txn->data);
	if (!is_for(pattern, code, stf->tx.txn->data))
		*pattern = (struct stf_pattern){
			.code = code,
			.selector = gyr_load_be32(stf->tx.txn->data.data),
		};
	for (unsigned i = 0; i < stf->memo.noted_count; i++) {
		const struct gyr_keccak_noted *noted = &stf->memo.noted[i];
		struct stf_template template = { .owner = noted->owner };

		for (unsigned half = 0; half < 2; half++) {
			const uint8_t *word = word_of(noted->input, half);

			template.source[half] = explain(stf, word, places, i);
			if (template.source[half].kind == STF_SOURCE_CONSTANT)
				memcpy(template.constant[half], word, 32);
		}
		/* A constant's hash stays known by itself. */
		places[i] = template.source[0].kind == STF_SOURCE_CONSTANT &&
					    template.source[1].kind == STF_SOURCE_CONSTANT
				    ? STF_TEMPLATES_MAX
				    : add(pattern, &template);
	}
}

/* The guesses of one batch. */
struct guesses {
	uint8_t inputs[STF_EXPECT_MAX * STF_TEMPLATES_MAX][GYR_KECCAK_MEMO_INPUT];
	struct gyr_hash hashes[STF_EXPECT_MAX * STF_TEMPLATES_MAX];
	uint32_t owners[STF_EXPECT_MAX * STF_TEMPLATES_MAX];
	struct gyr_slice messages[STF_EXPECT_MAX * STF_TEMPLATES_MAX];
	unsigned missing[STF_EXPECT_MAX * STF_TEMPLATES_MAX];
	struct gyr_hash found[STF_EXPECT_MAX * STF_TEMPLATES_MAX];
	unsigned missing_count;
	/* Of each transaction: where its guesses begin; STF_TEMPLATES_MAX each. */
	const struct stf_pattern *patterns[STF_EXPECT_MAX];
};

/* Fills a message; false where the transaction has not what it takes. */
static bool fill(uint8_t *input, const struct guesses *guesses, unsigned at,
		 const struct stf_template *template, const struct gyr_stf_expected *expected)
{
	for (unsigned half = 0; half < 2; half++) {
		uint8_t *word = input + (size_t)32 * half;
		size_t index = template->source[half].index;

		switch ((enum stf_source_kind) template->source[half].kind) {
		case STF_SOURCE_CONSTANT:
			memcpy(word, template->constant[half], 32);
			break;
		case STF_SOURCE_SENDER:
			sender_word(word, expected->sender);
			break;
		case STF_SOURCE_DATA:
			if (36 + 32 * index > expected->txn->data.length)
				return false;
			memcpy(word, expected->txn->data.data + 4 + 32 * index, 32);
			break;
		case STF_SOURCE_HASH:
			memcpy(word, guesses->hashes[at + index].bytes, 32);
			break;
		}
	}
	return true;
}

static bool needs_hash(const struct stf_template *template)
{
	return template->source[0].kind == STF_SOURCE_HASH ||
	       template->source[1].kind == STF_SOURCE_HASH;
}

/* Hashes what the memo does not hold, side by side. */
static void hash_missing(struct gyr_stf *stf, struct guesses *guesses)
{
	unsigned count = guesses->missing_count;

	for (unsigned i = 0; i < count; i++)
		guesses->messages[i] = (struct gyr_slice){ guesses->inputs[guesses->missing[i]],
							   GYR_KECCAK_MEMO_INPUT };
	if (count != 0)
		stf->keccak->hash_many(guesses->found, guesses->messages, count);
	for (unsigned i = 0; i < count; i++) {
		const uint8_t *input = guesses->inputs[guesses->missing[i]];

		guesses->hashes[guesses->missing[i]] = guesses->found[i];
		gyr_keccak_memo_put(gyr_keccak_memo_at(&stf->memo, input), input,
				    &guesses->found[i]);
	}
	guesses->missing_count = 0;
}

/* Templates of one depth: those that need no other hash, then those that do. */
static void guess(struct gyr_stf *stf, struct guesses *guesses,
		  const struct gyr_stf_expected *expected, unsigned count, bool deep)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned at = i * STF_TEMPLATES_MAX;

		for (unsigned k = 0;
		     guesses->patterns[i] != NULL && k < guesses->patterns[i]->count; k++) {
			const struct stf_template *template = &guesses->patterns[i]->templates[k];
			struct gyr_keccak_memo_entry *entry;

			if (needs_hash(template) != deep)
				continue;
			guesses->owners[at + k] = UINT32_MAX;
			if (!fill(guesses->inputs[at + k], guesses, at, template, &expected[i]))
				continue;
			guesses->owners[at + k] = template->owner;
			entry = gyr_keccak_memo_at(&stf->memo, guesses->inputs[at + k]);
			if (gyr_keccak_memo_holds(entry, guesses->inputs[at + k]))
				guesses->hashes[at + k] = entry->hash;
			else
				guesses->missing[guesses->missing_count++] = at + k;
		}
	}
	hash_missing(stf, guesses);
}

/* Always inline: see gyr_state_prefetch. */
__attribute__((always_inline)) static inline void prefetch_slots(const struct gyr_stf *stf,
								 const struct guesses *guesses,
								 unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned at = i * STF_TEMPLATES_MAX;

		for (unsigned k = 0;
		     guesses->patterns[i] != NULL && k < guesses->patterns[i]->count; k++) {
			struct gyr_u256 key;

			if (guesses->owners[at + k] == UINT32_MAX)
				continue;
			gyr_u256_load_be(&key, guesses->hashes[at + k].bytes);
			gyr_state_prefetch_slot(&stf->state, guesses->owners[at + k], &key);
		}
	}
}

void gyr_stf_expect(struct gyr_stf *stf, const struct gyr_stf_expected *expected, unsigned count)
{
	struct guesses guesses;
	bool any = false;

	gyr_assert(count <= STF_EXPECT_MAX);
	for (unsigned i = 0; i < count; i++) {
		gyr_state_prefetch(&stf->state, expected[i].sender);
		if (!expected[i].txn->is_create)
			gyr_state_prefetch(&stf->state, &expected[i].txn->to);
	}
	guesses.missing_count = 0;
	for (unsigned i = 0; i < count; i++) {
		const struct gyr_txn *txn = expected[i].txn;
		uint32_t code = 0;

		guesses.patterns[i] = NULL;
		if (txn->data.length >= 4 && !txn->is_create)
			code = code_called(stf, gyr_state_find(&stf->state, &txn->to), txn);
		if (code == 0 || !is_for(pattern_of(stf, code, txn->data), code, txn->data))
			continue;
		guesses.patterns[i] = pattern_of(stf, code, txn->data);
		any = true;
	}
	if (!any)
		return;
	guess(stf, &guesses, expected, count, false);
	guess(stf, &guesses, expected, count, true);
	prefetch_slots(stf, &guesses, count);
}
