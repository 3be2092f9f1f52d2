/* SPDX-License-Identifier: Apache-2.0 */
/* A capture in memory, and one being written: the only place that touches libpcap. */
#ifndef REPLAY_FILE_H
#define REPLAY_FILE_H

#include "gyr_base.h"

struct replay_frame {
	uint64_t at_ns; /* UTC */
	size_t offset;	/* in bytes */
	uint32_t length;
	bool is_cut; /* the capture holds less than the frame had */
};

/* Owned by the caller of replay_file_load, freed with replay_file_free. */
struct replay_file {
	struct replay_frame *frames;
	size_t frame_count;
	size_t frame_count_max;
	uint8_t *bytes;
	size_t size;
	size_t size_max;
	uint32_t error_ns; /* resolution of the stamps */
};

struct replay_output;

int replay_file_load(struct replay_file *file, const char *path);
void replay_file_free(struct replay_file *file);

int replay_output_open(struct replay_output **output, const char *path);
/* False: the disk refused; told once more by close. */
bool replay_output_write(struct replay_output *output, const uint8_t *frame, size_t length,
			 uint64_t at_ns);
void replay_output_close(struct replay_output *output);

#endif
