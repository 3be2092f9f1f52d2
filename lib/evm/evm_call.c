/* SPDX-License-Identifier: Apache-2.0 */
/* Frames: how calls and creations begin and end. Shared by every tier. */
#include "evm_stream.h"

#define CALL_VALUE_GAS	    9000
#define CALL_STIPEND	    2300
#define NEW_ACCOUNT_GAS	    25000
#define CODE_BYTE_GAS	    200
#define CODE_LENGTH_MAX	    24576 /* EIP-170 */
#define INIT_LENGTH_MAX	    49152 /* EIP-3860 */
#define WARM_GAS	    100
#define SELFDESTRUCT_REFUND 24000
#define ENTRY_HEAT	    1000

/* A call or creation whose gas is settled. */
struct call {
	struct gyr_account *account;	/* whose storage */
	struct gyr_account *code_owner; /* whose code */
	struct gyr_address code_address;
	struct gyr_account *payer; /* NULL: value is only told */
	struct gyr_address caller;
	struct gyr_u256 value;
	struct gyr_slice input;
	int64_t gas;
	bool is_static;
	bool touches;
	uint64_t out_offset;
	uint64_t out_size;
};

static void transfer(struct gyr_state *state, struct gyr_account *from, struct gyr_account *to,
		     const struct gyr_u256 *value)
{
	struct gyr_u256 balance;

	if (gyr_u256_is_zero(value) || from == to)
		return;
	gyr_assert(!gyr_u256_less(&from->balance, value));
	(void)gyr_u256_sub(&balance, &from->balance, value);
	gyr_state_set_balance(state, from, &balance);
	(void)gyr_u256_add(&balance, &to->balance, value);
	gyr_state_set_balance(state, to, &balance);
}

static unsigned depth_of(const struct gyr_evm *evm, const struct gyr_evm_frame *frame)
{
	return frame == NULL ? 0 : (unsigned)(frame - evm->frames) + 1;
}

/* The next frame, above the running one or outermost, with its stack and memory placed. */
static struct gyr_evm_frame *push_frame(struct gyr_evm *evm, const struct call *call,
					const struct gyr_checkpoint *checkpoint)
{
	struct gyr_evm_frame *parent = evm->frame;
	struct gyr_evm_frame *frame = parent == NULL ? evm->frames : parent + 1;
	/* One word below the stack may be read by an instruction that then fails. */
	struct gyr_u256 *stack = parent == NULL ? evm->stack + 1 : parent->sp + 2;

	gyr_assert(depth_of(evm, parent) <= GYR_EVM_DEPTH_MAX);
	gyr_assert((size_t)(stack - evm->stack) + GYR_EVM_STACK_MAX + EVM_STREAM_SPARE_WORDS <=
		   evm->stack_count);
	*frame = (struct gyr_evm_frame){
		.sp = stack - 1,
		.stack = stack,
		.memory = parent == NULL ? evm->memory : parent->memory + parent->memory_size,
		.account = call->account,
		.input = call->input.data,
		.input_size = call->input.length,
		.value = call->value,
		.caller = call->caller,
		.is_static = call->is_static,
		.since = checkpoint->journal_count,
		.checkpoint = *checkpoint,
		.out_offset = call->out_offset,
		.out_size = call->out_size,
	};
	evm->frame = frame;
	evm->return_size = 0;
	return frame;
}

static void finish(struct gyr_evm *evm, enum gyr_evm_halt halt, int64_t gas_left)
{
	evm->result = (struct gyr_evm_result){
		.halt = halt,
		.gas_left = gas_left,
		.output = { .data = evm->return_data, .length = evm->return_size },
	};
	evm->frame = NULL;
}

/* Gives a waiting frame the outcome of what it called. */
static enum evm_next resume(struct gyr_evm *evm, struct gyr_evm_frame *frame,
			    const struct gyr_u256 *outcome, int64_t gas_left, int64_t slice,
			    uint64_t out_offset, uint64_t out_size)
{
	uint64_t count = gyr_min_u64(out_size, evm->return_size);

	if (count != 0)
		memcpy(frame->memory + out_offset, evm->return_data, count);
	*++frame->sp = *outcome;
	evm->frame = frame;
	evm_set_gas(evm, frame, frame->gas + gas_left, slice);
	return EVM_NEXT_RUN;
}

static void run_precompile(struct gyr_evm *evm, enum gyr_precompile which, const struct call *call,
			   enum gyr_evm_halt *halt, int64_t *gas_left)
{
	uint64_t price = gyr_precompile_gas(&evm->rules.precompiles, which, call->input);
	enum gyr_precompile_status status;
	size_t length = 0;

	*gas_left = 0;
	evm->return_size = 0;
	if (price > (uint64_t)call->gas) {
		*halt = GYR_EVM_OUT_OF_GAS;
		return;
	}
	status = gyr_precompile_run(evm->precompile, &evm->rules.precompiles, which,
				    evm->return_buffer, evm->return_capacity, &length,
				    &evm->scratch, call->input);
	if (status == GYR_PRECOMPILE_NO_MEMORY)
		evm->fatal = true;
	if (status != GYR_PRECOMPILE_OK) {
		*halt = GYR_EVM_PRECOMPILE_FAILED;
		return;
	}
	*halt = GYR_EVM_SUCCESS;
	*gas_left = call->gas - (int64_t)price;
	evm->return_data = evm->return_buffer;
	evm->return_size = length;
}

/* The code that runs for an account: its own, or what it delegates to (EIP-7702). */
static const struct gyr_code *code_of(struct gyr_evm *evm, const struct gyr_account *owner)
{
	const struct gyr_code *code = gyr_state_code_at(evm->state, owner->code);

	if (code->delegated && evm->rules.fork >= GYR_FORK_PRAGUE) {
		const struct gyr_account *target = gyr_state_account(evm->state, &code->target);

		/* A delegation to a precompile runs no code. */
		if (gyr_evm_is_precompile(evm, &code->target))
			return gyr_state_code_at(evm->state, 0);
		code = gyr_state_code_at(evm->state, target->code);
	}
	return code;
}

/* Tier 1 for code that has a stream for the fork in force, unless every step is traced. */
static void choose_tier(struct gyr_evm *evm, struct gyr_evm_frame *frame,
			const struct gyr_code *code, int64_t gas)
{
	/* Pairs with the store of whoever translated it, maybe on another lane (gyr_evm_publish);
	 * sequentially consistent for the sake of gyr_evm_quiet. */
	const struct gyr_evm_stream *stream = __atomic_load_n(&code->stream, __ATOMIC_SEQ_CST);

	if (stream == NULL || stream->fork != (uint32_t)evm->rules.fork || evm->tracer != NULL) {
		frame->heated = (uint32_t)(code - evm->state->codes);
		frame->gas_start = gas;
		return;
	}
	frame->stream = stream;
	frame->at = &stream->cells[EVM_STREAM_FIRST];
}

/* A frame of tier 0 ends: its code may have earned a stream. */
static void heat(struct gyr_evm *evm, const struct gyr_evm_frame *frame, int64_t gas_left)
{
	struct gyr_code *code = &evm->state->codes[frame->heated];
	uint64_t old = code->heat;

	if (frame->heated == 0 || evm->heat_wanted == 0)
		return;
	code->heat += ENTRY_HEAT + (uint64_t)(frame->gas_start - gas_left);
	if (old / evm->heat_wanted == code->heat / evm->heat_wanted)
		return;
	/* Code that this transaction added may go with it. */
	if (frame->heated <= evm->state->code_count_at_tx && evm->wanted_count < GYR_EVM_WANTED_MAX)
		evm->wanted[evm->wanted_count++] = frame->heated;
}

/* True when a frame was entered; else *halt and *gas_left tell what happened at once. */
static bool enter_call(struct gyr_evm *evm, const struct call *call, int64_t slice,
		       enum gyr_evm_halt *halt, int64_t *gas_left)
{
	struct gyr_checkpoint checkpoint = gyr_state_checkpoint(evm->state);
	enum gyr_precompile which;
	const struct gyr_code *code;
	struct gyr_evm_frame *frame;

	if (call->touches)
		gyr_state_touch(evm->state, call->account);
	if (call->payer != NULL)
		transfer(evm->state, call->payer, call->account, &call->value);
	which = gyr_precompile_at(&evm->rules.precompiles, &call->code_address);
	if (which != GYR_PRECOMPILE_NONE) {
		run_precompile(evm, which, call, halt, gas_left);
		if (*halt != GYR_EVM_SUCCESS)
			gyr_state_revert(evm->state, &checkpoint);
		return false;
	}
	code = code_of(evm, call->code_owner);
	if (code->length == 0) {
		evm->return_size = 0;
		*halt = GYR_EVM_SUCCESS;
		*gas_left = call->gas;
		return false;
	}
	frame = push_frame(evm, call, &checkpoint);
	frame->ip = frame->code = code->bytes;
	frame->code_length = code->length;
	frame->jumpdests = code->jumpdests;
	choose_tier(evm, frame, code, call->gas);
	evm_set_gas(evm, frame, call->gas, slice);
	return true;
}

/* What a CALL costs beyond its static price, memory apart. */
static int64_t call_cost(struct gyr_evm *evm, uint8_t op, const struct gyr_account *to,
			 bool has_value)
{
	const struct gyr_code *code = gyr_state_code_at(evm->state, to->code);
	int64_t cost = 0;

	if (code->delegated && evm->rules.fork >= GYR_FORK_PRAGUE) {
		struct gyr_account *target = gyr_state_account(evm->state, &code->target);

		cost += WARM_GAS + evm_warm(evm, target);
	}
	if (has_value)
		cost += CALL_VALUE_GAS;
	if (op != 0xf1)
		return cost;
	if (evm->rules.fork >= GYR_FORK_SPURIOUS ? has_value && evm_account_dead(evm, to)
						 : (to->flags & GYR_ACCOUNT_EXISTS) == 0)
		cost += NEW_ACCOUNT_GAS;
	return cost;
}

/* Memory for an instruction in C: charges *total; false when it cannot pay. */
static bool pay_memory(struct gyr_evm *evm, struct gyr_evm_frame *frame, uint64_t end,
		       int64_t *total)
{
	int64_t cost = evm_memory_cost(frame->memory_size, end);

	if (cost > *total)
		return false;
	*total -= cost;
	frame->memory_size = evm_memory_grow(evm, frame, frame->memory_size, end);
	return true;
}

/* The part of `total` that goes to the callee (EIP-150); false: more is asked for than there is. */
static bool split_gas(const struct gyr_evm *evm, const struct gyr_u256 *wanted, int64_t total,
		      int64_t *child)
{
	uint64_t most = (uint64_t)total;
	uint64_t asked = gyr_u256_to_u64_saturating(wanted);

	if (evm->rules.fork < GYR_FORK_TANGERINE) {
		*child = (int64_t)asked;
		return asked <= most;
	}
	*child = (int64_t)gyr_min_u64(asked, most - most / 64);
	return true;
}

/* Who pays whom and whose code runs, for the four kinds of call. */
static void aim(struct gyr_evm_frame *frame, uint8_t op, struct gyr_account *to, struct call *call)
{
	bool own_storage = op == 0xf2 || op == 0xf4;

	call->account = own_storage ? frame->account : to;
	call->code_owner = to;
	call->code_address = to->address;
	call->caller = op == 0xf4 ? frame->caller : *evm_self(frame);
	call->payer = op == 0xf1 || op == 0xf2 ? frame->account : NULL;
	call->is_static = frame->is_static || op == 0xfa;
	call->touches = op == 0xf1 || op == 0xfa;
	if (op == 0xf4)
		call->value = frame->value;
}

enum evm_next evm_call(struct gyr_evm *evm, uint8_t op, enum gyr_evm_halt *halt)
{
	struct gyr_evm_frame *frame = evm->frame;
	bool with_value = op == 0xf1 || op == 0xf2;
	const struct gyr_u256 *sp = frame->sp, *ranges = with_value ? sp - 3 : sp - 2;
	struct call call = { .value = with_value ? sp[-2] : gyr_u256_from_u64(0) };
	bool has_value = !gyr_u256_is_zero(&call.value), short_of_funds;
	int64_t start = frame->gas + evm->withheld, total = start, cost, left = 0;
	int64_t slice = frame->gas + evm->spare;
	uint64_t in_end = evm_range_end(&ranges[0], &ranges[-1]);
	uint64_t out_end = evm_range_end(&ranges[-2], &ranges[-3]);
	struct gyr_u256 outcome = gyr_u256_from_u64(0);
	struct gyr_account *to;

	if (op == 0xf1 && has_value && frame->is_static) {
		*halt = GYR_EVM_STATIC_VIOLATION;
		return EVM_NEXT_HALT;
	}
	*halt = GYR_EVM_OUT_OF_GAS;
	if (!pay_memory(evm, frame, gyr_max_u64(in_end, out_end), &total))
		return EVM_NEXT_HALT;
	if (evm->fatal)
		return EVM_NEXT_HALT;
	to = evm_account(evm, &sp[-1], &cost);
	cost += call_cost(evm, op, to, has_value);
	if (cost > total)
		return EVM_NEXT_HALT;
	total -= cost;
	if (!split_gas(evm, &sp[0], total, &call.gas))
		return EVM_NEXT_HALT;
	slice -= start - total;
	total -= call.gas;
	if (has_value)
		call.gas += CALL_STIPEND;

	aim(frame, op, to, &call);
	call.input.length = in_end == 0 ? 0 : ranges[-1].limb[0];
	call.input.data = frame->memory + (in_end == 0 ? 0 : ranges[0].limb[0]);
	call.out_size = out_end == 0 ? 0 : ranges[-3].limb[0];
	call.out_offset = out_end == 0 ? 0 : ranges[-2].limb[0];
	frame->sp -= with_value ? 7 : 6;
	frame->gas = total;
	evm->return_size = 0;
	short_of_funds = call.payer != NULL && gyr_u256_less(&call.payer->balance, &call.value);
	if (depth_of(evm, frame) > GYR_EVM_DEPTH_MAX || short_of_funds)
		return resume(evm, frame, &outcome, call.gas, slice, 0, 0);
	if (enter_call(evm, &call, slice, halt, &left))
		return EVM_NEXT_RUN;
	outcome.limb[0] = *halt == GYR_EVM_SUCCESS;
	return resume(evm, frame, &outcome, left, slice, call.out_offset, call.out_size);
}

/*
 * Enters the init code of a new contract at call->account. False when the address is taken (EIP-684
 * and EIP-7610) or the arena is too small (evm->fatal).
 */
static bool enter_create(struct gyr_evm *evm, const struct call *call, int64_t slice)
{
	struct gyr_account *account = call->account;
	struct gyr_checkpoint checkpoint;
	struct gyr_evm_frame *frame;
	uint8_t *code;
	size_t length = call->input.length, size = length + GYR_CODE_PADDING + length / 8 + 1;

	if (account->nonce != 0 || account->code != 0 || account->slot_count != 0)
		return false;
	checkpoint = gyr_state_checkpoint(evm->state);
	gyr_state_touch(evm->state, account);
	(void)gyr_state_mark(evm->state, account, GYR_ACCOUNT_CREATED);
	if (evm->rules.fork >= GYR_FORK_SPURIOUS)
		gyr_state_set_nonce(evm->state, account, 1);
	transfer(evm->state, call->payer, account, &call->value);
	frame = push_frame(evm, call, &checkpoint);
	frame->create = true;
	/* Padded code and its bitmap lie below the frame's own memory. */
	code = frame->memory;
	size = gyr_round_up(size, 64);
	if (size > (size_t)(evm->memory + evm->memory_size - code)) {
		evm->fatal = true;
		return false;
	}
	if (length != 0)
		memcpy(code, call->input.data, length);
	memset(code + length, 0, GYR_CODE_PADDING);
	gyr_code_analyse(code + length + GYR_CODE_PADDING, code, length);
	frame->memory += size;
	frame->ip = frame->code = code;
	frame->code_length = length;
	frame->jumpdests = code + length + GYR_CODE_PADDING;
	frame->input = NULL;
	frame->input_size = 0;
	evm_set_gas(evm, frame, call->gas, slice);
	return true;
}

/* Memory and the price of the init code of CREATE and CREATE2. */
static bool pay_init_code(struct gyr_evm *evm, struct gyr_evm_frame *frame, uint8_t op,
			  int64_t *total, enum gyr_evm_halt *halt)
{
	const struct gyr_u256 *sp = frame->sp;
	uint64_t end = evm_range_end(&sp[-1], &sp[-2]);
	int64_t words, price = op == 0xf5 ? 6 : 0;

	*halt = GYR_EVM_OUT_OF_GAS;
	if (evm->rules.fork >= GYR_FORK_SHANGHAI) {
		price += 2;
		if (gyr_u256_to_u64_saturating(&sp[-2]) > INIT_LENGTH_MAX) {
			*halt = GYR_EVM_INIT_TOO_LONG;
			return false;
		}
	}
	if (!pay_memory(evm, frame, end, total) || evm->fatal)
		return false;
	words = end == 0 ? 0 : (int64_t)evm_words(sp[-2].limb[0]);
	if (words * price > *total)
		return false;
	*total -= words * price;
	return true;
}

enum evm_next evm_create(struct gyr_evm *evm, uint8_t op, enum gyr_evm_halt *halt)
{
	struct gyr_evm_frame *frame = evm->frame;
	const struct gyr_u256 *sp = frame->sp, salt = op == 0xf5 ? sp[-3] : gyr_u256_from_u64(0);
	struct gyr_u256 outcome = gyr_u256_from_u64(0);
	struct call call = { .value = sp[0], .payer = frame->account, .caller = *evm_self(frame) };
	int64_t start = frame->gas + evm->withheld, total = start;
	int64_t slice = frame->gas + evm->spare;
	struct gyr_account *creator = frame->account;
	struct gyr_address address;

	if (frame->is_static) {
		*halt = GYR_EVM_STATIC_VIOLATION;
		return EVM_NEXT_HALT;
	}
	if (!pay_init_code(evm, frame, op, &total, halt))
		return EVM_NEXT_HALT;
	call.input.length = gyr_u256_is_zero(&sp[-2]) ? 0 : sp[-2].limb[0];
	call.input.data = frame->memory + (call.input.length == 0 ? 0 : sp[-1].limb[0]);
	frame->sp -= op == 0xf5 ? 4 : 3;
	evm->return_size = 0;
	slice -= start - total;
	if (depth_of(evm, frame) > GYR_EVM_DEPTH_MAX ||
	    gyr_u256_less(&creator->balance, &call.value) || creator->nonce == UINT64_MAX) {
		frame->gas = total;
		return resume(evm, frame, &outcome, 0, slice, 0, 0);
	}
	call.gas = evm->rules.fork < GYR_FORK_TANGERINE ? total : total - total / 64;
	frame->gas = total - call.gas;
	if (op == 0xf5)
		gyr_evm_create2_address(evm->keccak, &address, evm_self(frame), &salt, call.input);
	else
		gyr_evm_create_address(evm->keccak, &address, evm_self(frame), creator->nonce);
	gyr_state_set_nonce(evm->state, creator, creator->nonce + 1);
	call.account = gyr_state_account(evm->state, &address);
	(void)gyr_state_mark(evm->state, call.account, GYR_ACCOUNT_WARM);
	if (enter_create(evm, &call, slice))
		return EVM_NEXT_RUN;
	return resume(evm, frame, &outcome, 0, slice, 0, 0);
}

/* Stores what init code returned; how the creation ends. */
static enum gyr_evm_halt deposit(struct gyr_evm *evm, struct gyr_evm_frame *frame,
				 struct gyr_slice code, int64_t *total)
{
	int64_t price = (int64_t)code.length * CODE_BYTE_GAS;

	if (evm->rules.fork >= GYR_FORK_SPURIOUS && code.length > CODE_LENGTH_MAX)
		return GYR_EVM_CODE_TOO_LONG;
	if (evm->rules.fork >= GYR_FORK_LONDON && code.length != 0 && code.data[0] == 0xef)
		return GYR_EVM_CODE_PREFIX;
	if (price > *total)
		/* Frontier leaves a contract without code behind (EIP-2). */
		return evm->rules.fork >= GYR_FORK_HOMESTEAD ? GYR_EVM_OUT_OF_GAS : GYR_EVM_SUCCESS;
	*total -= price;
	if (code.length != 0)
		gyr_state_set_code(evm->state, frame->account,
				   gyr_state_code_add(evm->state, code));
	return GYR_EVM_SUCCESS;
}

enum evm_next evm_end_frame(struct gyr_evm *evm, enum gyr_evm_halt halt, uint64_t offset,
			    uint64_t size)
{
	struct gyr_evm_frame *frame = evm->frame;
	int64_t total = frame->gas + evm->withheld, slice = frame->gas + evm->spare;
	struct gyr_slice output = { .data = frame->memory + offset, .length = size };
	struct gyr_u256 outcome = gyr_u256_from_u64(0);

	if (halt == GYR_EVM_SUCCESS && frame->create) {
		halt = deposit(evm, frame, output, &total);
		output.length = 0;
	}
	if (halt > GYR_EVM_REVERT) {
		total = 0;
		output.length = 0;
	}
	heat(evm, frame, total);
	if (halt != GYR_EVM_SUCCESS)
		gyr_state_revert(evm->state, &frame->checkpoint);
	if (output.length > evm->return_capacity) {
		evm->fatal = true;
		output.length = 0;
	}
	if (output.length != 0)
		memcpy(evm->return_buffer, output.data, output.length);
	evm->return_data = evm->return_buffer;
	evm->return_size = output.length;
	if (evm->tracer != NULL && evm->tracer->end != NULL)
		evm->tracer->end(evm->tracer->context, depth_of(evm, frame), halt, total);
	if (frame == evm->frames) {
		finish(evm, halt, total);
		return EVM_NEXT_DONE;
	}
	if (halt == GYR_EVM_SUCCESS && frame->create)
		gyr_u256_from_address(&outcome, evm_self(frame));
	else
		outcome.limb[0] = halt == GYR_EVM_SUCCESS;
	return resume(evm, frame - 1, &outcome, total, slice, frame->out_offset, frame->out_size);
}

void evm_selfdestruct(struct gyr_evm *evm, enum gyr_evm_halt *halt)
{
	struct gyr_evm_frame *frame = evm->frame;
	struct gyr_account *self = frame->account, *heir;
	int64_t cost, total = frame->gas + evm->withheld;
	bool has_value = !gyr_u256_is_zero(&self->balance);
	const struct gyr_u256 zero = gyr_u256_from_u64(0), value = self->balance;
	bool dies = evm->rules.fork < GYR_FORK_CANCUN ||
		    (self->tx_flags & GYR_ACCOUNT_CREATED) != 0;

	heir = evm_account(evm, frame->sp, &cost);
	if (cost != 0)
		cost += WARM_GAS;
	if (evm->rules.fork >= GYR_FORK_SPURIOUS ? has_value && evm_account_dead(evm, heir)
						 : evm->rules.fork >= GYR_FORK_TANGERINE &&
							   (heir->flags & GYR_ACCOUNT_EXISTS) == 0)
		cost += NEW_ACCOUNT_GAS;
	if (cost > total) {
		*halt = GYR_EVM_OUT_OF_GAS;
		return;
	}
	evm_set_gas(evm, frame, total - cost, frame->gas + evm->spare - cost);
	gyr_state_touch(evm->state, heir);
	if (heir != self)
		transfer(evm->state, self, heir, &value);
	else if (dies)
		gyr_state_set_balance(evm->state, self, &zero);
	if (dies && gyr_state_mark(evm->state, self, GYR_ACCOUNT_DESTROYED) &&
	    evm->rules.fork < GYR_FORK_LONDON)
		evm->state->refund += SELFDESTRUCT_REFUND;
	*halt = GYR_EVM_SUCCESS;
}

int64_t evm_store_cost(struct gyr_evm *evm, struct gyr_slot *slot, const struct gyr_u256 *value)
{
	const struct gyr_evm_rules *rules = &evm->rules;
	bool net = rules->fork >= GYR_FORK_ISTANBUL || rules->fork == GYR_FORK_CONSTANTINOPLE;
	bool to_zero = gyr_u256_is_zero(value), from_zero = gyr_u256_is_zero(&slot->value);
	bool original_zero = gyr_u256_is_zero(&slot->original);

	if (!net) {
		if (!from_zero && to_zero)
			evm->state->refund += rules->store_clear_refund;
		return from_zero && !to_zero ? rules->store_set : rules->store_reset;
	}
	if (gyr_u256_equal(&slot->value, value))
		return rules->store_same;
	if (gyr_u256_equal(&slot->value, &slot->original)) {
		if (original_zero)
			return rules->store_set;
		if (to_zero)
			evm->state->refund += rules->store_clear_refund;
		return rules->store_reset;
	}
	if (!original_zero && from_zero)
		evm->state->refund -= rules->store_clear_refund;
	if (!original_zero && to_zero)
		evm->state->refund += rules->store_clear_refund;
	if (gyr_u256_equal(value, &slot->original))
		evm->state->refund += (original_zero ? rules->store_set : rules->store_reset) -
				      rules->store_same;
	return rules->store_same;
}

void gyr_evm_begin(struct gyr_evm *evm, const struct gyr_evm_message *message)
{
	struct gyr_account *sender = gyr_state_account(evm->state, &message->sender);
	struct gyr_account *to = gyr_state_account(evm->state, &message->to);
	struct call call = {
		.account = to,
		.code_owner = to,
		.code_address = message->to,
		.payer = sender,
		.caller = message->sender,
		.value = message->value,
		.input = message->input,
		.gas = message->gas,
		.is_static = message->is_static,
		.touches = true,
	};
	enum gyr_evm_halt halt = GYR_EVM_CREATE_COLLISION;
	int64_t gas_left = 0;

	gyr_assert(evm->frame == NULL);
	evm->return_size = 0;
	evm->return_data = evm->return_buffer;
	if (message->create ? enter_create(evm, &call, 0)
			    : enter_call(evm, &call, 0, &halt, &gas_left))
		return;
	finish(evm, halt, gas_left);
}
