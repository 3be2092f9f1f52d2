/* SPDX-License-Identifier: Apache-2.0 */
#include "statetest_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "gyr_err.h"

#define JOB_COUNT_MAX 64

static int run_case(struct statetest_job *job, const char *file, const char *name, json_t *json)
{
	const char *wanted = job->options->fork, *fork;
	struct statetest_case test = { .file = file, .name = name };
	json_t *posts, *post;
	size_t index;
	int error = 0;

	if (!statetest_case_read(&test, json))
		error = gyr_err_push(GYR_ERR_DATA, __FILE__, __LINE__,
				     "%s: %s is no state test that can be read", file, name);
	json_object_foreach(test.post, fork, posts)
	{
		json_array_foreach(posts, index, post)
		{
			struct statetest_post expected = { .index = (unsigned)index };

			if (error != 0 || (wanted != NULL && strcmp(wanted, fork) != 0))
				continue;
			if (statetest_post_read(&expected, fork, post))
				statetest_execute(job, &test, &expected);
			else
				error = gyr_err_push(GYR_ERR_DATA, __FILE__, __LINE__,
						     "%s: %s: post-state %zu of %s is off", file,
						     name, index, fork);
			free(expected.tx);
		}
	}
	statetest_case_free(&test);
	return error;
}

static bool is_skipped(const struct gyr_statetest_options *options, const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash == NULL ? name : slash + 1;

	for (unsigned i = 0; i < options->skip_count; i++)
		if (strstr(base, options->skips[i]) != NULL)
			return true;
	return false;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int run_file(struct statetest_job *job, const struct statetest_file *file)
{
	const struct gyr_statetest_options *options = job->options;
	uint64_t start_ms = now_ms();
	json_error_t where;
	const char *name;
	json_t *root, *test;
	int error = 0;

	if (is_skipped(options, file->name)) {
		job->totals.skipped++;
		return 0;
	}
	root = json_loadb(file->bytes, file->length, 0, &where);
	if (root == NULL)
		GYR_FAIL(GYR_ERR_DATA, "%s:%d:%d: %s", file->name, where.line, where.column,
			 where.text);
	json_object_foreach(root, name, test) if (error == 0)
		error = run_case(job, file->name, name, test);
	json_decref(root);
	if (options->timing) {
		(void)pthread_mutex_lock(&job->run->out_lock);
		(void)fprintf(options->out, "%8" PRIu64 " ms %s\n", now_ms() - start_ms,
			      file->name);
		(void)pthread_mutex_unlock(&job->run->out_lock);
	}
	return error;
}

static void *work(void *argument)
{
	struct statetest_job *job = argument;
	struct statetest_run *run = job->run;

	for (;;) {
		/* Writers: the jobs; each index is taken once, and nothing else is published. */
		size_t next = atomic_fetch_add_explicit(&run->next, 1, memory_order_relaxed);

		if (next >= run->files->count)
			return NULL;
		job->error = run_file(job, &run->files->list[next]);
		if (job->error != 0) {
			(void)pthread_mutex_lock(&run->out_lock);
			(void)fprintf(run->options->out, "ERROR %s\n", gyr_err_cause());
			(void)pthread_mutex_unlock(&run->out_lock);
			return NULL;
		}
	}
}

static int run_jobs(struct statetest_run *run, struct gyr_statetest_totals *totals)
{
	struct statetest_job jobs[JOB_COUNT_MAX] = { 0 };
	unsigned count = run->options->job_count, started = 0;
	int error = 0;

	if (count == 0 || count > JOB_COUNT_MAX)
		count = count == 0 ? 1 : JOB_COUNT_MAX;
	for (unsigned i = 0; i < count && error == 0; i++) {
		jobs[i].options = run->options;
		jobs[i].run = run;
		if (!statetest_job_init(&jobs[i]))
			error = gyr_err_push(GYR_ERR_MEMORY, __FILE__, __LINE__,
					     "no memory for job %u: %zu bytes", i,
					     jobs[i].memory_size);
		else if (i > 0 && pthread_create(&jobs[i].thread, NULL, work, &jobs[i]) != 0)
			error = gyr_err_push(GYR_ERR_MEMORY, __FILE__, __LINE__, "no thread");
		else
			started++;
	}
	if (started > 0)
		(void)work(&jobs[0]);
	for (unsigned i = 0; i < count; i++) {
		if (i > 0 && i < started)
			(void)pthread_join(jobs[i].thread, NULL);
		if (jobs[i].error != 0)
			error = jobs[i].error;
		totals->passed += jobs[i].totals.passed;
		totals->failed += jobs[i].totals.failed;
		totals->skipped += jobs[i].totals.skipped;
		totals->gas += jobs[i].totals.gas;
		totals->translated += jobs[i].totals.translated;
		statetest_job_fini(&jobs[i]);
	}
	return error;
}

int gyr_statetest_run(const struct gyr_statetest_options *options, const char *const *paths,
		      unsigned path_count, struct gyr_statetest_totals *totals)
{
	struct statetest_files files = { .count = 0 };
	struct statetest_run run = { .options = options,
				     .files = &files,
				     .out_lock = PTHREAD_MUTEX_INITIALIZER };
	int error = 0;

	*totals = (struct gyr_statetest_totals){ .passed = 0 };
	for (unsigned i = 0; i < path_count && error == 0; i++)
		error = statetest_files_add(&files, paths[i]);
	if (error == 0)
		error = run_jobs(&run, totals);
	statetest_files_free(&files);
	return error;
}

void gyr_statetest_print_totals(const struct gyr_statetest_options *options,
				const struct gyr_statetest_totals *totals)
{
	(void)fprintf(options->out,
		      options->json ? "{\"passed\":%" PRIu64 ",\"failed\":%" PRIu64
				      ",\"skipped\":%" PRIu64 "}\n"
				    : "%" PRIu64 " passed, %" PRIu64 " failed, %" PRIu64
				      " skipped\n",
		      totals->passed, totals->failed, totals->skipped);
}
