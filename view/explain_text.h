/* Explained connections as lines: a table for people, JSON for machines. */
#ifndef VIEW_EXPLAIN_TEXT_H
#define VIEW_EXPLAIN_TEXT_H

#include "view/explain.h"

/* The table's head, and one line for a connection; epoch_ns is when the capture began.  False: the writer failed. */
bool ak_explain_write_head(const ak_writer *writer, ak_lang lang);
bool ak_explain_write_line(const ak_writer *writer, const ak_explained *explained, uint64_t epoch_ns, ak_lang lang);

/* What there is to say of one connection, in a few lines: how it ended, what each end sent. */
bool ak_explain_write_report(const ak_writer *writer, const ak_explained *explained, ak_lang lang);

/* One JSON object and a newline. */
bool ak_explain_write_json(const ak_writer *writer, const ak_explained *explained);

#endif /* VIEW_EXPLAIN_TEXT_H */
