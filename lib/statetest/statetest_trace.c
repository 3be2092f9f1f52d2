/* SPDX-License-Identifier: Apache-2.0 */
/* EIP-3155. A line is held back until the next one tells what its instruction cost. */
#include "statetest_internal.h"

#include <stdlib.h>

static void flush(struct statetest_trace *trace, int64_t cost)
{
	if (trace->waiting)
		(void)fprintf(trace->out, "%s,\"gasCost\":\"0x%llx\"}\n", trace->line,
			      (unsigned long long)(cost < 0 ? 0 : cost));
	trace->waiting = false;
}

static void word_text(FILE *out, const struct gyr_u256 *word)
{
	int top = 3;

	while (top > 0 && word->limb[top] == 0)
		top--;
	(void)fprintf(out, "\"0x%llx", (unsigned long long)word->limb[top]);
	while (top-- > 0)
		(void)fprintf(out, "%016llx", (unsigned long long)word->limb[top]);
	(void)fprintf(out, "\"");
}

static void on_step(void *context, const struct gyr_evm_trace_step *step)
{
	struct statetest_trace *trace = context;
	const char *name = gyr_evm_op_name(step->op);
	FILE *line;

	/* Into a call: what the caller kept is what the instruction left. */
	flush(trace, trace->gas - (step->depth > trace->depth ? step->caller_gas : step->gas));
	free(trace->line);
	trace->line = NULL;
	line = open_memstream(&trace->line, &trace->line_size);
	if (line == NULL)
		return;
	(void)fprintf(line,
		      "{\"pc\":%llu,\"op\":%u,\"gas\":\"0x%llx\",\"memSize\":%llu,\"stack\":[",
		      (unsigned long long)step->pc, step->op, (unsigned long long)step->gas,
		      (unsigned long long)step->memory_size);
	for (size_t i = 0; i < step->stack_count; i++) {
		(void)fprintf(line, i == 0 ? "" : ",");
		word_text(line, &step->stack[i]);
	}
	(void)fprintf(line, "],\"depth\":%u,\"refund\":%lld,\"opName\":\"%s\"", step->depth,
		      (long long)step->refund, name == NULL ? "INVALID" : name);
	(void)fclose(line);
	trace->waiting = true;
	trace->gas = step->gas;
	trace->depth = step->depth;
}

static void on_end(void *context, unsigned depth, enum gyr_evm_halt halt, int64_t gas_left)
{
	struct statetest_trace *trace = context;

	(void)depth;
	flush(trace, trace->gas - gas_left);
	if (halt != GYR_EVM_SUCCESS)
		(void)fprintf(trace->out, "{\"error\":\"%s\"}\n", gyr_evm_halt_name(halt));
}

void statetest_trace_init(struct statetest_trace *trace, FILE *out)
{
	*trace = (struct statetest_trace){
		.out = out,
		.tracer = { .context = trace, .step = on_step, .end = on_end },
	};
}

void statetest_trace_fini(struct statetest_trace *trace)
{
	flush(trace, 0);
	free(trace->line);
}
