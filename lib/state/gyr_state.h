/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The world state in memory: accounts, storage slots and code in open-addressing tables of fixed
 * size, with one journal for the transaction that runs. One owner, one thread; memory comes from
 * the caller's arena at init and never after.
 *
 * Records are stable while a transaction runs: a pointer to one may be kept until
 * gyr_state_tx_commit. Warmth, original values and "created in this transaction" are stamped with
 * the transaction's number, so that nothing is cleared between two transactions. A revert walks the
 * journal back to a checkpoint, which is four numbers.
 *
 * Every table has a limit. At gyr_state_high_water the owner stops admitting work; a table that is
 * full all the same sets `full`, from when on nothing that was computed counts: the owner stops.
 * Table order depends on a secret seed and is not observable: what iterates says so.
 */
#ifndef GYR_STATE_H
#define GYR_STATE_H

#include "gyr_keccak.h"
#include "gyr_u256.h"

/* How much the tables hold; all must be positive. */
struct gyr_state_limits {
	uint32_t account_count_max;
	uint32_t slot_count_max;
	uint32_t code_count_max;
	uint64_t code_bytes_max;    /* of all code, with 1/8 and 64 bytes of overhead a piece */
	uint32_t touched_count_max; /* accounts, and slots, that one transaction can touch */
	uint32_t journal_count_max; /* entries of one transaction */
	uint32_t transient_count_max;
	uint32_t log_count_max;	  /* logs of one transaction */
	uint64_t log_bytes_max;	  /* data of the logs of one transaction */
	uint32_t dirty_count_max; /* accounts, and slots, that one block can change */
};

/* Account flags that outlive the transaction. */
enum {
	GYR_ACCOUNT_EXISTS = 1,
	GYR_ACCOUNT_STORAGE_CLEARED = 2, /* in this block */
};

/* Account flags of one transaction: valid where tx_stamp is the current one. */
enum {
	GYR_ACCOUNT_WARM = 1,
	GYR_ACCOUNT_TOUCHED = 2,
	GYR_ACCOUNT_CREATED = 4,
	GYR_ACCOUNT_DESTROYED = 8,
	GYR_ACCOUNT_SLOTS_CHANGED = 16, /* set by the commit */
};

struct gyr_account {
	struct gyr_address address;
	uint32_t cell;	   /* 0 empty, GYR_STATE_TOMBSTONE, else place in the order + 1 */
	uint64_t tx_stamp; /* the transaction for which tx_flags and the originals hold */
	uint64_t nonce;
	uint8_t flags;
	uint8_t tx_flags;
	uint8_t flags_original;
	uint8_t unused;
	uint32_t code;		     /* 0: none */
	uint32_t slot_count;	     /* slots that are not zero, as of the last commit */
	uint32_t block_stamp;	     /* the block in which it was listed as changed */
	uint32_t nonce_original_low; /* enough: no transaction raises a nonce 2^32 times */
	union {
		uint32_t code_original; /* while a transaction runs */
		uint32_t dirty_index;	/* while a block ends: its place in the block's list */
	};
	struct gyr_u256 balance;
	struct gyr_u256 balance_original;
};

enum { GYR_SLOT_WARM = 1 };

struct gyr_slot {
	struct gyr_u256 key;
	uint32_t account; /* index of its account's record */
	uint32_t cell;
	uint64_t tx_stamp;
	uint32_t block_stamp;
	uint32_t journal_at; /* 1 + index of its last value entry of this transaction; 0: none */
	uint32_t tx_flags;
	uint32_t pending; /* 1 + number of the block whose hash it waits for; 0: none */
	struct gyr_u256 value;
	struct gyr_u256 original; /* at the start of the transaction */
};

_Static_assert(sizeof(struct gyr_account) == 128,
	       "two cache lines, which the adjacent-line prefetcher pairs");
_Static_assert(sizeof(struct gyr_slot) == 128, "two cache lines");

#define GYR_STATE_TOMBSTONE UINT32_MAX
/* Zero bytes behind every piece of code: a PUSH32 may be cut short, and the end is a STOP. */
#define GYR_CODE_PADDING 64

/* One piece of code; bytes and bitmap live as long as the state. */
struct gyr_code {
	struct gyr_hash hash;
	const uint8_t *bytes;
	const uint8_t *jumpdests; /* bit pc % 8 of byte pc / 8 */
	uint32_t length;
	bool delegated; /* EIP-7702: bytes are 0xef0100 and the address */
	bool live;	/* used by the commit */
	struct gyr_address target;
	/* Tier 1's form of these bytes (gyr_evm_streams.h) or NULL; written by another thread. */
	const struct gyr_evm_stream *stream;
	uint64_t heat; /* what ran in tier 0, in gas */
};

struct gyr_evm_stream;

struct gyr_transient {
	struct gyr_u256 key;
	struct gyr_u256 value;
	uint64_t tx_stamp;
	uint32_t account;
	uint32_t unused[5];
};

enum gyr_journal_kind {
	GYR_JOURNAL_SLOT_VALUE,
	GYR_JOURNAL_SLOT_WARM,
	GYR_JOURNAL_BALANCE,
	GYR_JOURNAL_ACCOUNT, /* nonce, code and both flags */
	GYR_JOURNAL_TRANSIENT,
};

struct gyr_journal_entry {
	uint32_t kind;
	uint32_t record;
	union {
		struct gyr_u256 word;
		struct {
			uint64_t nonce;
			uint32_t code;
			uint32_t flags;
			uint32_t tx_flags;
			uint32_t journal_at;
		} account;
	} old;
	uint32_t journal_at; /* of a slot, before this entry */
	uint32_t unused;
};

struct gyr_checkpoint {
	uint32_t journal_count;
	uint32_t log_count;
	uint64_t log_bytes;
	int64_t refund;
};

struct gyr_evm_log {
	struct gyr_address address;
	uint32_t topic_count;
	struct gyr_hash topics[4];
	uint64_t data_offset;
	uint64_t data_length;
};

/* What a block changed: a copy, so that the root can be computed beside the next block. */
struct gyr_write_account {
	struct gyr_address address;
	uint32_t slot_first; /* into slots */
	uint32_t slot_count;
	bool exists;	      /* false: the account is gone, with its storage */
	bool storage_cleared; /* before slots are applied */
	uint32_t code;	      /* for gyr_state_code_at */
	uint64_t nonce;
	struct gyr_u256 balance;
	struct gyr_hash code_hash;
};

struct gyr_write_slot {
	struct gyr_u256 key;
	struct gyr_u256 value; /* zero: the slot is gone */
};

struct gyr_write_set {
	struct gyr_write_account *accounts;
	struct gyr_write_slot *slots;
	uint32_t account_count;
	uint32_t slot_count;
	uint32_t account_count_max;
	uint32_t slot_count_max;
};

struct gyr_state {
	struct gyr_account *accounts;
	struct gyr_slot *slots;
	uint64_t account_capacity;
	uint64_t slot_capacity;
	uint32_t *account_order; /* indices of the records in use */
	uint32_t *slot_order;
	uint32_t account_count;
	uint32_t slot_count;

	struct gyr_code *codes; /* 0 is the empty code */
	uint32_t *code_index;
	uint64_t code_index_size;
	uint8_t *code_bytes;
	uint64_t code_bytes_used;
	uint32_t code_count;
	uint32_t code_count_at_tx;
	uint64_t code_bytes_at_tx;

	struct gyr_transient *transients;
	uint64_t transient_capacity;
	uint32_t transient_count;

	struct gyr_journal_entry *journal;
	uint32_t journal_count;
	uint32_t *touched_accounts;
	uint32_t *touched_slots;
	uint32_t touched_account_count;
	uint32_t touched_slot_count;
	uint32_t *changed_accounts;
	uint32_t changed_account_count;
	int64_t refund;
	struct gyr_evm_log *logs;
	uint8_t *log_bytes;
	uint32_t log_count;
	uint64_t log_bytes_used;

	uint32_t *dirty_accounts;
	uint32_t *dirty_slots;
	uint32_t dirty_account_count;
	uint32_t dirty_slot_count;

	uint64_t tx_stamp;
	uint32_t block_stamp;
	bool full;
	struct gyr_state_limits limits;
	uint64_t seed[4];
	const struct gyr_keccak_ops *keccak;
};

/* Bytes of arena that gyr_state_init carves, alignment included. */
size_t gyr_state_size(const struct gyr_state_limits *limits);

/*
 * Carves and clears the tables. False when the arena is smaller than gyr_state_size. The seed
 * should be secret: it keeps chosen keys from colliding, and no result depends on it.
 */
bool gyr_state_init(struct gyr_state *state, struct gyr_arena *arena,
		    const struct gyr_state_limits *limits, const struct gyr_keccak_ops *keccak,
		    uint64_t seed);

/* Back to an empty world, in time proportional to what is in it. */
void gyr_state_reset(struct gyr_state *state);

/* Part of the fullest table that is in use, in 1/1000. */
unsigned gyr_state_high_water(const struct gyr_state *state);

/* Slow paths of the inline functions below. */
struct gyr_account *gyr_state_account_insert(struct gyr_state *state,
					     const struct gyr_address *address, uint64_t at);
struct gyr_slot *gyr_state_slot_insert(struct gyr_state *state, uint32_t owner,
				       const struct gyr_u256 *key, uint64_t at);
void gyr_state_account_enter(struct gyr_state *state, struct gyr_account *account);
void gyr_state_slot_enter(struct gyr_state *state, struct gyr_slot *slot);

static inline uint64_t gyr_state_fold(uint64_t a, uint64_t b)
{
	gyr_u128 product = (gyr_u128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The home cell of a hash in a table of any size (Lemire's range reduction). */
static inline uint64_t gyr_state_home(uint64_t hash, uint64_t capacity)
{
	return (uint64_t)((gyr_u128)hash * capacity >> 64);
}

static inline uint64_t gyr_state_address_hash(const struct gyr_state *state,
					      const struct gyr_address *address)
{
	uint64_t a = gyr_load_le64(address->bytes), b = gyr_load_le64(address->bytes + 8);
	uint64_t c = gyr_load_le32(address->bytes + 16);

	return gyr_state_fold(gyr_state_fold(a ^ state->seed[0], b ^ state->seed[1]) ^ c,
			      state->seed[2] ^ c << 32);
}

static inline uint64_t gyr_state_slot_hash(const struct gyr_state *state, uint32_t account,
					   const struct gyr_u256 *key)
{
	uint64_t low = gyr_state_fold(key->limb[0] ^ state->seed[0], key->limb[1] ^ state->seed[1]);
	uint64_t high = gyr_state_fold(key->limb[2] ^ state->seed[2],
				       key->limb[3] ^ state->seed[3] ^ account);

	return gyr_state_fold(low ^ state->seed[3], high ^ account ^ state->seed[0]);
}

static inline uint32_t gyr_state_account_index(const struct gyr_state *state,
					       const struct gyr_account *account)
{
	return (uint32_t)(account - state->accounts);
}

/* The account's record for reading, or NULL where there is none. Does not enter the transaction. */
const struct gyr_account *gyr_state_find(const struct gyr_state *state,
					 const struct gyr_address *address);

/* A slot's current value, zero where there is none. Does not enter the transaction. */
struct gyr_u256 gyr_state_find_slot(const struct gyr_state *state,
				    const struct gyr_address *address, const struct gyr_u256 *key);

/*
 * The account's record within the current transaction, made where there was none (it does not exist
 * then: see its flags). Never NULL: with the table full it is a record that nothing else uses.
 */
static inline struct gyr_account *gyr_state_account(struct gyr_state *state,
						    const struct gyr_address *address)
{
	uint64_t at = gyr_state_home(gyr_state_address_hash(state, address),
				     state->account_capacity);

	for (;;) {
		struct gyr_account *account = &state->accounts[at];

		if (account->cell == 0)
			return gyr_state_account_insert(state, address, at);
		if (gyr_address_equal(&account->address, address) &&
		    account->cell != GYR_STATE_TOMBSTONE) {
			if (account->tx_stamp != state->tx_stamp)
				gyr_state_account_enter(state, account);
			return account;
		}
		if (++at == state->account_capacity)
			at = 0;
	}
}

/* The slot's record within the current transaction, made where there was none. Never NULL. */
static inline struct gyr_slot *gyr_state_slot(struct gyr_state *state,
					      const struct gyr_account *account,
					      const struct gyr_u256 *key)
{
	uint32_t owner = gyr_state_account_index(state, account);
	uint64_t at = gyr_state_home(gyr_state_slot_hash(state, owner, key), state->slot_capacity);

	for (;;) {
		struct gyr_slot *slot = &state->slots[at];

		if (slot->cell == 0)
			return gyr_state_slot_insert(state, owner, key, at);
		if (gyr_u256_equal(&slot->key, key) && slot->account == owner &&
		    slot->cell != GYR_STATE_TOMBSTONE) {
			if (slot->tx_stamp != state->tx_stamp)
				gyr_state_slot_enter(state, slot);
			return slot;
		}
		if (++at == state->slot_capacity)
			at = 0;
	}
}

/*
 * Brings near where the account's record lies, or will lie; some hundred ns before it is used.
 * Always inline: gcc 12 takes a function that only prefetches for one without effects and drops its
 * calls.
 */
__attribute__((always_inline)) static inline void gyr_state_prefetch(
	const struct gyr_state *state, const struct gyr_address *address)
{
	const uint8_t *record = (const uint8_t *)&state->accounts[gyr_state_home(
		gyr_state_address_hash(state, address), state->account_capacity)];

	__builtin_prefetch(record, 1);
	__builtin_prefetch(record + 64, 1);
}

/* The same of a slot, by the index of its account's record. */
__attribute__((always_inline)) static inline void gyr_state_prefetch_slot(
	const struct gyr_state *state, uint32_t owner, const struct gyr_u256 *key)
{
	const uint8_t *record = (const uint8_t *)&state->slots[gyr_state_home(
		gyr_state_slot_hash(state, owner, key), state->slot_capacity)];

	__builtin_prefetch(record, 1);
	__builtin_prefetch(record + 64, 1);
}

/* Appends to the journal; NULL when it is full (`full` is set). */
static inline struct gyr_journal_entry *gyr_state_record(struct gyr_state *state,
							 enum gyr_journal_kind kind,
							 uint32_t record)
{
	struct gyr_journal_entry *entry = &state->journal[state->journal_count];

	if (GYR_UNLIKELY(state->journal_count == state->limits.journal_count_max))
		state->full = true; /* one entry lies beyond the limit: it takes what follows */
	else
		state->journal_count++;
	entry->kind = kind;
	entry->record = record;
	return entry;
}

static inline void gyr_state_record_account(struct gyr_state *state, struct gyr_account *account)
{
	struct gyr_journal_entry *entry = gyr_state_record(state, GYR_JOURNAL_ACCOUNT,
							   gyr_state_account_index(state, account));

	entry->old.account.nonce = account->nonce;
	entry->old.account.code = account->code;
	entry->old.account.flags = account->flags;
	entry->old.account.tx_flags = account->tx_flags;
}

/* Sets flags of the transaction; recorded when that changes something. True when it did. */
static inline bool gyr_state_mark(struct gyr_state *state, struct gyr_account *account,
				  uint32_t tx_flags)
{
	if ((account->tx_flags & tx_flags) == tx_flags)
		return false;
	gyr_state_record_account(state, account);
	account->tx_flags |= (uint8_t)tx_flags;
	return true;
}

static inline void gyr_state_set_balance(struct gyr_state *state, struct gyr_account *account,
					 const struct gyr_u256 *balance)
{
	struct gyr_journal_entry *entry = gyr_state_record(state, GYR_JOURNAL_BALANCE,
							   gyr_state_account_index(state, account));

	entry->old.word = account->balance;
	account->balance = *balance;
}

static inline void gyr_state_set_nonce(struct gyr_state *state, struct gyr_account *account,
				       uint64_t nonce)
{
	gyr_state_record_account(state, account);
	account->nonce = nonce;
}

static inline void gyr_state_set_code(struct gyr_state *state, struct gyr_account *account,
				      uint32_t code)
{
	gyr_state_record_account(state, account);
	account->code = code;
}

/* Makes the account exist, empty where it did not, and marks it touched (EIP-161). */
static inline void gyr_state_touch(struct gyr_state *state, struct gyr_account *account)
{
	if ((account->flags & GYR_ACCOUNT_EXISTS) != 0 &&
	    (account->tx_flags & GYR_ACCOUNT_TOUCHED) != 0)
		return;
	gyr_state_record_account(state, account);
	account->flags |= GYR_ACCOUNT_EXISTS;
	account->tx_flags |= GYR_ACCOUNT_TOUCHED;
}

/* Marks the slot warm; true when it was cold (EIP-2929). */
static inline bool gyr_state_warm_slot(struct gyr_state *state, struct gyr_slot *slot)
{
	if ((slot->tx_flags & GYR_SLOT_WARM) != 0)
		return false;
	(void)gyr_state_record(state, GYR_JOURNAL_SLOT_WARM, (uint32_t)(slot - state->slots));
	slot->tx_flags |= GYR_SLOT_WARM;
	return true;
}

/*
 * Sets a slot. `since` is the journal length at the start of the frame: an entry made after it
 * already holds what a revert of the frame restores.
 */
static inline void gyr_state_set_slot(struct gyr_state *state, struct gyr_slot *slot,
				      const struct gyr_u256 *value, uint32_t since)
{
	if (slot->journal_at <= since) {
		struct gyr_journal_entry *entry = gyr_state_record(state, GYR_JOURNAL_SLOT_VALUE,
								   (uint32_t)(slot - state->slots));

		entry->old.word = slot->value;
		entry->journal_at = slot->journal_at;
		slot->journal_at = state->journal_count;
	}
	slot->value = *value;
}

/* Empty as EIP-161 has it: nonce and balance zero, no code. */
static inline bool gyr_state_is_empty(const struct gyr_account *account)
{
	return account->nonce == 0 && account->code == 0 && gyr_u256_is_zero(&account->balance);
}

struct gyr_u256 gyr_state_transient_load(struct gyr_state *state, const struct gyr_account *account,
					 const struct gyr_u256 *key);
void gyr_state_transient_store(struct gyr_state *state, const struct gyr_account *account,
			       const struct gyr_u256 *key, const struct gyr_u256 *value);

/* Appends a log and returns it for its topics; data is copied. NULL when full. */
struct gyr_evm_log *gyr_state_log(struct gyr_state *state, const struct gyr_address *address,
				  uint32_t topic_count, struct gyr_slice data);

static inline struct gyr_checkpoint gyr_state_checkpoint(const struct gyr_state *state)
{
	return (struct gyr_checkpoint){
		.journal_count = state->journal_count,
		.log_count = state->log_count,
		.log_bytes = state->log_bytes_used,
		.refund = state->refund,
	};
}

/* Undoes everything since the checkpoint, warmth included. */
void gyr_state_revert(struct gyr_state *state, const struct gyr_checkpoint *checkpoint);

/*
 * The code with these bytes, stored and analysed where it is new; returns its index, 0 for no
 * bytes. Code that no account holds at the commit is dropped again.
 */
uint32_t gyr_state_code_add(struct gyr_state *state, struct gyr_slice bytes);

static inline const struct gyr_code *gyr_state_code_at(const struct gyr_state *state, uint32_t code)
{
	return &state->codes[code];
}

/* Fills the bitmap of jump destinations: (length + 7) / 8 bytes and one, cleared here. */
void gyr_code_analyse(uint8_t *jumpdests, const uint8_t *bytes, size_t length);

/* Opens a transaction: a new stamp, empty journal, logs and lists. */
void gyr_state_tx_begin(struct gyr_state *state);

/*
 * Closes it: destroyed accounts go with their storage, touched empty ones go when
 * `delete_empty` (from Spurious Dragon on), changes enter the block's lists. Afterwards
 * changed_accounts names the accounts that differ from before, until the next begin.
 */
void gyr_state_tx_commit(struct gyr_state *state, bool delete_empty);

void gyr_state_block_begin(struct gyr_state *state);

/* Copies what the block changed and drops records that hold nothing. False when `out` is small. */
bool gyr_state_block_end(struct gyr_state *state, struct gyr_write_set *out);

/* Takes what was committed as given: it is no change of the block. For genesis and checkpoints. */
void gyr_state_forget_changes(struct gyr_state *state);

/*
 * A slot whose value, the hash of block `number`, is not known yet (EIP-2935): counts as changed,
 * and keeps its old value until gyr_state_resolve_slot. Within a transaction.
 */
void gyr_state_expect_slot(struct gyr_state *state, struct gyr_slot *slot, uint64_t number);
void gyr_state_resolve_slot(struct gyr_state *state, const struct gyr_address *address,
			    const struct gyr_u256 *key, uint64_t number,
			    const struct gyr_u256 *value);

struct gyr_state_cursor {
	uint32_t account;
	uint32_t slot;
};

/*
 * Copies the next part of all that exists into `out`, first accounts, then slots with the account
 * they belong to (which may come again and again), in an order that means nothing. False when
 * nothing was left. The cursor starts as zero; the state must not change in between.
 */
bool gyr_state_export(const struct gyr_state *state, struct gyr_state_cursor *cursor,
		      struct gyr_write_set *out);

/* Carves a write-set that holds what one block can change. */
size_t gyr_write_set_size(const struct gyr_state_limits *limits);
bool gyr_write_set_init(struct gyr_write_set *set, struct gyr_arena *arena,
			const struct gyr_state_limits *limits);

#endif
