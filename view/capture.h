/* Reads captures packet by packet: classic pcap in both byte orders, with micro- and nanoseconds, and pcapng
 * (draft-ietf-opsawg-pcap, draft-ietf-opsawg-pcapng).
 *
 * It streams: what is held is one buffer, whatever the file's size.  What comes out is bytes and where they come from;
 * packet.h reads them. */
#ifndef VIEW_CAPTURE_H
#define VIEW_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* More bytes of the file into buf; 0: no more. */
typedef size_t ak_capture_source(void *user, void *buf, size_t cap_bytes);

typedef struct ak_capture ak_capture;

typedef enum ak_sighting { AK_SIGHTED_SOMEWHERE, AK_SIGHTED_IN, AK_SIGHTED_OUT } ak_sighting;

typedef struct ak_capture_packet {
    uint64_t time_ns;      /* since 1970, or whatever the capture counts from */
    uint64_t offset;       /* in the file, of the record */
    uint32_t link_type;    /* LINKTYPE_ */
    uint32_t interface_id; /* 0 in a classic capture */
    ak_sighting sighting;  /* coming or going, where the capture tells */
    const uint8_t *bytes;  /* borrowed until the next call */
    uint32_t captured_bytes, original_bytes;
} ak_capture_packet;

typedef enum ak_capture_result { AK_CAPTURE_PACKET, AK_CAPTURE_END, AK_CAPTURE_BAD } ak_capture_result;

/* NULL: no memory.  Nothing is read yet. */
ak_capture *ak_capture_open(ak_capture_source *source, void *user);
void ak_capture_close(ak_capture *capture);

/* The next packet.  BAD: ak_capture_error says what is wrong and where; every call after it is BAD too. */
ak_capture_result ak_capture_next(ak_capture *capture, ak_capture_packet *ret_packet);
const char *ak_capture_error(const ak_capture *capture, uint64_t *ret_offset);

#endif /* VIEW_CAPTURE_H */
