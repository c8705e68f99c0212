/* Selvedge blocks from other programs: read, decode and make them (C99).
 *
 * A block holds many readings of one series: ascending times (int64 nanoseconds since 1970 UTC) and
 * their values, coded without loss or within a bound, behind a header that says count, first and last
 * time, min, max, sum, first and last value without decoding. The bytes are described to the bit in
 * docs/spec/block.md; every version reads the blocks of all versions before it.
 *
 * Rules:
 *   - Bytes from outside may be anything: a damaged block is an error, never a read or write outside.
 *   - No exception or signal crosses; a function that fails returns NULL or a selvedge_status other
 *     than SELVEDGE_OK, and selvedge_block_error() says why, for the calling thread.
 *   - Objects are independent. One object may be used by several threads as long as all of them only
 *     call functions that take it as const.
 *   - Arrays are the caller's; sizes are checked. Strings and spans that are handed out belong to the
 *     object and live as long as it.
 */
#ifndef SELVEDGE_BLOCK_H
#define SELVEDGE_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SELVEDGE_API __attribute__((visibility("default")))
#else
#define SELVEDGE_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows when functions are added; functions are never changed or taken away within one major version
 * of the library. */
#define SELVEDGE_BLOCK_API_VERSION 1
SELVEDGE_API uint32_t selvedge_block_api_version(void);

typedef enum selvedge_status {
  SELVEDGE_OK = 0,
  SELVEDGE_INVALID_INPUT = 1, /* the call itself is wrong: an index, a kind, a size */
  SELVEDGE_CORRUPT = 2,       /* the bytes are damaged, or a newer version made them */
  SELVEDGE_NO_MEMORY = 3
} selvedge_status;

/* Why the last call of this thread failed; "" if none did. Valid until the next call. */
SELVEDGE_API const char* selvedge_block_error(void);

typedef enum selvedge_kind {
  SELVEDGE_FLOAT64 = 0,
  SELVEDGE_INT64 = 1,
  SELVEDGE_BOOLEAN = 2, /* int64 0 or 1 */
  SELVEDGE_TEXT = 3
} selvedge_kind;

/* What a block's header says. min, max and sum leave NaN out; of texts they are of lengths. */
typedef struct selvedge_summary {
  selvedge_kind kind;
  uint32_t count;
  uint32_t nan_count;
  int64_t first_time_ns, last_time_ns;
  double min, max, sum, first, last;
} selvedge_summary;

/* ---- Reading ---------------------------------------------------------------------------------- */

/* Blocks in a buffer: a file of `selvedge block encode`, an answer of `format=frames`, or one frame.
 * The bytes are copied. NULL if they are none of these. */
typedef struct selvedge_blocks selvedge_blocks;
SELVEDGE_API selvedge_blocks* selvedge_blocks_open(const void* bytes, size_t size);
SELVEDGE_API void selvedge_blocks_close(selvedge_blocks* blocks); /* NULL is fine */

SELVEDGE_API size_t selvedge_blocks_count(const selvedge_blocks* blocks);
/* The series of a block, "" where the buffer has no names; NULL if there is no such block. */
SELVEDGE_API const char* selvedge_blocks_series(const selvedge_blocks* blocks, size_t index);
/* The bytes of a block; NULL if there is no such block. */
SELVEDGE_API const void* selvedge_blocks_frame(const selvedge_blocks* blocks, size_t index, size_t* size);
/* Checks the block's checksum and reads its header; decodes nothing. */
SELVEDGE_API selvedge_status selvedge_blocks_summary(const selvedge_blocks* blocks, size_t index,
                                                     selvedge_summary* summary);

/* Decodes a block into arrays of the caller, which have room for `room` readings each (at least the
 * summary's count). Either array may be NULL: that column is not decoded. _float64 takes blocks of
 * float64, _int64 those of int64 and boolean. */
SELVEDGE_API selvedge_status selvedge_blocks_read_float64(const selvedge_blocks* blocks, size_t index,
                                                          int64_t* times_ns, double* values, size_t room);
SELVEDGE_API selvedge_status selvedge_blocks_read_int64(const selvedge_blocks* blocks, size_t index,
                                                        int64_t* times_ns, int64_t* values, size_t room);

/* Decodes a block of any kind into an object of the library. NULL on failure. */
typedef struct selvedge_readings selvedge_readings;
SELVEDGE_API selvedge_readings* selvedge_blocks_decode(const selvedge_blocks* blocks, size_t index);
SELVEDGE_API void selvedge_readings_free(selvedge_readings* readings); /* NULL is fine */
SELVEDGE_API selvedge_kind selvedge_readings_kind(const selvedge_readings* readings);
SELVEDGE_API size_t selvedge_readings_count(const selvedge_readings* readings);
SELVEDGE_API const int64_t* selvedge_readings_times(const selvedge_readings* readings);
/* NULL if the readings are of another kind. */
SELVEDGE_API const double* selvedge_readings_float64(const selvedge_readings* readings);
SELVEDGE_API const int64_t* selvedge_readings_int64(const selvedge_readings* readings);
/* One text, without a zero behind it; NULL if there is none of that index. */
SELVEDGE_API const char* selvedge_readings_text(const selvedge_readings* readings, size_t index, size_t* size);

/* ---- Making ----------------------------------------------------------------------------------- */

typedef enum selvedge_effort {
  SELVEDGE_DENSE = 0, /* the fewest bytes */
  SELVEDGE_FAST = 1   /* more bytes, less time */
} selvedge_effort;

typedef enum selvedge_bound {
  SELVEDGE_EXACT = 0,
  SELVEDGE_ABSOLUTE = 1, /* no value is off by more than `bound` */
  SELVEDGE_RELATIVE = 2, /* by more than `bound` times itself */
  SELVEDGE_RANGE = 3     /* by more than `bound` times (max - min) of the block */
} selvedge_bound;

/* Makes a file of blocks in memory. */
typedef struct selvedge_writer selvedge_writer;
SELVEDGE_API selvedge_writer* selvedge_writer_new(void);
SELVEDGE_API void selvedge_writer_free(selvedge_writer* writer); /* NULL is fine */
/* Adds one block of 1 to 1048576 readings. Times need not ascend: they are sorted, stably. `series` is
 * UTF-8 of 1 to 512 bytes. A failed call adds nothing. */
SELVEDGE_API selvedge_status selvedge_writer_add_float64(selvedge_writer* writer, const char* series,
                                                         const int64_t* times_ns, const double* values,
                                                         size_t count, selvedge_effort effort,
                                                         selvedge_bound kind, double bound);
SELVEDGE_API selvedge_status selvedge_writer_add_int64(selvedge_writer* writer, const char* series,
                                                       const int64_t* times_ns, const int64_t* values,
                                                       size_t count, selvedge_effort effort);
/* What has been made until now; valid until the next call that changes the writer. */
SELVEDGE_API const void* selvedge_writer_bytes(const selvedge_writer* writer, size_t* size);

#ifdef __cplusplus
}
#endif

#endif
