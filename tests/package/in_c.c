#include <selvedge/block.h>
#include <stdio.h>

int main(void) {
  int64_t times[] = {1000000000, 2000000000, 3000000000}, back_times[3];
  double values[] = {20.5, 20.6, 20.7}, back[3];
  size_t size = 0, i;
  const void* bytes;
  selvedge_blocks* blocks;
  selvedge_summary summary;
  selvedge_writer* writer = selvedge_writer_new();
  if (selvedge_writer_add_float64(writer, "room/temp", times, values, 3, SELVEDGE_DENSE, SELVEDGE_EXACT, 0) != SELVEDGE_OK) {
    fprintf(stderr, "%s\n", selvedge_block_error());
    return 1;
  }
  bytes = selvedge_writer_bytes(writer, &size);
  blocks = selvedge_blocks_open(bytes, size);
  if (blocks == NULL || selvedge_blocks_summary(blocks, 0, &summary) != SELVEDGE_OK || summary.max != 20.7) return 1;
  if (selvedge_blocks_read_float64(blocks, 0, back_times, back, 3) != SELVEDGE_OK) return 1;
  for (i = 0; i < 3; ++i)
    if (back[i] != values[i] || back_times[i] != times[i]) return 1;
  selvedge_blocks_close(blocks);
  selvedge_writer_free(writer);
  if (selvedge_blocks_open("nonsense", 8) != NULL) return 1;
  printf("api %u: %s\n", (unsigned)selvedge_block_api_version(), selvedge_block_error());
  return 0;
}
