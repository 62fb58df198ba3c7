#include "node/ctl/print.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "node/ctl/documents.h"

int print_failure(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("tandemctl: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    return status;
}

static const char *text(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    return value == NULL ? "-" : value;
}

static long long number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static bool truth(const json_t *object, const char *key)
{
    return json_is_true(json_object_get(object, key));
}

/* "4m 12s", for a number of milliseconds. */
static const char *age(long long ms, char *line, size_t size)
{
    long long s = ms / 1000;
    if (s < 10)
        snprintf(line, size, "%lld.%llds", s, ms % 1000 / 100);
    else if (s < 60)
        snprintf(line, size, "%llds", s);
    else if (s < 3600)
        snprintf(line, size, "%lldm%02llds", s / 60, s % 60);
    else if (s < 86400)
        snprintf(line, size, "%lldh%02lldm", s / 3600, s / 60 % 60);
    else
        snprintf(line, size, "%lldd%02lldh", s / 86400, s / 3600 % 24);
    return line;
}

/* "fit", or the word that says best why not. */
static const char *fitness(const json_t *node)
{
    const char *fault = text(node, "fault");
    if (strcmp(fault, "sound") == 0)
        return "fit";
    if (strcmp(fault, "worker-unfit") == 0)
        return text(node, "gate");
    return strcmp(fault, "isolated") == 0 ? text(node, "reception") : fault;
}

static void print_nodes(const json_t *nodes)
{
    printf("\n%-10s %-11s %-16s %-10s %-8s %-8s %s\n", "NODE", "STATE", "FITNESS", "SYNC", "BEHIND",
           "UP", "SERVERS");
    size_t i;
    json_t *node;
    json_array_foreach (nodes, i, node) {
        char up[32];
        const json_t *servers = json_object_get(node, "servers");
        bool reachable = truth(node, "reachable");
        const char *state = reachable              ? "answering"
                            : truth(node, "lives") ? "NO RECORDS"
                                                   : "NOT HEARD";
        printf("%-10s %-11s %-16s %-10s %-8lld %-8s", text(node, "name"), state,
               reachable ? fitness(node) : "-", text(node, "sync"), number(node, "behind_records"),
               reachable ? age(number(node, "up_s") * 1000, up, sizeof up) : "-");
        const char *verdict;
        json_t *count;
        json_object_foreach ((json_t *)servers, verdict, count) {
            if (json_integer_value(count) > 0 && reachable)
                printf(" %lld %s", (long long)json_integer_value(count), verdict);
        }
        putchar('\n');
    }
}

static void print_addresses(const json_t *addresses)
{
    printf("\n%-24s %-10s %-10s %-8s %s\n", "ADDRESS", "HOME", "HELD BY", "SINCE", "WHY");
    size_t i;
    json_t *address;
    json_array_foreach (addresses, i, address) {
        char since[32];
        bool is_held = json_is_string(json_object_get(address, "holder"));
        printf("%-24s %-10s %-10s %-8s %s\n", text(address, "address"), text(address, "home"),
               is_held ? text(address, "holder") : "NOBODY",
               is_held && json_is_integer(json_object_get(address, "since_s"))
                   ? age(number(address, "since_s") * 1000, since, sizeof since)
                   : "-",
               is_held ? text(address, "reason") : "");
    }
}

static void print_pools(const json_t *pools)
{
    printf("\n%-12s %-32s %-8s %-6s %-7s %s\n", "POOL", "ANSWERS FOR", "UP", "GROUP", "ROUNDS",
           "STATE");
    size_t i;
    json_t *pool;
    json_array_foreach (pools, i, pool) {
        char up[32];
        snprintf(up, sizeof up, "%lld/%lld", number(pool, "up"), number(pool, "members"));
        printf("%-12s %-32s %-8s %-6lld %-7lld %s%s%s\n", text(pool, "name"),
               text(pool, "answers_for"), up, number(pool, "group_size"), number(pool, "rounds"),
               truth(pool, "ready") ? "ready" : "NOT READY",
               truth(pool, "frozen") ? ", FROZEN" : "",
               truth(pool, "at_last_resort") ? ", LAST RESORT" : "");
    }
}

static void print_alarms(const json_t *alarms)
{
    size_t i;
    json_t *alarm;
    if (json_array_size(alarms) > 0)
        puts("\nALARMS");
    json_array_foreach (alarms, i, alarm) {
        printf("  %s\n", json_string_value(alarm));
    }
}

static void print_transition(const json_t *one)
{
    char ago[32];
    bool has_pool = json_is_string(json_object_get(one, "pool"));
    bool has_from = json_is_string(json_object_get(one, "from"));
    printf("  %7s ago  %s: %s %s%s%s %s%s%s reason=%s\n",
           age(number(one, "age_ms"), ago, sizeof ago), text(one, "node"), text(one, "area"),
           text(one, "subject"), has_pool ? " in " : "", has_pool ? text(one, "pool") : "",
           has_from ? text(one, "from") : "", has_from ? " -> " : "", text(one, "to"),
           text(one, "reason"));
}

static void print_transitions(const json_t *transitions)
{
    enum { SHOWN = 10 };
    size_t count = json_array_size(transitions);
    if (count > 0)
        puts("\nLAST TRANSITIONS");
    for (size_t i = count > SHOWN ? count - SHOWN : 0; i < count; i++)
        print_transition(json_array_get(transitions, i));
}

static void print_status(const json_t *answer)
{
    printf("cluster %s: %s (asked on %s)\n", text(answer, "cluster"), text(answer, "health"),
           text(answer, "asked"));
    print_addresses(json_object_get(answer, "addresses"));
    print_nodes(json_object_get(answer, "nodes"));
    const json_t *witnesses = json_object_get(answer, "witnesses");
    if (json_is_array(witnesses) && json_array_size(witnesses) == 0)
        puts("no witness is configured: carrier and partner alone prove that a node is reached");
    print_pools(json_object_get(answer, "pools"));
    print_alarms(json_object_get(answer, "alarms"));
    print_transitions(json_object_get(answer, "transitions"));
}

static void print_server(const json_t *server)
{
    const json_t *report = json_object_get(server, "report");
    char reported[32] = "never";
    if (json_is_object(report))
        age(number(report, "age_ms"), reported, sizeof reported);
    size_t i;
    json_t *pool;
    json_array_foreach (json_object_get(server, "pools"), i, pool) {
        char since[32];
        printf("%-16s %-12s %-9s %-15s %-8s %8lld %8lld %8lld %5s %5lld %5lld %8s\n",
               text(server, "name"), text(pool, "pool"), text(pool, "verdict"),
               text(pool, "reason"), age(number(pool, "since_ms"), since, sizeof since),
               number(pool, "sockets"), number(pool, "pending"), number(server, "capacity"),
               truth(pool, "in_group") ? "yes" : "", number(report, "cpu_permille") / 10,
               number(report, "memory_permille") / 10, reported);
    }
}

static void print_servers(const json_t *answer)
{
    printf("%-16s %-12s %-9s %-15s %-8s %8s %8s %8s %5s %5s %5s %8s\n", "SERVER", "POOL", "VERDICT",
           "REASON", "SINCE", "SOCKETS", "PENDING", "CAPACITY", "GROUP", "CPU%", "MEM%", "REPORT");
    size_t i;
    json_t *server;
    json_array_foreach (json_object_get(answer, "servers"), i, server) {
        print_server(server);
    }
}

/* Numbers by name, however deep: "dns.answers.positive 12". Zeros are left out. */
static void print_numbers(const char *prefix, const json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        char name[256];
        snprintf(name, sizeof name, "%s%s%s", prefix, prefix[0] == '\0' ? "" : ".", key);
        if (json_is_object(value))
            print_numbers(name, value);
        else if (json_integer_value(value) != 0)
            printf("%-48s %lld\n", name, (long long)json_integer_value(value));
    }
}

static void print_events(const json_t *events)
{
    for (size_t i = 0; i < json_array_size(events); i++)
        print_transition(json_array_get(events, i));
}

static void print_orders(const json_t *orders)
{
    if (json_array_size(orders) == 0)
        puts("no order is in force");
    else
        printf("%-16s %-20s %-16s %-8s %-8s %s\n", "OF", "ORDER", "BY", "GIVEN", "LEFT", "BECAUSE");
    size_t i;
    json_t *order;
    json_array_foreach (orders, i, order) {
        char given[32], left[32];
        bool has_end = json_is_integer(json_object_get(order, "left_s"));
        bool is_dated = json_is_integer(json_object_get(order, "given_s"));
        printf("%-16s %-20s %-16s %-8s %-8s %s\n", text(order, "subject"), text(order, "order"),
               text(order, "author"),
               is_dated ? age(number(order, "given_s") * 1000, given, sizeof given) : "-",
               has_end ? age(number(order, "left_s") * 1000, left, sizeof left) : "-",
               text(order, "because"));
    }
}

static void print_revisions(const json_t *answer)
{
    const json_t *revisions = json_object_get(answer, "revisions");
    size_t i;
    json_t *one;
    if (json_array_size(revisions) == 0)
        printf("no revision is in force: each node serves its file, this one %s\n",
               text(answer, "file"));
    else
        printf("%-9s %-5s %-8s %-20s %s\n", "REVISION", "TERM", "MADE", "BY", "WHAT");
    json_array_foreach (revisions, i, one) {
        char made[32], until[80] = "";
        if (json_is_integer(json_object_get(one, "to_confirm_s")) &&
            i + 1 == json_array_size(revisions))
            snprintf(until, sizeof until, ", to be confirmed within %llds",
                     number(one, "to_confirm_s"));
        printf("%-9lld %-5lld %-8s %-20s %s%s%s\n", number(one, "revision"), number(one, "term"),
               age(number(one, "age_s") * 1000, made, sizeof made), text(one, "author"),
               text(one, "what"), until,
               number(one, "revision") == number(answer, "served") ? " (served)" : "");
    }
    printf("the writer is %s; the partner: %s\n", text(answer, "writer"), text(answer, "partner"));
    if (number(answer, "prepared") != 0)
        printf("prepared: %lld\n", number(answer, "prepared"));
    if (documents_file_differs(answer))
        printf("%s differs from what is in force: see \"tandemctl diff\"\n", text(answer, "file"));
    if (text(answer, "restart_needed")[0] != '\0')
        printf("restart needed for: %s\n", text(answer, "restart_needed"));
}

static void print_file(const char *path)
{
    char line[4096];
    FILE *file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        fputs(line, stdout);
    if (file != NULL)
        fclose(file);
}

/* The file before, and this one. */
static void print_audit(const char *path)
{
    char older[4096];
    snprintf(older, sizeof older, "%s.1", path);
    print_file(older);
    print_file(path);
}

static void print_checks(const json_t *checks)
{
    size_t i;
    json_t *check;
    json_array_foreach (checks, i, check) {
        printf("%-4s  %-15s %s\n", text(check, "level"), text(check, "name"),
               text(check, "sentence"));
    }
}

void print_answer(const char *command, const json_t *answer)
{
    if (strcmp(command, "status") == 0)
        print_status(answer);
    else if (strcmp(command, "events") == 0)
        print_events(json_object_get(answer, "events"));
    else if (strcmp(command, "orders") == 0)
        print_orders(json_object_get(answer, "orders"));
    else if (strcmp(command, "history") == 0)
        print_revisions(answer);
    else if (strcmp(command, "audit") == 0)
        print_audit(text(answer, "audit"));
    else if (strcmp(command, "doctor") == 0)
        print_checks(json_object_get(answer, "checks"));
    else if (strcmp(command, "servers") == 0)
        print_servers(answer);
    else if (strcmp(command, "counters") == 0)
        print_numbers("", answer);
    else if (strcmp(command, "version") == 0)
        printf("tandem %s on %s\n", text(answer, "version"), text(answer, "asked"));
    else if (json_is_string(json_object_get(answer, "token")))
        puts(text(answer, "token")); /* alone, to be copied or read by a program */
    else
        puts(text(answer, "outcome"));
}
