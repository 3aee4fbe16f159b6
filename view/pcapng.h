/* The trace stream as a pcapng file (draft-ietf-opsawg-pcapng) that Wireshark and tshark read.
 *
 * Packets come from the frames of SEGMENT and PACKET events.  A packet that changed a connection's state carries a
 * comment such as "SYN-SENT -> ESTABLISHED", one that was dropped says why, a retransmission what caused it.  Checksums
 * that a device would have filled in are filled in in the copy.  Super-segments are written as they passed the core:
 * whole. */
#ifndef VIEW_PCAPNG_H
#define VIEW_PCAPNG_H

#include "aksu/trace.h"
#include "view/writer.h"

typedef struct ak_pcapng ak_pcapng;

#define AK_PCAPNG_INTERFACE_MAX 16

typedef struct ak_pcapng_options {
    uint32_t snap_bytes;                                 /* most bytes kept of a packet; 0: all */
    uint64_t epoch_us;                                   /* added to event times: the wall clock at time 0 */
    const char *interface_name[AK_PCAPNG_INTERFACE_MAX]; /* NULL: "aksuN"; borrowed until close */
} ak_pcapng_options;

/* Writes the section header.  NULL: no memory, or the writer took nothing.  The writer is copied. */
ak_pcapng *ak_pcapng_open(const ak_writer *writer, const ak_pcapng_options *options);

/* Writes the packet of an event, if it has one, under an interface (0 for a stack of one link; a simulator gives each
 * host one; AK_PCAPNG_INTERFACE_MAX at most).  False: the writer failed now or before, or there is no such interface.
 */
bool ak_pcapng_event(ak_pcapng *pcapng, unsigned interface_index, const aksu_trace_event *event);

/* Frees it.  The file is complete after each event. */
void ak_pcapng_close(ak_pcapng *pcapng);

#endif /* VIEW_PCAPNG_H */
