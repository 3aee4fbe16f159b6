/* What the files of the parser share: words, numbers with units, and the names of things. */
#ifndef LAB_PARSE_INSIDE_H
#define LAB_PARSE_INSIDE_H

#include "lab/lab.h"
#include "lab/quantity.h"

#define WORD_MAX 40

struct word {
    char *text;
    uint32_t column;
    bool quoted;
};

struct parser {
    lab_scenario *s;
    lab_error *error;
    struct word word[WORD_MAX];
    uint32_t count, at, line;
    lab_when when;
    int run;
    bool failed;
};

__attribute__((format(printf, 2, 3))) bool lab_wrong(struct parser *p, const char *format, ...);
bool lab_cut(struct parser *p, char *line);
bool lab_more(const struct parser *p);
bool lab_is(const struct parser *p, const char *text);
bool lab_eat(struct parser *p, const char *text);
const char *lab_take(struct parser *p, const char *what);
bool lab_back(struct parser *p, const char *format, const char *text);
uint64_t lab_number_word(struct parser *p, const char *what, uint64_t max);
uint64_t lab_quantity(struct parser *p, const char *what);
lab_text lab_two_texts(struct parser *p);
int lab_host_named(const struct parser *p, const char *name);
int lab_host_word(struct parser *p, uint32_t *ret_connection);
/* A host, or from LAB_HOST_MAX on a router; -1: neither. */
int lab_end_named(const struct parser *p, const char *name);
int lab_link_between(const struct parser *p, int a, int b);
/* Can packets go between two hosts at all? */
bool lab_joined(const struct parser *p, int a, int b);
/* A>B or A-B: their link, and the first end. */
int lab_lane(struct parser *p, char between, int *ret_from);
/* Words of one direction of a link, as long as there are any; false: something is wrong. */
bool lab_path_words(struct parser *p, aksu_sim_path *path);
aksu_tcp_state lab_state(struct parser *p);
uint16_t lab_flags_of(struct parser *p);
bool lab_same_name(const char *written, const char *name);
int lab_reason_named(const char *text);
aksu_err lab_err_named(struct parser *p);
uint32_t lab_event_bit(const char *text);
int lab_setting_named(const char *text);
lab_place lab_here(const struct parser *p);
bool lab_read_host(struct parser *p);
bool lab_read_link(struct parser *p);
bool lab_read_router(struct parser *p);
bool lab_read_fault(struct parser *p);

#endif /* LAB_PARSE_INSIDE_H */
