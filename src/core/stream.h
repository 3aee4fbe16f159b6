/* Bytes at their stream position: the store of send and receive queues.
 *
 * Positions are sequence numbers; position p lies at offset p mod block_bytes of the block numbered p / block_bytes, so
 * any byte, in order or not, goes straight to its place and what a queue pins is what it spans plus at most one block
 * at each end.  Blocks are found through a tree of map blocks (radix, used as a ring of fan^height block numbers),
 * whose height follows the span: one block needs no map, 1,024 blocks of 4 KiB need one.  Holes have no block.
 *
 * Limits: a stream spans less than 2^31 bytes.  It does not know which bytes are valid; its owner does. */
#ifndef AK_CORE_STREAM_H
#define AK_CORE_STREAM_H

#include "base/seq.h"
#include "core/blocks.h"

struct ak_stream {
    uint32_t root;        /* height 0: the data block; else a map block; AK_NONE: empty */
    uint32_t first_block; /* block number of the lowest position that may be held */
    uint32_t span_blocks; /* block numbers in use: [first_block, first_block + span_blocks) */
    uint32_t height;
};

void ak_stream_init(struct ak_stream *stream, const struct ak_blocks *blocks, ak_seq position);
/* The place of a position, and in ret_bytes how many follow in the same block; a block is taken if there is none. NULL:
 * no memory. */
uint8_t *ak_stream_room(struct ak_stream *stream, struct ak_blocks *blocks, ak_seq position, uint32_t *ret_bytes);
/* The same for reading; the block must be there.  ret_block: its index. */
const uint8_t *ak_stream_at(const struct ak_stream *stream, const struct ak_blocks *blocks, ak_seq position,
                            uint32_t *ret_bytes, uint32_t *ret_block);
/* Lets go of all blocks that lie wholly before a position, or of all. */
void ak_stream_trim(struct ak_stream *stream, struct ak_blocks *blocks, ak_seq position);
void ak_stream_clear(struct ak_stream *stream, struct ak_blocks *blocks);
/* Lets go of the blocks that lie wholly at or after a position: what was reserved and not used. */
void ak_stream_cut(struct ak_stream *stream, struct ak_blocks *blocks, ak_seq position);

#endif
