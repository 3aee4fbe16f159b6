/* What a script's stack is like: profiles, --aksu_set, and the sysctls that scripts set between backticks.
 *
 * A profile is the set of habits that a script was written for: the order of options, the initial window, buffers, the
 * delay of acknowledgments.  The defaults of "aksu" are the core's own, with small memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "script/script.h"

static const char *const profile_names[] = {"aksu", "linux", "freebsd"};

bool script_profile_named(const char *name, script_profile *ret_profile) {
    for (int i = 0; i < 3; i++) {
        if (strcmp(profile_names[i], name) != 0) continue;
        *ret_profile = (script_profile)i;
        return true;
    }
    return false;
}

void script_config(script_profile profile, aksu_config *ret_config) {
    aksu_config_default(ret_config);
    ret_config->output_sync = 1;
    ret_config->tcp_max = 64;
    ret_config->listener_max = 8;
    ret_config->syn_cache_max = 64;
    ret_config->time_wait_max = 64;
    ret_config->transfer_max = 64;
    ret_config->block_max = 4096;
    ret_config->record_max = 4096;
    ret_config->rst_per_second = 0;
    for (unsigned i = 0; i < sizeof ret_config->entropy; i++) ret_config->entropy[i] = (uint8_t)(i * 7 + 1);
    switch (profile) {
    case SCRIPT_PROFILE_AKSU: return;
    case SCRIPT_PROFILE_LINUX:
        ret_config->tcp.rcv_buf_bytes = 15728640; /* a scale of 8 */
        ret_config->tcp.snd_buf_bytes = 4194304;
        ret_config->tcp.nagle = 2;
        return;
    case SCRIPT_PROFILE_FREEBSD:
        ret_config->tcp.rcv_buf_bytes = 65536;
        ret_config->tcp.snd_buf_bytes = 32768;
        ret_config->tcp.delayed_ack_us = 40000;
        ret_config->tcp.nagle = 1;
        ret_config->tcp.option_order = 1;
        return;
    }
}

static bool refuse(script_error *error, bool unsupported, const char *what, const char *name) {
    error->unsupported = unsupported;
    (void)snprintf(error->text, sizeof error->text, "%s: %s", what, name);
    return false;
}

static bool set_stack(script *s, const char *name, uint64_t value) {
    static const struct {
        const char *name;
        size_t at;
        bool wide;
    } fields[] = {
        {"syn_cookies", offsetof(aksu_config, syn_cookies), false},
        {"time_wait_us", offsetof(aksu_config, time_wait_us), true},
        {"syn_cache_max", offsetof(aksu_config, syn_cache_max), false},
        {"time_wait_max", offsetof(aksu_config, time_wait_max), false},
        {"reset_on_overflow", offsetof(aksu_config, reset_on_overflow), false},
        {"block_max", offsetof(aksu_config, block_max), false},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        if (strcmp(fields[i].name, name) != 0) continue;
        uint32_t narrow = (uint32_t)value;
        if (fields[i].wide)
            memcpy((char *)&s->config + fields[i].at, &value, sizeof value);
        else
            memcpy((char *)&s->config + fields[i].at, &narrow, sizeof narrow);
        return true;
    }
    return false;
}

bool script_set(script *s, const char *name, uint64_t value, script_error *ret_error) {
    for (int i = 0; i < AKSU_TCP_SETTING_COUNT; i++) {
        const aksu_tcp_setting_info_t *info = aksu_tcp_setting_info((aksu_tcp_setting)i);
        if (strcmp(info->name, name) != 0) continue;
        if (value < info->min || value > info->max) return refuse(ret_error, false, "out of the setting's range", name);
        ((uint64_t *)(void *)&s->config.tcp)[i] = value;
        return true;
    }
    if (!set_stack(s, name, value)) return refuse(ret_error, false, "no such setting", name);
    const char *wrong = aksu_config_check(&s->config);
    return wrong == NULL || refuse(ret_error, false, "out of range", wrong);
}

/* One sysctl: what it means here. */
static bool sysctl(script *s, const char *name, uint64_t value, script_error *ret_error) {
    static const struct {
        const char *sysctl, *setting;
        uint64_t factor;
    } known[] = {
        {"tcp_timestamps", "timestamps", 1},
        {"tcp_window_scaling", "window_scale", 1},
        {"tcp_sack", "sack", 1},
        {"tcp_syn_retries", "syn_retries", 1},
        {"tcp_synack_retries", "syn_ack_retries", 1},
        {"tcp_retries1", "r1_retries", 1},
        {"tcp_retries2", "r2_retries", 1},
        {"tcp_orphan_retries", "orphan_retries", 1},
        {"tcp_keepalive_time", "keepalive_idle_us", 1000000},
        {"tcp_keepalive_intvl", "keepalive_interval_us", 1000000},
        {"tcp_keepalive_probes", "keepalive_count", 1},
        {"tcp_fin_timeout", "fin_wait_2_us", 1000000},
        {"tcp_syncookies", "syn_cookies", 1},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].sysctl, name) != 0) continue;
        if (strcmp(name, "tcp_timestamps") == 0 && value > 1) value = 1;
        return script_set(s, known[i].setting, value * known[i].factor, ret_error);
    }
    return refuse(ret_error, true, "the sysctl is not known here", name);
}

/* sysctl -q net.ipv4.NAME=VALUE, several in a line or lines. */
bool script_shell(script *s, const char *text, script_error *ret_error) {
    char line[512];
    (void)snprintf(line, sizeof line, "%s", text);
    char *rest = NULL;
    for (char *word = strtok_r(line, " \t\r\n;", &rest); word != NULL; word = strtok_r(NULL, " \t\r\n;", &rest)) {
        char *equals = strchr(word, '=');
        if (equals == NULL) {
            static const char *const plain[] = {"sysctl", "-q", "-w", "\\"};
            /* Scripts that set a kernel to its defaults, set sysctls one by one, and put them back. */
            static const char *const known[] = {"defaults.sh", "set_sysctls.py", "sysctl_restore"};
            bool skip = false;
            for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) skip |= strcmp(word, plain[i]) == 0;
            for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) skip |= strstr(word, known[i]) != NULL;
            if (!skip) return refuse(ret_error, true, "a shell command other than sysctl", word);
            continue;
        }
        *equals = '\0';
        const char *dot = strrchr(word, strchr(word, '/') != NULL ? '/' : '.');
        const char *value = equals + 1;
        if (*value == '"') value++;
        if (!sysctl(s, dot != NULL ? dot + 1 : word, strtoull(value, NULL, 10), ret_error)) return false;
    }
    return true;
}
