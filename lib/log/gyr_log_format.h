/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's format, version 1, frozen: the bytes of the log ring, of the segment files and of what
 * a standby receives are the same bytes. Little-endian; every record starts at a multiple of 8.
 *
 * The log is a sequence of commit blocks. A block starts at a multiple of 4 KiB and runs up to and
 * including one COMMIT record, whose fill reaches the next multiple of 4 KiB (or, where the next
 * record would not fit, the end of the segment or of the writer's ring: COMMIT is the pad record).
 * A block never crosses a segment's end and never exceeds GYR_LOG_BLOCK_LENGTH_MAX. Each segment
 * starts with a GENESIS record, so that a pruned log still says whose it is; the one at position 0
 * is the very first record. Each start of the server writes an EPOCH record at the cut.
 *
 * Positions are byte offsets from the start of the log, 64 bits, never reused within an epoch;
 * segment n holds the positions [n * segment_size, (n + 1) * segment_size).
 *
 * Checksum: a keyed 61-bit universal hash of the whole block (checksum.c) with a secret that lies
 * in GENESIS. A cyclic code would find torn sectors too, but clients choose much of the log's
 * bytes: with a public function, calldata could contain a block that recovery, searching behind a
 * damaged place, takes for a real one. Each block holds its predecessor's checksum, which chains
 * them.
 */
#ifndef GYR_LOG_FORMAT_H
#define GYR_LOG_FORMAT_H

#include "gyr_base.h"

#define GYR_LOG_FORMAT_VERSION	  1
#define GYR_LOG_BLOCK_UNIT	  4096u
#define GYR_LOG_SECTOR		  512u
#define GYR_LOG_RECORD_LENGTH_MAX 147456u /* 144 KiB */
#define GYR_LOG_BLOCK_LENGTH_MAX  524288u /* 512 KiB */
#define GYR_LOG_FORK_LENGTH_MAX	  1024u
#define GYR_LOG_SECRET_LENGTH	  16

/* Stable numbers. */
enum gyr_log_kind {
	GYR_LOG_GENESIS = 1,	 /* struct gyr_log_genesis; starts every segment */
	GYR_LOG_EPOCH = 2,	 /* struct gyr_log_epoch; an instance starts serving here */
	GYR_LOG_TX = 3,		 /* struct gyr_log_tx, then the raw transaction */
	GYR_LOG_REJECT = 4,	 /* struct gyr_log_reject; one arrival each */
	GYR_LOG_MINI_BLOCK = 5,	 /* struct gyr_log_mini_block; closes a mini-block */
	GYR_LOG_EVM_BLOCK = 6,	 /* struct gyr_log_evm_block; closes a block and opens the next */
	GYR_LOG_CONFIG = 7,	 /* struct gyr_log_config_change, then its value */
	GYR_LOG_COMMIT = 9,	 /* struct gyr_log_commit, then zeros to the end of the block */
	GYR_LOG_L1_DEPOSIT = 16, /* reserved */
	GYR_LOG_FORCED_TX = 17,	 /* reserved */
};

/* Where a receive time comes from: the upper two bits of receive_error. */
enum gyr_log_clock {
	GYR_LOG_CLOCK_NONE = 0,
	GYR_LOG_CLOCK_NIC = 1,
	GYR_LOG_CLOCK_TSC = 2,
	GYR_LOG_CLOCK_OTHER = 3,
};

#define GYR_LOG_RECEIVE_ERROR_NS_MAX ((1u << 30) - 1)

/* Every record starts with this; its body follows. */
struct gyr_log_record {
	uint32_t length; /* of the whole record, a multiple of 8 */
	uint8_t kind;
	uint8_t flags;		 /* 0 in version 1 */
	uint16_t pad;		 /* bytes at the end that are not body, 0..7; 0 in COMMIT */
	uint64_t position;	 /* of this record */
	uint64_t arrival;	 /* its arrival number; else the highest one before it */
	uint64_t receive_utc_ns; /* when it was received; else when it was written */
	uint32_t epoch;
	uint32_t receive_error; /* bits 0..29 maximum error in ns, saturated; 30..31 the clock */
};

struct gyr_log_genesis {
	uint32_t format_version;
	uint32_t fork_length; /* bytes of the canonical fork schedule that follow */
	struct gyr_hash genesis_hash;
	uint64_t chain_id;
	uint64_t segment_size;
	uint8_t secret[GYR_LOG_SECRET_LENGTH]; /* random, keys the checksums; never shown */
	struct gyr_hash fork_hash;
};

struct gyr_log_epoch {
	uint32_t epoch;
	uint32_t previous_epoch; /* 0 when this is the first */
	uint64_t cut;		 /* answers of older epochs at or beyond it are void */
	uint64_t arrival_next;	 /* the first arrival number of this epoch */
};

struct gyr_log_tx {
	struct gyr_address sender; /* recovered */
	uint32_t flags;		   /* as submitted */
	uint64_t release_arrival;  /* the arrival that put it in order; its own unless parked */
	struct gyr_hash hash;
};

struct gyr_log_reject {
	uint32_t verdict; /* enum gyr_verdict */
	uint32_t reserved;
	struct gyr_hash hash; /* of the transaction as submitted */
};

struct gyr_log_mini_block {
	uint64_t number;     /* since genesis */
	uint64_t evm_number; /* the EVM block that it belongs to */
	uint32_t index;	     /* within the EVM block */
	uint32_t tx_count;
	uint32_t reason; /* enum gyr_log_reason */
	uint32_t reserved;
};

/* Closes EVM block number - 1 with these counts (none at genesis) and opens block number with this
 * environment: execution knows it before the block's first transaction. */
struct gyr_log_evm_block {
	uint64_t number;
	uint64_t timestamp_s;
	uint64_t gas_limit;
	struct gyr_address fee_recipient;
	uint32_t reason; /* enum gyr_log_reason */
	struct gyr_hash prev_randao;
	struct gyr_hash parent_beacon_root;
	uint32_t closed_tx_count;
	uint32_t closed_mini_block_count;
};

enum gyr_log_reason {
	GYR_LOG_REASON_START = 0,
	GYR_LOG_REASON_TIME = 1,
	GYR_LOG_REASON_FULL = 2,
	GYR_LOG_REASON_STOP = 3,
	GYR_LOG_REASON_RECOVERY = 4,
};

struct gyr_log_config_change {
	uint32_t item;
	uint32_t reserved;
};

struct gyr_log_commit {
	uint64_t block_position;
	uint64_t durable;	    /* every position below was durable when this was written */
	uint64_t previous_checksum; /* of the block before; 0 in the very first */
	uint32_t block_length;	    /* this record and its fill included */
	uint32_t record_count;	    /* without this one */
	uint64_t checksum;	    /* of the block's bytes, taken with these eight as zero */
};

_Static_assert(sizeof(struct gyr_log_record) == 40, "format");
_Static_assert(sizeof(struct gyr_log_genesis) == 104, "format");
_Static_assert(sizeof(struct gyr_log_epoch) == 24, "format");
_Static_assert(sizeof(struct gyr_log_tx) == 64, "format");
_Static_assert(sizeof(struct gyr_log_reject) == 40, "format");
_Static_assert(sizeof(struct gyr_log_mini_block) == 32, "format");
_Static_assert(sizeof(struct gyr_log_evm_block) == 120, "format");
_Static_assert(sizeof(struct gyr_log_config_change) == 8, "format");
_Static_assert(sizeof(struct gyr_log_commit) == 40, "format");

#define GYR_LOG_COMMIT_LENGTH (sizeof(struct gyr_log_record) + sizeof(struct gyr_log_commit))

static inline const void *gyr_log_body(const struct gyr_log_record *record)
{
	return record + 1;
}

/* Bytes of the body, padding left out; of COMMIT, its fill left out. */
static inline uint32_t gyr_log_body_length(const struct gyr_log_record *record)
{
	if (record->kind == GYR_LOG_COMMIT)
		return (uint32_t)sizeof(struct gyr_log_commit);
	return record->length - (uint32_t)sizeof *record - record->pad;
}

/* The raw transaction of a TX record. */
static inline struct gyr_slice gyr_log_tx_raw(const struct gyr_log_record *record)
{
	const uint8_t *body = gyr_log_body(record);

	return (struct gyr_slice){ body + sizeof(struct gyr_log_tx),
				   gyr_log_body_length(record) - sizeof(struct gyr_log_tx) };
}

static inline uint32_t gyr_log_receive_error(uint64_t error_ns, enum gyr_log_clock clock)
{
	return (uint32_t)gyr_min_u64(error_ns, GYR_LOG_RECEIVE_ERROR_NS_MAX) | (uint32_t)clock
										       << 30;
}

/* Whose log it is. fork is a canonical form of the fork schedule that the caller chooses. */
struct gyr_log_identity {
	struct gyr_hash genesis_hash;
	uint64_t chain_id;
	uint64_t segment_size; /* a power of two */
	struct gyr_hash fork_hash;
	uint32_t format_version;
	uint32_t fork_length;
	uint8_t secret[GYR_LOG_SECRET_LENGTH];
	uint8_t fork[GYR_LOG_FORK_LENGTH_MAX];
};

/* The checksum's key, expanded from the secret. */
struct gyr_log_key {
	uint64_t words[GYR_LOG_SECTOR / 8];
	uint64_t point[3]; /* r, r^2, r^3 modulo 2^61 - 1 */
};

void gyr_log_key_init(struct gyr_log_key *key, const uint8_t secret[GYR_LOG_SECRET_LENGTH]);

/*
 * The checksum of length bytes (a multiple of 512, 8-byte aligned), the eight bytes at `hole` taken
 * as zero. Two different inputs of n sectors collide with probability at most 3n / 2^61 + 2^-64
 * over the key, whatever they are.
 */
uint64_t gyr_log_checksum(const struct gyr_log_key *key, const uint8_t *data, size_t length,
			  size_t hole);

/* Why bytes are not a record or a block. */
enum gyr_log_fault {
	GYR_LOG_FAULT_NONE = 0,
	GYR_LOG_FAULT_ZERO,	 /* never written: the first eight bytes are zero */
	GYR_LOG_FAULT_TRUNCATED, /* goes on behind the bytes given */
	GYR_LOG_FAULT_LENGTH,
	GYR_LOG_FAULT_KIND,
	GYR_LOG_FAULT_FIELD, /* flags, padding or a body that its kind cannot have */
	GYR_LOG_FAULT_POSITION,
	GYR_LOG_FAULT_EPOCH,
	GYR_LOG_FAULT_COMMIT, /* no COMMIT, or one that does not describe this block */
	GYR_LOG_FAULT_CHECKSUM,
};

const char *gyr_log_fault_text(enum gyr_log_fault fault);

/* A parsed block. Its records are well formed; walk them with gyr_log_block_next. */
struct gyr_log_block {
	const uint8_t *data;
	uint32_t length;
	uint32_t epoch;
	uint64_t position;
	uint64_t durable;
	uint64_t previous_checksum;
	uint64_t checksum;
	uint64_t arrival_last; /* the highest arrival number so far */
	uint32_t record_count; /* without COMMIT */
};

/*
 * Judges one record that is to lie at `position`; data is 8-byte aligned, any bytes. Reads at most
 * length bytes.
 */
enum gyr_log_fault gyr_log_record_check(uint64_t position, const uint8_t *data, size_t length);

/*
 * Judges a block that is to start at `position` (a multiple of 4 KiB) in any bytes; fills `out`
 * when there is no fault. TRUNCATED: more bytes than `length` are needed to say; with
 * GYR_LOG_BLOCK_LENGTH_MAX bytes it is a final answer.
 */
enum gyr_log_fault gyr_log_block_parse(struct gyr_log_block *out, const struct gyr_log_key *key,
				       uint64_t position, const uint8_t *data, size_t length);

/* The record after `record`, the first for NULL; NULL behind COMMIT, the last one. */
static inline const struct gyr_log_record *gyr_log_block_next(const struct gyr_log_block *block,
							      const struct gyr_log_record *record)
{
	const uint8_t *at;

	if (record == NULL)
		return (const struct gyr_log_record *)(const void *)block->data;
	at = (const uint8_t *)record + record->length;
	if (at >= block->data + block->length)
		return NULL;
	return (const struct gyr_log_record *)(const void *)at;
}

/*
 * Reads the GENESIS record at the start of a segment, before there is a key to check it with: the
 * block that holds it must be parsed with the key of this secret afterwards.
 */
enum gyr_log_fault gyr_log_identity_read(struct gyr_log_identity *out, uint64_t position,
					 const uint8_t *data, size_t length);

/* Bytes of a GENESIS record with this identity. */
static inline uint32_t gyr_log_genesis_length(const struct gyr_log_identity *identity)
{
	return (uint32_t)gyr_round_up(sizeof(struct gyr_log_record) +
					      sizeof(struct gyr_log_genesis) +
					      identity->fork_length,
				      8);
}

/* "tx", "reject", …; NULL for a number that is no kind. */
const char *gyr_log_kind_name(unsigned kind);

/*
 * One JSON object without a newline that shows a record (the secret left out, raw transactions as
 * hex when `raw`); returns its length as snprintf does, cut at size.
 */
size_t gyr_log_record_json(char *to, size_t size, const struct gyr_log_record *record, bool raw);

#endif
