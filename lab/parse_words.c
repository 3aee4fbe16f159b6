/* Words of a scenario file, numbers with units, and the names of hosts, links, states, flags and the rest. */
#include "lab/parse_inside.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------- words */

bool lab_wrong(struct parser *p, const char *format, ...) {
    if (p->failed) return false;
    p->failed = true;
    p->error->line = p->line;
    p->error->column = p->at < p->count ? p->word[p->at].column : (p->count > 0 ? p->word[p->count - 1].column : 1);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->error->text, sizeof p->error->text, format, args);
    va_end(args);
    return false;
}

/* Cuts a line into words, in place. */
bool lab_cut(struct parser *p, char *line) {
    p->count = p->at = 0;
    for (char *c = line; *c != '\0';) {
        if (*c == ' ' || *c == '\t' || *c == '\r') {
            c++;
            continue;
        }
        if (*c == '#') break;
        if (p->count == WORD_MAX) return lab_wrong(p, "more than %d words in a statement", WORD_MAX);
        struct word *word = &p->word[p->count++];
        *word = (struct word){.text = c, .column = (uint32_t)(c - line) + 1, .quoted = *c == '"'};
        if (word->quoted) {
            word->text = ++c;
            while (*c != '\0' && *c != '"') c++;
            p->at = p->count - 1;
            if (*c == '\0') return lab_wrong(p, "the quoted text does not end on its line");
            p->at = 0;
        } else {
            while (*c != '\0' && *c != ' ' && *c != '\t' && *c != '\r') c++;
        }
        if (*c == '\0') break;
        *c++ = '\0';
    }
    return true;
}

bool lab_more(const struct parser *p) {
    return !p->failed && p->at < p->count;
}

bool lab_is(const struct parser *p, const char *text) {
    return lab_more(p) && !p->word[p->at].quoted && strcmp(p->word[p->at].text, text) == 0;
}

bool lab_eat(struct parser *p, const char *text) {
    if (!lab_is(p, text)) return false;
    p->at++;
    return true;
}

const char *lab_take(struct parser *p, const char *what) {
    if (!lab_more(p)) {
        (void)lab_wrong(p, "%s is missing", what);
        return "";
    }
    return p->word[p->at++].text;
}

bool lab_back(struct parser *p, const char *format, const char *text) {
    if (p->at > 0) p->at--;
    return lab_wrong(p, format,
                     text); // NOLINT(clang-diagnostic-format-nonliteral): the formats are ours, each with one %s
}

uint64_t lab_number_word(struct parser *p, const char *what, uint64_t max) {
    const char *text = lab_take(p, what);
    char *end;
    errno = 0;
    uint64_t value = strtoull(text, &end, 0);
    if (p->failed || (text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && value <= max)) return value;
    p->at--;
    (void)lab_wrong(p, "'%s' is not a number up to %llu (%s)", text, (unsigned long long)max, what);
    return 0;
}

uint64_t lab_quantity(struct parser *p, const char *what) {
    const char *text = lab_take(p, what);
    uint64_t value = 0;
    if (!p->failed && !lab_quantity_of(text, &value)) {
        p->at--;
        (void)lab_wrong(p, "'%s' is not a quantity with a unit (%s)", text, what);
    }
    return value;
}

lab_text lab_two_texts(struct parser *p) {
    lab_text t;
    t.text[AK_LANG_EN] = lab_take(p, "the English text");
    t.text[AK_LANG_KO] = lab_take(p, "the Korean text");
    return t;
}

/* ---------------------------------------------------------------- names */

int lab_host_named(const struct parser *p, const char *name) {
    for (uint32_t i = 0; i < p->s->host_count; i++) {
        if (strcmp(p->s->host[i].name, name) == 0) return (int)i;
    }
    return -1;
}

/* HOST or HOST#N */
int lab_host_word(struct parser *p, uint32_t *ret_connection) {
    const char *text = lab_take(p, "a host");
    if (p->failed) return 0;
    char name[64];
    (void)snprintf(name, sizeof name, "%s", text);
    char *hash = strchr(name, '#');
    if (ret_connection != NULL) *ret_connection = 0;
    if (hash != NULL && ret_connection != NULL) {
        char *end;
        *ret_connection = (uint32_t)strtoul(hash + 1, &end, 10);
        *hash = '\0';
        if (*ret_connection == 0 || *end != '\0') (void)lab_back(p, "'%s': connections are counted from 1", text);
    }
    int index = lab_host_named(p, name);
    if (index < 0) (void)lab_back(p, "unknown host '%s'", text);
    return index < 0 ? 0 : index;
}

int lab_end_named(const struct parser *p, const char *name) {
    for (uint32_t i = 0; i < p->s->router_count; i++) {
        if (strcmp(p->s->router[i].name, name) == 0) return LAB_HOST_MAX + (int)i;
    }
    return lab_host_named(p, name);
}

int lab_link_between(const struct parser *p, int a, int b) {
    for (uint32_t i = 0; i < p->s->link_count; i++) {
        const lab_link *l = &p->s->link[i];
        if ((l->end[0] == a && l->end[1] == b) || (l->end[0] == b && l->end[1] == a)) return (int)i;
    }
    return -1;
}

bool lab_joined(const struct parser *p, int a, int b) {
    return lab_link_between(p, a, b) >= 0 || p->s->router_count > 0;
}

int lab_lane(struct parser *p, char between, int *ret_from) {
    const char *text = lab_take(p, "two hosts");
    if (p->failed) return 0;
    char name[128];
    (void)snprintf(name, sizeof name, "%s", text);
    char *mark = strchr(name, between);
    if (mark == NULL) {
        (void)lab_back(p, between == '>' ? "'%s' is not FROM>TO" : "'%s' is not HOST-HOST", text);
        return 0;
    }
    *mark = '\0';
    int a = lab_end_named(p, name), b = lab_end_named(p, mark + 1);
    int link = a < 0 || b < 0 ? -1 : lab_link_between(p, a, b);
    if (link < 0) (void)lab_back(p, "no link between the hosts of '%s'", text);
    *ret_from = a;
    return link < 0 ? 0 : link;
}

aksu_tcp_state lab_state(struct parser *p) {
    const char *text = lab_take(p, "a state");
    for (int i = 0; i < AK_TCP_STATE_COUNT && !p->failed; i++) {
        if (strcmp(text, aksu_tcp_state_name((aksu_tcp_state)i)) == 0) return (aksu_tcp_state)i;
    }
    if (!p->failed) (void)lab_back(p, "unknown state '%s'", text);
    return AK_TCP_CLOSED;
}

uint16_t lab_flags_of(struct parser *p) {
    static const char *const names[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR", "AE"};
    char text[64];
    (void)snprintf(text, sizeof text, "%s", lab_take(p, "flags"));
    uint16_t flags = 0;
    for (char *part = text, *next; part != NULL && !p->failed; part = next) {
        next = strchr(part, ',');
        if (next != NULL) *next++ = '\0';
        uint32_t i = 0;
        while (i < 9 && strcmp(part, names[i]) != 0) i++;
        if (i < 9)
            flags |= (uint16_t)(1u << i);
        else if (strcmp(part, "none") != 0)
            (void)lab_back(p, "unknown flag '%s'", part);
    }
    return flags;
}

/* A name of an enum in lower case with dashes, as written in files: "timed-out". */
bool lab_same_name(const char *written, const char *name) {
    for (; *written != '\0' && *name != '\0'; written++, name++) {
        char c = *written == '-' ? '_' : (char)(*written >= 'a' && *written <= 'z' ? *written - 32 : *written);
        if (c != *name) return false;
    }
    return *written == '\0' && *name == '\0';
}

int lab_reason_named(const char *text) {
    static const char *const names[] = {
#define AKSU_X(name, text) #name,
        AKSU_REASONS(AKSU_X)
#undef AKSU_X
    };
    for (int i = 0; i < AKSU_REASON_COUNT; i++) {
        if (lab_same_name(text, names[i])) return i;
    }
    return -1;
}

aksu_err lab_err_named(struct parser *p) {
    static const struct {
        const char *name;
        int value;
    } names[] = {
#define AKSU_X(name, value, text) {#name, value},
        AKSU_ERRORS(AKSU_X)
#undef AKSU_X
    };
    const char *text = lab_take(p, "an error");
    for (size_t i = 0; i < sizeof names / sizeof names[0] && !p->failed; i++) {
        if (lab_same_name(text, names[i].name)) return (aksu_err)names[i].value;
    }
    if (!p->failed) (void)lab_back(p, "unknown error '%s'", text);
    return AKSU_OK;
}

uint32_t lab_event_bit(const char *text) {
    static const struct {
        const char *name;
        uint32_t bit;
    } names[] = {{"incoming", AKSU_EV_INCOMING},       {"connected", AKSU_EV_CONNECTED},
                 {"readable", AKSU_EV_READABLE},       {"writable", AKSU_EV_WRITABLE},
                 {"peer-closed", AKSU_EV_PEER_CLOSED}, {"urgent", AKSU_EV_URGENT},
                 {"soft-error", AKSU_EV_SOFT_ERROR},   {"over", AKSU_EV_CLOSED}};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i].name) == 0) return names[i].bit;
    }
    return 0;
}

int lab_setting_named(const char *text) {
    for (int i = 0; i < AKSU_TCP_SETTING_COUNT; i++) {
        if (strcmp(text, aksu_tcp_setting_info((aksu_tcp_setting)i)->name) == 0) return i;
    }
    return -1;
}
