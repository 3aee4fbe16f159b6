/* The trace stream as JSON lines: one object for each event, in the order and with the names of events.def.
 *
 * Every object begins {"time_us":T,"event":"segment",...}.  States, flags, causes and reasons are names, addresses
 * text, sequence numbers as in the header.  A segment also has rel_seq and rel_ack where the connection's initial
 * numbers are known.  Packets' bytes are not in it (the pcapng has them), only their size and kind.  Text is ASCII. */
#ifndef VIEW_JSONL_H
#define VIEW_JSONL_H

#include "aksu/trace.h"
#include "view/writer.h"

/* Writes one event as one line.  False: the writer did not take it. */
bool ak_jsonl_write(const ak_writer *writer, const aksu_trace_event *event);

/* The event's name: "segment". */
const char *ak_jsonl_event_name(aksu_trace_kind kind);

#endif /* VIEW_JSONL_H */
