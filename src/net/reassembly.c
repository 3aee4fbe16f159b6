/* Fragments put together: RFC 791 s3.2, RFC 815, RFC 1122 s3.3.2; RFC 8200 s4.5, RFC 5722.
 *
 * A datagram's bytes lie at their place in blocks of the stack, what has come of it in a sorted array beside them: no
 * number from the network is an address.  Each fragment costs a look-up and a binary search, and moves at most that
 * array.  Memory is bounded by config.reassembly_max datagrams and config.reassembly_bytes of whole blocks; a source
 * (an IPv4 address, or an IPv6 network of 64 bits, told apart by a keyed hash into buckets) has at most a quarter of
 * the one and half of the other.  What is too much makes the oldest go: of the same source if it has its share, else of
 * all.  The last eighth of the blocks is not for fragments.
 *
 * Fragments that overlap, or disagree about the end, lose their datagram; an exact duplicate is passed over (RFC 8200
 * s4.5, RFC 5722 s3).  A lost datagram's record stays, without memory, until its time is over, so that what is still to
 * come of it makes no new one.  Not done: a datagram of more than 256 fragments, or of more than 128 blocks. */
#include "net/reassembly.h"

#include "base/bytes.h"
#include "base/check.h"
#include "net/ether.h"
#include "wire/icmp.h"

static struct ak_reassembly *at_ref(const struct ak_core *core, ak_ref ref) {
    return ak_object(core, AK_KIND_REASSEMBLY, ak_ref_index(ref));
}

static ak_ref ref_of(const struct ak_core *core, const struct ak_reassembly *r) {
    int64_t bytes = (const char *)r - (const char *)ak_object(core, AK_KIND_REASSEMBLY, 0);
    return ak_ref_of(AK_KIND_REASSEMBLY, (uint32_t)((uint64_t)bytes / sizeof *r));
}

static struct ak_reassemblies *all_of(const struct ak_core *core) {
    return &ak_net_of(core)->reassemblies;
}

static uint32_t hash_of(const struct ak_core *core, const struct ak_fragment_key *key) {
    return (uint32_t)ak_siphash13(&core->key[AK_KEY_FRAGMENT], key, sizeof *key);
}

static uint32_t hash_again(const void *owner, ak_ref ref) {
    return hash_of(owner, &at_ref(owner, ref)->key);
}

void ak_reassembly_init(struct ak_core *core, void *buckets) {
    struct ak_reassemblies *all = all_of(core);
    const struct ak_pool *pool = &core->pool[AK_KIND_REASSEMBLY];
    void *base = ak_object(core, AK_KIND_REASSEMBLY, 0);
    ak_table_init(&all->table, buckets, core->config.reassembly_max);
    ak_lens_set(&all->table.next, AK_KIND_REASSEMBLY, base, pool->stride, offsetof(struct ak_reassembly, hash_next));
    ak_lens_set(&all->age_lens, AK_KIND_REASSEMBLY, base, pool->stride, offsetof(struct ak_reassembly, age));
    ak_lens_set(&all->source_lens, AK_KIND_REASSEMBLY, base, pool->stride, offsetof(struct ak_reassembly, of_source));
    ak_lens_set(&core->wheel.node, AK_KIND_REASSEMBLY, base, pool->stride, offsetof(struct ak_reassembly, timer));
    ak_list_init(&all->age);
    for (uint32_t i = 0; i < AK_FRAGMENT_SOURCES; i++) ak_list_init(&all->source[i].list);
}

/* ---------------------------------------------------------------- coming and going */

static void forget_bytes(struct ak_core *core, struct ak_reassembly *r) {
    struct ak_reassemblies *all = all_of(core);
    ak_stream_clear(&r->data, &core->blocks);
    all->held_bytes -= r->held_bytes;
    all->source[r->source].held_bytes -= r->held_bytes;
    r->held_bytes = 0;
}

static void forget(struct ak_core *core, struct ak_reassembly *r) {
    struct ak_reassemblies *all = all_of(core);
    ak_ref ref = ref_of(core, r);
    forget_bytes(core, r);
    ak_wheel_disarm(&core->wheel, ref);
    ak_table_remove(&all->table, ref, hash_of(core, &r->key));
    ak_list_remove(&all->age, &all->age_lens, ref);
    ak_list_remove(&all->source[r->source].list, &all->source_lens, ref);
    all->source[r->source].count--;
    ak_pool_put(&core->pool[AK_KIND_REASSEMBLY], ak_ref_index(ref));
}

/* Its memory goes; the record stays, so that nothing more of it is taken. */
static aksu_drop lose(struct ak_core *core, struct ak_reassembly *r, aksu_drop why) {
    forget_bytes(core, r);
    r->lost = true;
    r->piece_count = 0;
    r->got_bytes = r->end_bytes = 0;
    return why;
}

static void evict(struct ak_core *core, struct ak_reassembly *r) {
    if (!r->lost) {
        ak_drop_count(core, AKSU_DROP_FRAGMENT_EVICTED);
        ak_net_trace_end(core, &r->first.ip, AKSU_DROP_FRAGMENT_EVICTED);
    }
    forget(core, r);
}

/* The oldest of a list that holds blocks and is not this one; NULL: there is none.  The records without, of lost
 * datagrams, are passed over: as many as there are at most. */
static struct ak_reassembly *oldest(const struct ak_core *core, const struct ak_list *list, const struct ak_lens *lens,
                                    const struct ak_reassembly *but) {
    for (ak_ref ref = list->head; ref != AK_NONE; ref = ((const struct ak_link *)ak_lens_at(lens, ref))->next) {
        struct ak_reassembly *r = at_ref(core, ref);
        if (r != but && r->held_bytes > 0) return r;
    }
    return NULL;
}

static struct ak_reassembly *find(const struct ak_core *core, const struct ak_fragment_key *key) {
    const struct ak_table *table = &all_of(core)->table;
    for (ak_ref ref = ak_table_first(table, hash_of(core, key)); ref != AK_NONE; ref = ak_table_next(table, ref)) {
        struct ak_reassembly *r = at_ref(core, ref);
        if (ak_equal(&r->key, key, sizeof *key)) return r;
    }
    return NULL;
}

/* Which bucket: hosts have networks of IPv6 addresses. */
static uint8_t source_of(const struct ak_core *core, const aksu_addr *src) {
    aksu_addr who = *src;
    if (!ak_addr_is_v4(src)) ak_zero(who.byte + 8, 8);
    return (uint8_t)(ak_siphash13(&core->key[AK_KEY_FRAGMENT], &who, sizeof who) % AK_FRAGMENT_SOURCES);
}

static struct ak_reassembly *begin(struct ak_core *core, const struct ak_fragment_key *key) {
    struct ak_reassemblies *all = all_of(core);
    uint8_t source = source_of(core, &key->src);
    if (all->source[source].count >= ak_max_u32(1, core->config.reassembly_max / 4))
        evict(core, at_ref(core, all->source[source].list.head));
    else if (ak_pool_free(&core->pool[AK_KIND_REASSEMBLY]) == 0)
        evict(core, at_ref(core, all->age.head));
    uint32_t index = ak_object_get(core, AK_KIND_REASSEMBLY);
    ak_check(index != AK_NONE);
    ak_ref ref = ak_ref_of(AK_KIND_REASSEMBLY, index);
    struct ak_reassembly *r = at_ref(core, ref);
    ak_zero(r, offsetof(struct ak_reassembly, header));
    r->key = *key;
    r->source = source;
    ak_link_init(&r->age);
    ak_link_init(&r->of_source);
    ak_wheel_node_init(&r->timer);
    ak_stream_init(&r->data, &core->blocks, (ak_seq){0});
    ak_table_insert(&all->table, ref, hash_of(core, key), hash_again, core);
    ak_list_push_back(&all->age, &all->age_lens, ref);
    ak_list_push_back(&all->source[source].list, &all->source_lens, ref);
    all->source[source].count++;
    ak_wheel_arm(&core->wheel, ref, core->now_us + core->config.reassembly_us);
    return r;
}

/* ---------------------------------------------------------------- memory */

/* The blocks that bytes [at, end) may take, those of the map with them. */
static uint32_t blocks_wanted(const struct ak_core *core, const struct ak_reassembly *r, uint32_t at, uint32_t end) {
    enum { LEVELS_MAX = 4 };
    uint32_t first = at >> core->blocks.block_shift, last = (end - 1) >> core->blocks.block_shift;
    uint32_t maps =
        last >> core->blocks.fan_shift != 0 ? LEVELS_MAX + (last - first) : last != 0 && r->data.height == 0;
    return last - first + 1 + maps;
}

/* Room for what a fragment may need, at the cost of others. */
static bool make_room(struct ak_core *core, const struct ak_reassembly *r, uint32_t block_count) {
    struct ak_reassemblies *all = all_of(core);
    const struct ak_fragment_source *source = &all->source[r->source];
    const struct ak_pool *pool = &core->blocks.pool;
    uint64_t bytes = (uint64_t)block_count * core->blocks.block_bytes;
    uint64_t most = core->config.reassembly_bytes, share = most / 2;
    if (r->held_bytes + bytes > share || ak_pool_free(pool) < block_count + pool->limit / 8) return false;
    while (source->held_bytes + bytes > share) {
        struct ak_reassembly *other = oldest(core, &source->list, &all->source_lens, r);
        if (other == NULL) return false;
        evict(core, other);
    }
    while (all->held_bytes + bytes > most) {
        struct ak_reassembly *other = oldest(core, &all->age, &all->age_lens, r);
        if (other == NULL) return false;
        evict(core, other);
    }
    return true;
}

/* The fragment's data to its place.  There is room. */
static void fill(struct ak_core *core, struct ak_reassembly *r, const aksu_frame *frame, const struct ak_fragment *f) {
    uint32_t used = ak_pool_used(&core->blocks.pool), skip = f->ip.header_bytes, at = f->at, end = f->at + f->bytes;
    for (uint32_t i = 0; i < frame->iov_count && at < end; i++) {
        if (skip >= frame->iov[i].bytes) {
            skip -= (uint32_t)frame->iov[i].bytes;
            continue;
        }
        const uint8_t *from = (const uint8_t *)frame->iov[i].base + skip;
        uint32_t left = (uint32_t)ak_min_u64(frame->iov[i].bytes - skip, end - at);
        skip = 0;
        while (left > 0) {
            uint32_t room;
            uint8_t *to = ak_stream_room(&r->data, &core->blocks, (ak_seq){at}, &room);
            ak_check(to != NULL);
            uint32_t bytes = ak_min_u32(room, left);
            ak_copy(to, from, bytes);
            from += bytes;
            at += bytes;
            left -= bytes;
        }
    }
    uint32_t taken = (ak_pool_used(&core->blocks.pool) - used) * core->blocks.block_bytes;
    r->held_bytes += taken;
    all_of(core)->held_bytes += taken;
    all_of(core)->source[r->source].held_bytes += taken;
}

/* ---------------------------------------------------------------- one fragment */

/* Where a piece belongs among those that are there: NONE; FRAGMENT_DUPLICATE, FRAGMENT_OVERLAP. */
static aksu_drop find_place(const struct ak_reassembly *r, struct ak_piece piece, uint32_t *ret_index) {
    uint32_t low = 0, high = r->piece_count; /* the first that ends behind its beginning */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (r->piece[middle].to <= piece.from)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_index = low;
    if (low == r->piece_count || r->piece[low].from >= piece.to) return AKSU_DROP_NONE;
    bool same = r->piece[low].from == piece.from && r->piece[low].to == piece.to;
    return same ? AKSU_DROP_FRAGMENT_DUPLICATE : AKSU_DROP_FRAGMENT_OVERLAP;
}

/* RFC 3168 s5.3: a mark on one is a mark on all; but routers mark only what says that it may be marked. */
static bool congestion_agrees(uint8_t seen) {
    enum { NOT_CAPABLE = 1u << 0, MARKED = 1u << 3 };
    return (seen & (NOT_CAPABLE | MARKED)) != (NOT_CAPABLE | MARKED);
}

/* The end is where the one says that has none after it, and nothing lies behind. */
static bool end_agrees(const struct ak_reassembly *r, const struct ak_fragment *f) {
    uint32_t end = f->at + f->bytes;
    if (r->end_bytes != 0) return f->more ? end < r->end_bytes : end == r->end_bytes;
    return f->more || r->piece_count == 0 || r->piece[r->piece_count - 1].to * 8u <= f->at;
}

static aksu_drop take(struct ak_core *core, struct ak_reassembly *r, const aksu_frame *frame, const uint8_t *header,
                      const struct ak_fragment *f) {
    if (r->lost) return AKSU_DROP_FRAGMENT_GIVEN_UP;
    struct ak_piece piece = {.from = (uint16_t)(f->at / 8), .to = (uint16_t)((f->at + f->bytes + 7) / 8)};
    uint32_t index;
    if (!end_agrees(r, f)) return lose(core, r, AKSU_DROP_FRAGMENT_END);
    aksu_drop drop = find_place(r, piece, &index);
    if (drop == AKSU_DROP_FRAGMENT_OVERLAP) return lose(core, r, drop);
    if (drop != AKSU_DROP_NONE) return drop;
    r->congestion_seen |= (uint8_t)(1u << (f->ip.tos & 3));
    if (!congestion_agrees(r->congestion_seen)) return lose(core, r, AKSU_DROP_FRAGMENT_CONGESTION);
    uint32_t end = f->at + f->bytes;
    bool fits = r->piece_count < AK_FRAGMENT_MAX && (end - 1) >> core->blocks.block_shift < AK_FRAGMENT_BLOCK_MAX - 1;
    if (!fits || !make_room(core, r, blocks_wanted(core, r, f->at, end)))
        return lose(core, r, AKSU_DROP_FRAGMENT_NO_ROOM);
    fill(core, r, frame, f);
    ak_move(&r->piece[index + 1], &r->piece[index], (r->piece_count - index) * sizeof r->piece[0]);
    r->piece[index] = piece;
    r->piece_count++;
    r->got_bytes += f->bytes;
    r->frame_flags |= frame->flags & (uint8_t)AK_FRAME_GROUP;
    if (!f->more) r->end_bytes = end;
    if (f->at == 0) {
        r->begun = true;
        r->first = *f;
        r->link = frame->link;
        ak_copy(r->header, header, f->ip.header_bytes);
    }
    return AKSU_DROP_NONE;
}

/* ---------------------------------------------------------------- the datagram */

/* A frame of a header and of the first bytes of the data. */
static void describe(const struct ak_core *core, const struct ak_reassembly *r, uint32_t header_bytes, uint32_t bytes,
                     struct ak_whole *whole) {
    whole->iov[0] = (aksu_iov){.base = whole->header, .bytes = header_bytes};
    uint32_t count = 1;
    for (uint32_t at = 0; at < bytes; count++) {
        uint32_t room, block;
        const uint8_t *p = ak_stream_at(&r->data, &core->blocks, (ak_seq){at}, &room, &block);
        room = ak_min_u32(room, bytes - at);
        whole->iov[count] = (aksu_iov){.base = (void *)(uintptr_t)p, .bytes = room};
        at += room;
    }
    whole->frame = (aksu_frame){.link = r->link,
                                .flags = r->frame_flags | AK_FRAME_REASSEMBLED,
                                .checksum = AKSU_CHECKSUM_NONE,
                                .total_bytes = header_bytes + bytes,
                                .iov_count = count,
                                .iov = whole->iov};
}

/* All of it is there: nothing overlaps, so it is enough to count. */
static bool is_whole(const struct ak_reassembly *r) {
    return !r->lost && r->begun && r->end_bytes != 0 && r->got_bytes == r->end_bytes;
}

static uint8_t congestion_of(const struct ak_reassembly *r) {
    enum { MARKED = 3 };
    return r->congestion_seen >> MARKED ? MARKED : r->first.ip.tos & 3;
}

/* Behind the first fragment's header, which may be longer than that of the one that was judged. */
static aksu_drop finish(struct ak_core *core, struct ak_reassembly *r, struct ak_whole *whole) {
    uint32_t in_front = r->key.version == 6 ? r->first.kept_bytes - AK_IPV6_HEADER_BYTES : r->first.kept_bytes;
    if (in_front + r->end_bytes > UINT16_MAX) return lose(core, r, AKSU_DROP_FRAGMENT_TOO_LONG);
    ak_copy(whole->header, r->header, r->first.kept_bytes);
    ak_wire_fragment_join(whole->header, &r->first, r->end_bytes, congestion_of(r));
    describe(core, r, r->first.kept_bytes, r->end_bytes, whole);
    whole->reassembly = ak_ref_index(ref_of(core, r));
    core->counters.datagrams_reassembled++;
    return AKSU_DROP_NONE;
}

void ak_reassembly_done(struct ak_core *core, const struct ak_whole *whole) {
    forget(core, ak_object(core, AK_KIND_REASSEMBLY, whole->reassembly));
}

static bool is_link_local(const aksu_addr *addr) {
    return addr->byte[0] == 0xfe && (addr->byte[1] & 0xc0) == 0x80;
}

aksu_drop ak_reassembly_input(struct ak_core *core, const aksu_frame *frame, struct ak_whole *ret_whole) {
    uint8_t scratch[AK_PACKET_HEAD_BYTES];
    struct ak_packet packet = {.frame = frame};
    struct ak_fragment f = {.at = 0};
    ret_whole->reassembly = AK_NONE;
    core->counters.fragments_in++;
    packet.head_bytes = ak_net_gather_head(frame, scratch, &packet.head);
    aksu_drop wrong = ak_wire_fragment_parse(packet.head, packet.head_bytes, frame->total_bytes, &f);
    packet.ip = f.ip;
    if (f.ip.version == 6) packet.ip.protocol = 0; /* not known yet, and nothing that may come to a group */
    aksu_drop drop = ak_net_addresses(core, frame, &packet.ip);
    if (drop != AKSU_DROP_NONE) return drop;
    if (wrong != AKSU_DROP_NONE) {
        if (f.at == 0) packet.ip.protocol = f.ip.protocol;
        ak_net_problem(core, &packet, &f.problem);
        return wrong;
    }
    if (core->config.reassembly_max == 0) return AKSU_DROP_IP_FRAGMENT;
    bool scoped = f.ip.version == 6 && (is_link_local(&f.ip.src) || is_link_local(&f.ip.dst));
    struct ak_fragment_key key = {.src = f.ip.src,
                                  .dst = f.ip.dst,
                                  .id = f.id,
                                  .link = scoped ? frame->link : AKSU_LINK_ANY,
                                  .version = f.ip.version,
                                  .protocol = f.ip.version == 4 ? f.ip.protocol : 0};
    struct ak_reassembly *r = find(core, &key);
    if (r == NULL) r = begin(core, &key);
    if (!r->begun) r->first.ip = f.ip;
    drop = take(core, r, frame, packet.head, &f);
    return drop == AKSU_DROP_NONE && is_whole(r) ? finish(core, r, ret_whole) : drop;
}

/* RFC 1122 s3.3.2, RFC 8200 s4.5: the source learns it if the first fragment is there to be quoted. */
void ak_reassembly_fire(struct ak_core *core, ak_ref ref) {
    enum { CODE_REASSEMBLY = 1 };
    struct ak_reassembly *r = at_ref(core, ref);
    if (!r->lost) {
        ak_drop_count(core, AKSU_DROP_FRAGMENT_TIMEOUT);
        ak_net_trace_end(core, &r->first.ip, AKSU_DROP_FRAGMENT_TIMEOUT);
    }
    if (!r->lost && r->begun) {
        struct ak_whole whole;
        ak_copy(whole.header, r->header, r->first.ip.header_bytes);
        describe(core, r, r->first.ip.header_bytes, r->first.bytes, &whole);
        struct ak_packet packet = {.frame = &whole.frame, .ip = r->first.ip};
        struct ak_icmp_error error = {.type = r->key.version == 6 ? AK_ICMP6_TIME_EXCEEDED : AK_ICMP_TIME_EXCEEDED,
                                      .code = CODE_REASSEMBLY};
        ak_net_error(core, &packet, &error);
    }
    forget(core, r);
}
